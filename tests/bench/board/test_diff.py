"""What differs between two units: fields, units, exit status."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given

from jbd_bench import BmsClient, Snapshot, open_target, take_snapshot
from jbd_bench.__main__ import main
from jbd_bench.board._diff import differences, live_differences
from jbd_bench.board._files import Known, known_of, write_snapshot

from .conftest import snapshots

BOARD = "emulator:0x21?board=4s"
Told = tuple[int, str, str]


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Callable[..., Told]:
    def told(*arguments: object) -> Told:
        status = main(["diff", *map(str, arguments)])
        return status, *capsys.readouterr()

    return told


def taken(target: str = BOARD, **changes: int | str) -> Snapshot:
    link = open_target(target)
    try:
        client = BmsClient(link)
        with client.factory_mode():
            for name, value in changes.items():
                client.write_setting(name, value)
        link.clock.sleep_until(link.clock.now_s() + 2.0)
        return take_snapshot(client, factory=True)
    finally:
        link.close()


def rows(one: Known, other: Known) -> list[tuple[str, str, str, str]]:
    return [(d.place, d.field, d.one, d.other) for d in differences(one, other)]


def test_a_unit_does_not_differ_from_itself(told: Callable[..., Told]) -> None:
    status, out, _ = told(BOARD, BOARD)
    assert (status, out) == (0, "no difference\n")


def test_settings_are_told_by_field_in_their_units() -> None:
    one = known_of(taken())
    other = known_of(taken(covp=3600, chgot=3431, mfg_name="bench", mfg_date="2022-02-03"))
    assert rows(one, other) == [
        ("0x15", "mfg_date", "'2021-05-05'", "'2022-02-03'"),
        ("0x18", "chgot", "65.0 degC", "70.0 degC"),
        ("0x24", "covp", "3650 mV", "3600 mV"),
        ("0xA0", "mfg_name", "'DGJBD'", "'bench'"),
    ]


def test_of_a_packed_setting_the_field_that_differs_is_told() -> None:
    link = open_target(BOARD)
    client = BmsClient(link)
    with client.factory_mode():
        client.write_setting("cell_v_delays", covp_delay=7)
        client.write(0x2D, b"\x00\x0e")
    other = known_of(take_snapshot(client, factory=True))
    link.close()
    found = rows(known_of(taken()), other)
    assert [row[:2] for row in found] == [("0x2D", "bits_set"), ("0x3D", "covp_delay")]
    assert found[1][2:] == ("2 s", "7 s")


def test_another_firmware_is_told_by_what_it_serves() -> None:
    found = rows(known_of(taken("emulator:0x15")), known_of(taken("emulator:0x21")))
    assert ("identity", "version", "0x15", "0x21") in found
    assert ("identity", "counter_bytes", "22", "24") in found
    assert ("0x42", "cap_90", "not there", "3375 mV") in found


def test_words_that_only_fa_reaches_are_told_by_number() -> None:
    one = taken("emulator:0x25")
    other = known_of(
        Snapshot.from_toml(one.to_toml().replace('"113" = "00 00"', '"113" = "00 3C"'))
    )
    assert rows(known_of(one), other) == [("parameter 113", "correction_interval", "0 s", "60 s")]


def test_settings_that_only_fa_showed_are_compared_too() -> None:
    link = open_target("emulator:0x25")
    without = known_of(take_snapshot(BmsClient(link), factory=False))
    link.close()
    assert not rows(without, known_of(taken("emulator:0x25")))
    assert [row[1] for row in rows(without, known_of(taken("emulator:0x25", covp=3600)))] == [
        "covp"
    ]


def test_live_values_are_shown_and_do_not_count(told: Callable[..., Told]) -> None:
    loaded = f"{BOARD}&load_ma=50000"
    status, out, _ = told(BOARD, loaded, "--live")
    assert status == 0
    assert "-50000 mA" in out
    assert "live values" in out
    document = json.loads(told(BOARD, loaded, "--live", "--json")[1])
    assert document["same"] is True
    assert {row["field"] for row in document["live"]} >= {"current", "pack_voltage"}


def test_json_names_every_difference(told: Callable[..., Told]) -> None:
    status, out, _ = told(BOARD, "emulator:0x21?board=8s", "--json")
    document = json.loads(out)
    assert (status, document["same"], document["not_compared"]) == (1, False, [])
    [cells] = [row for row in document["differences"] if row["field"] == "cell_cnt"]
    assert cells == {
        "section": "settings", "place": "0x2F", "title": "series count", "field": "cell_cnt",
        "one": "4 cells", "other": "8 cells",
    }  # fmt: skip


def test_files_and_targets_are_compared_with_each_other(
    told: Callable[..., Told], tmp_path: Path
) -> None:
    snapshot, fig = tmp_path / "unit.toml", tmp_path / "unit.fig"
    for path in (snapshot, fig):
        write_snapshot(taken(covp=3600), path)
    assert told(snapshot, fig)[0] == 0
    assert told(snapshot, snapshot)[0] == 0
    status, out, _ = told(fig, BOARD)
    assert status == 1
    assert "3600 mV" in out
    assert "1 difference" in out
    assert str(fig) in out


def test_a_fig_file_that_lacks_keys_is_compared_by_those_it_holds(
    told: Callable[..., Told], tmp_path: Path
) -> None:
    path = tmp_path / "old.fig"
    path.write_text("FileCode 3838\r\nCellOverVoltage 3650\r\nPackNum 8\r\n")
    status, out, _ = told(path, BOARD)
    assert status == 1
    assert "8 cells" in out
    assert "1 difference" in out


def test_settings_that_were_not_read_are_never_called_the_same(told: Callable[..., Told]) -> None:
    status, out, err = told(BOARD, BOARD, "--allow", "none")
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert "settings were not compared" in line
    assert "--allow settings" in line


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("unit.toml", "[unit]", "[snapshot]: missing"),
        ("unit.toml", "= 5", "unit.toml: snapshot: "),
        ("unit.fig", "CellOverVoltage much", "line 1: CellOverVoltage 'much'"),
        ("unit.fig", None, "unit.fig: no such file"),
    ],
)
def test_a_file_that_is_neither_is_one_line(
    told: Callable[..., Told], tmp_path: Path, name: str, text: str | None, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text)
    status, out, err = told(path, BOARD)
    assert (status, out) == (2, "")
    [line] = err.splitlines()
    assert said in line


@given(snapshots, snapshots)
def test_a_difference_goes_both_ways_and_none_to_itself(one: Snapshot, other: Snapshot) -> None:
    first, second = known_of(one), known_of(other)
    assert not differences(first, first)
    assert not live_differences(first, first)
    assert len(differences(first, second)) == len(differences(second, first))
