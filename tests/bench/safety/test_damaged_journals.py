"""A journal that was damaged is never passed over: the board it names may still be changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient
from jbd_bench.__main__ import main
from jbd_bench.safety import Journal, JournalError, NotRestored, open_journals, restore_journal

if TYPE_CHECKING:
    from tests.bench.safety.conftest import Rig


def saves(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write_setting("covp", 3500)
        client.write_setting("cuvp", 2600)
    client.write(0xE1, b"\x00\x02")


def left_behind(rig: Rig) -> Path:
    """Return the journal of a run that was killed."""
    board = rig.board()
    saves(BmsClient(rig.begin(board)))
    rig.kill(board)
    [path] = open_journals(rig.folder)
    return path


def damage(path: Path, event: str, **fields: object) -> int:
    """Cut the first line of an event short; return its number."""
    lines = path.read_bytes().splitlines(keepends=True)
    rows = [json.loads(line) if line.endswith(b"}\n") else {} for line in lines]
    at = next(
        n
        for n, row in enumerate(rows)
        if row.get("event") == event and fields.items() <= row.items()
    )
    lines[at] = lines[at][:-20] + b"\n"
    path.write_bytes(b"".join(lines))
    return at + 1


@pytest.mark.parametrize("event", ["write", "snapshot", "begin"])
def test_nothing_begins_on_a_board_that_a_damaged_journal_names(rig: Rig, event: str) -> None:
    path = left_behind(rig)
    # What the next run would have taken for the board as it was found.
    changed = rig.state()
    count = len(rig.writes())
    damage(path, event)
    again = rig.board()
    assert again.has_open_journal()
    with pytest.raises(NotRestored, match=r"damaged.*jbd-bench restore --journal .*--forget"):
        again.open()
    assert (rig.state(), len(rig.writes())) == (changed, count)
    assert open_journals(rig.folder) == [path]


def test_a_damaged_journal_of_another_port_is_told_and_left(rig: Rig, tmp_path: Path) -> None:
    rig.folder.mkdir()
    path = rig.folder / "20260101T000000000000-1-serial-dev-ttyUSB7.jsonl"
    path.write_bytes(b"nonsense\n")
    rig.board().open()
    assert [line for line in rig.said if str(path) in line]
    assert path.read_bytes() == b"nonsense\n"


def test_what_can_be_read_is_put_back_by_hand(rig: Rig) -> None:
    before = rig.unit.device.settings.eeprom()
    path = left_behind(rig)
    # The writes of one setting and of MOSFET control are in lines that nobody can read.
    numbers = (damage(path, "write", register=0x24), damage(path, "write", register=0xE1))
    with pytest.raises(JournalError, match=f"line {numbers[0]}: damaged"):
        Journal.reopen(path)
    journal = Journal.reopen(path, lenient=True)
    assert journal.record.damaged == numbers
    outcome = restore_journal(journal, rig.plug, None)
    assert not outcome.failed
    assert any("damaged in line" in line for line in outcome.lasting)
    assert rig.unit.device.settings.eeprom() == before
    assert rig.unit.device.monitor.fet_lock == 0
    assert open_journals(rig.folder) == []


def test_without_the_snapshot_nothing_is_put_back_and_it_can_only_be_given_up(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    path = left_behind(rig)
    number = damage(path, "snapshot")
    with pytest.raises(JournalError, match=f"line {number}: damaged"):
        Journal.reopen(path, lenient=True)
    assert main(["restore", "--journal", str(path)]) == 2
    assert f"line {number}: damaged" in capsys.readouterr().err
    assert main(["restore", "--journal", str(path), "--forget", "--json"]) == 0
    [row] = json.loads(capsys.readouterr().out)["journals"]
    assert "given up by hand" in row["error"]
    assert open_journals(rig.folder) == []
    rig.board().open()


def test_one_journal_keeps_no_other_back(
    rig: Rig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = rig.unit.device.settings.eeprom()
    left_behind(rig)
    (rig.folder / "0.jsonl").write_bytes(b"nonsense\n")

    def open_target(_: str) -> object:
        return rig.plug

    monkeypatch.setattr("jbd_bench.transports.open_target", open_target)
    assert main(["restore", "--journal", str(rig.folder), "--json"]) == 1
    bad, good = json.loads(capsys.readouterr().out)["journals"]
    assert "0.jsonl, line 1: damaged or none" in bad["error"]
    assert good["good"]
    assert rig.unit.device.settings.eeprom() == before
    assert main(["restore", "--journal", str(rig.folder), "--list"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_an_ended_journal_that_could_not_be_moved_is_over(
    make_rig: Callable[..., Rig],
) -> None:
    rig = make_rig()
    path = left_behind(rig)
    (rig.folder / "closed").write_text("in the way")
    given_up = Journal.reopen(path)
    assert given_up.end("given up by hand") == path
    changed = rig.state()
    rig.board().open()
    assert rig.state() == changed
