"""The gallery proves itself: each entry finds its bug, and a client without it passes."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from jbd_bench.__main__ import main
from jbd_bench.gallery import (
    ENTRIES,
    FAILED,
    NOT_FOR,
    PASSED,
    Entry,
    GalleryClient,
    Look,
    Stage,
    Truth,
    bad_client,
    clients,
    drive_steps,
    markdown,
    run_entry,
    run_gallery,
)
from jbd_bench.gallery._bad import BAD_CLIENTS
from jbd_bench.gallery._careful import CarefulClient
from jbd_bench.gallery._client import NO_RADIO
from jbd_bench.gallery._markdown import BEGIN, END
from jbd_emulator import scenario_names

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "gallery.md"
CAN = frozenset({"monitor", "settings", "write", "capacity", "charge"})
needs_radio = pytest.mark.skipif(find_spec("bumble") is None, reason="needs jbd-bench[ble]")


def each_entry() -> list[object]:
    return [
        pytest.param(row, id=row.id, marks=[needs_radio] if row.module is not None else [])
        for row in ENTRIES.values()
    ]


def test_every_entry_has_a_scenario_a_source_and_a_client_with_its_bug() -> None:
    assert set(ENTRIES) == set(BAD_CLIENTS)
    assert set(ENTRIES) <= set(scenario_names())
    assert len(ENTRIES) == 17
    for row in ENTRIES.values():
        assert row.title
        assert row.good
        assert row.bug
        assert row.reported.source


@pytest.mark.parametrize("entry", each_entry())
def test_an_entry_finds_its_own_bug(entry: Entry) -> None:
    found = run_entry(entry, bad_client(entry.id))
    assert found.result == FAILED
    assert found.why


@pytest.mark.parametrize("entry", each_entry())
def test_the_same_client_without_the_bug_passes(entry: Entry) -> None:
    careful = GalleryClient(id="careful", title="", can=CAN, drive=drive_steps(CarefulClient))
    found = run_entry(entry, careful)
    assert (found.result, found.why) == (PASSED, "")


@pytest.mark.parametrize("entry", each_entry())
def test_the_client_of_this_package_passes(entry: Entry) -> None:
    found = run_entry(entry, clients()["jbd-bench"])
    assert (found.result, found.why) == (PASSED, "")


@pytest.mark.slow
def test_the_matrix_in_the_documentation_is_what_the_clients_do() -> None:
    rows = documented()
    found = [one for one in run_gallery() if one.why not in missing_here()]
    assert len(found) > len(ENTRIES) * 3
    # Reasons are numbered by their first place in the whole matrix; here some columns may lack.
    for one in found:
        shown = {PASSED: "ok", NOT_FOR: "n/a", FAILED: "**no**"}[one.result]
        assert rows[one.entry][one.client].split(" ")[0] == shown, one
        if one.result == FAILED:
            assert rows[one.entry][one.client].split(" ", 1)[1] == reason(one.why), one


def documented() -> dict[str, dict[str, str]]:
    text = DOCUMENT.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    matrix = [line for line in text.splitlines() if line.startswith("|")][2 + len(ENTRIES) :]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in matrix]
    header = table[0][1:]
    return {row[0].strip("`"): dict(zip(header, row[1:], strict=True)) for row in table[2:]}


def reason(why: str) -> str:
    text = DOCUMENT.read_text("utf-8").partition(BEGIN)[2]
    lines = text.partition("What the failures are:")[2].splitlines()
    numbers = {words: number for number, _, words in (line.partition(". ") for line in lines)}
    return numbers[why]


def missing_here() -> set[str]:
    return {NO_RADIO, *(row.missing for row in clients().values() if row.missing)}


def test_what_is_shown_is_compared_with_the_board() -> None:
    truth = Truth.of(Stage(ENTRIES["forgotten-write"]).unit.device)
    info, cells = truth.info, truth.cell_mv
    right = Look(
        pack_mv=info.pack_mv, cell_mv=cells, rsoc_percent=info.rsoc_percent,
        remaining_mah=info.remaining_mah, nominal_mah=info.nominal_mah,
    )  # fmt: skip
    assert truth.wrong(right) == truth.wrong(Look(error="no answer")) == ""
    assert "0.00 V" in truth.wrong(replace(right, pack_mv=0))
    assert "5 cells" in truth.wrong(replace(right, cell_mv=(*cells, 3300)))
    assert "cell 4 with 0 mV" in truth.wrong(replace(right, cell_mv=(*cells[:3], 0)))
    assert "% charge" in truth.wrong(replace(right, rsoc_percent=info.rsoc_percent - 5))
    assert "Ah remaining" in truth.wrong(replace(right, remaining_mah=info.remaining_mah // 10))
    assert "Ah nominal" in truth.wrong(replace(right, nominal_mah=info.nominal_mah * 10))


def test_a_client_that_breaks_fails_and_the_gallery_goes_on() -> None:
    def make(link: object) -> CarefulClient:
        raise ZeroDivisionError("by its author")

    broken = GalleryClient(id="broken", title="", can=CAN, drive=drive_steps(make))
    found = run_entry(ENTRIES["ghost-cells"], broken)
    assert (found.result, found.why) == (FAILED, "it ended: ZeroDivisionError: by its author")


def test_an_entry_says_nothing_of_a_client_that_cannot(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--client", "jbdtools-2021", "--entry", "echo-until-paired",
                 "--entry", "forgotten-write", "--json"]) == 0  # fmt: skip
    rows = json.loads(capsys.readouterr().out)
    assert [(row["result"], row["why"]) for row in rows] == [
        ("n/a", "knows no Bluetooth"),
        ("n/a", "does not write that setting"),
    ]


def test_the_command_fails_with_the_client_that_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    choice = ["gallery", "--entry", "ghost-cells", "--client"]
    assert main([*choice, "jbd-bench"]) == 0
    assert "ghost-cells: 1 pass: jbd-bench" in capsys.readouterr().out
    assert main([*choice, "bms-tools-1.1.4"]) == 1
    assert "fails bms-tools-1.1.4" in capsys.readouterr().out


def test_prove_runs_the_seeded_bugs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--prove", "--entry", "slow-pieces", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["client"], row["result"]) == ("seeded", "failed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--client", "nobody"], "client 'nobody': must be one of jbd-bench, "),
        (["--entry", "nothing"], "entry 'nothing': must be one of android-3-1-1026-lockout, "),
        (["--prove", "--client", "jbd-bench"], "prove: runs clients of its own"),
        (["--prove", "--update", "page.md"], "update: takes a matrix of clients, --prove has none"),
        (["--update", "nowhere.md"], "update nowhere.md: no such file or directory"),
        (["--update", "/"], "update /: is a directory"),
    ],
)
def test_bad_input_is_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gallery", *arguments]) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1


def test_a_document_is_updated_in_its_block_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    choice = ["gallery", "--entry", "ghost-cells", "--client", "jbd-bench", "--update", str(page)]
    assert main(choice) == 0
    text = page.read_text("utf-8")
    assert text.startswith(f"before\n{BEGIN}\n| entry |")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    block = markdown(list(run_gallery(["ghost-cells"], ["jbd-bench"])))
    assert block in text
    page.write_text("no block", "utf-8")
    assert main(choice) == 2
    assert "no <!-- jbd-bench gallery --markdown -->" in capsys.readouterr().err


def test_everything_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["gallery", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["entry"] for row in listed["entries"]] == list(ENTRIES)
    assert [row["client"] for row in listed["clients"]] == list(clients())
