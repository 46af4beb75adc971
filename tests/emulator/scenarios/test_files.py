"""Scenario files: what they may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from jbd_emulator import ConfigError, Unit, parse_unit, unit_from_table
from jbd_emulator.__main__ import main
from jbd_emulator.plant import DailySchedule
from jbd_emulator.scenario import (
    ACTIONS,
    Event,
    Scenario,
    TerminalRow,
    load_scenario,
    parse_scenario,
    scenario_from_table,
    seconds,
)

WHOLE = """
title = "Everything once."
board = "8s"
firmware = "0x17"
pin = "123456"
seed = 9
lasts = "2 h"

[pack]
soc = 0.4
spread = 0.01
ambient_celsius = 5
cell = [{ number = 2, soc = 0.5 }]
ntc = [{ number = 1, state = "ok" }]

[settings]
covp = 3600
covp_delay = 3
buzzer = true

[[terminal]]
name = "lamp"
kind = "daily_load"
current_ma = 1_000
on_hour = 18
off_hour = 22

[[terminal]]
name = "recorded"
kind = "csv"
file = "drive.csv"
connected = false

[[event]]
at = "1 h"
do = "connect"
terminal = "recorded"

[[event]]
at = 90
do = "write_setting"
settings = { covp = 3700 }
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "drive.csv").write_text("time_s,current_ma\n0,-2000\n7200,3000\n")
    (tmp_path / "whole.toml").write_text(WHOLE)
    return tmp_path


def test_a_file_says_unit_pack_settings_terminals_and_events(folder: Path) -> None:
    scenario = load_scenario(folder / "whole.toml")
    device = Unit(scenario.config()).device
    assert (device.firmware.version, device.board.key) == (0x17, "8s")
    assert device.pin_is_set
    assert (device.pack.cell(2).soc, device.pack.ambient_dk) == (0.5, 2781)
    assert device.settings.word(0x24) == 3600
    assert device.settings.word(0x3D) & 0xFF == 3
    assert device.settings.word(0x2D) == 15 | 1 << 10
    assert len(device.pack.terminals) == 1
    assert isinstance(device.pack.terminals[0], DailySchedule)
    assert [event.at_s for event in scenario.events] == [90, 3600]
    device.advance_to(91.0)
    assert device.settings.word(0x24) == 3700
    device.advance_to(3605.0)
    assert round(device.pack.current_ma) == -2000
    assert device.story is not None
    assert device.story.past == scenario.events


def test_settings_of_a_scenario_are_burnt_in_and_those_of_an_event_are_not(folder: Path) -> None:
    device = Unit(load_scenario(folder / "whole.toml").config()).device
    device.advance_to(100.0)
    device.power_cycle(101.0)
    assert device.settings.word(0x24) == 3600


def test_the_unit_s_own_options_win_over_the_scenario() -> None:
    config = unit_from_table({"firmware": "0x17", "scenario": "weak-cell", "seed": 5})
    assert (config.firmware, config.seed, config.board) == (0x17, 5, "4s")
    assert config.scenario == load_scenario("weak-cell")


def test_a_line_of_text_may_name_a_scenario() -> None:
    unit = Unit(parse_unit("0x21?scenario=deep-discharge&speed=60"))
    unit.device.advance_to(35.0)
    assert unit.device.monitor.protection_bits == 0b10


def test_a_scenario_can_be_made_in_python() -> None:
    scenario = Scenario(
        unit={"board": "4s"},
        terminals=(TerminalRow({"kind": "current_load", "current_ma": 3_000}),),
        events=(Event(5.0, "hold_cell", {"cell": 3, "mv": 3_700}),),
    )
    scenario.check()
    device = Unit(scenario.config()).device
    device.advance_to(8.0)
    assert device.monitor.sample.cell_mv[2] == 3700
    assert device.monitor.protection_bits == 1


def test_every_action_can_be_done() -> None:
    fields: dict[str, dict[str, object]] = {
        "load": {"current_ma": 5},
        "charger": {"voltage_mv": 14_000, "current_ma": 5},
        "connect": {"terminal": "b"},
        "disconnect": {"terminal": "a"},
        "hold_cell": {"cell": 1, "mv": 3_000},
        "release_cell": {"cell": 1},
        "set_cell": {"cell": 1, "soc": 0.4, "leak_ma": 3},
        "hold_ntc": {"ntc": 1, "celsius": 60},
        "release_ntc": {"ntc": 1},
        "set_ntc": {"ntc": 2, "state": "short"},
        "hold_current": {"current_ma": -5},
        "release_current": {},
        "ambient": {"celsius": -20},
        "short_circuit": {},
        "remove_short": {},
        "write_setting": {"settings": {"cuvp": 2600}},
        "switch": {"closed": False},
        "power_cycle": {},
        "fault": {"kind": "drop", "id": "lost", "register": 3},
        "heal": {"id": "lost"},
        "link": {"up": False, "end": "client"},
        "firmware": {"version": "0x20"},
        "pin": {"digits": "123456"},
    }
    assert set(fields) == set(ACTIONS)
    document = {
        "terminal": [
            {"name": "a", "kind": "current_load", "current_ma": 1},
            {"name": "b", "kind": "current_load", "current_ma": 1, "connected": False},
        ],
        "event": [{"at": n, "do": do, **fields[do]} for n, do in enumerate(ACTIONS)],
    }
    device = Unit(scenario_from_table(document).config()).device
    device.advance_to(30.0)
    assert device.story is not None
    assert [event.do for event in device.story.past] == list(ACTIONS)


@pytest.mark.parametrize(
    ("text", "time_s"),
    [("90 s", 90), ("15min", 900), ("2 h", 7200), ("1.5 d", 129_600), (12, 12), (0.5, 0.5)],
)
def test_times_are_written_as_people_write_them(text: object, time_s: float) -> None:
    assert seconds("at", text) == time_s


TOP = 'title = "Wrong."\nboard = "4s"\n'
EVENT = TOP + '\n[[event]]\nat = "1 s"\ndo = "load"\ncurrent_ma = 1\n\n[[event]]\nat = "1 s"\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (TOP + "board == 3", "scenario bad: Invalid value (at line 3, column 8)"),
        ('board = "5s"', "scenario bad, line 1: board '5s': unknown; there is 4s, 8s, 16s"),
        (TOP + "mood = 1", "scenario bad, line 3: mood: unknown key; there is board, "),
        (TOP + 'lasts = "soon"', "scenario bad, line 3: lasts: 'soon' must be seconds, or a text"),
        (TOP + "pack = 3", "scenario bad, line 3: pack: 3 is not a table"),
        (
            TOP + "[pack]\nsoc = 3",
            "scenario bad, line 4, pack: soc: 3 is outside -0.03..1.05",
        ),
        (TOP + "[pack]\ncells = 8", "scenario bad, line 4, pack: cells: 8, board 4s has 4"),
        (
            TOP + "[settings]\ncovp = 3600\ncovpp = 1",
            "scenario bad, line 5, settings: covpp: no such field of a setting",
        ),
        (TOP + "[settings]\ncovp = 99999", "scenario bad, line 4, settings: covp"),
        (
            TOP + "[settings]\nbalance_en = 1",
            "scenario bad, line 4, settings: balance_en: 1 is not true or false",
        ),
        (
            TOP + '[[terminal]]\nkind = "cc_cv"\nvoltage_mv = 14_000\ncurrent_ma = -1',
            "scenario bad, line 6, terminal 1: current_ma: -1 is outside 0..1e+07",
        ),
        (
            TOP + '[[terminal]]\nkind = "cc_cv"\nconnected = "yes"',
            "scenario bad, line 5, terminal 1: connected: 'yes' is not true or false",
        ),
        (
            TOP + '[[terminal]]\nkind = "csv"\nfile = "nowhere.csv"',
            "scenario bad, line 5, terminal 1: file: nowhere.csv: no such file or directory",
        ),
        (TOP + "terminal = 3", "scenario bad, line 3: terminal: 3 is not a list"),
        (TOP + "[[event]]\nat = 1", "scenario bad, line 3, event 1: do: None is not a string"),
        (
            EVENT + 'do = "explode"',
            "scenario bad, line 11, event 2: do: 'explode' is none of load, charger, ",
        ),
        (TOP + '[[event]]\ndo = "load"', "scenario bad, line 3, event 1: at: missing"),
        (EVENT + 'do = "load"', "scenario bad, line 9, event 2: current_ma: missing from load"),
        (
            EVENT + 'do = "load"\ncurrent_ma = 1\nvolts = 2',
            "scenario bad, line 13, event 2: volts: unknown, known are current_ma",
        ),
        (
            EVENT + 'do = "hold_cell"\ncell = 5\nmv = 1',
            "scenario bad, line 12, event 2: cell: 5 is outside 1..4",
        ),
        (
            EVENT + 'do = "connect"\nterminal = "lamp"',
            "scenario bad, line 12, event 2: terminal: 'lamp' is unknown, no terminal has a name",
        ),
        (
            EVENT + 'do = "ambient"\ncelsius = 298.1',
            "scenario bad, line 12, event 2: celsius: 298.1 is outside -50..150",
        ),
        (
            EVENT + 'do = "switch"\nclosed = 1',
            "scenario bad, line 12, event 2: closed: 1 is not true or false",
        ),
        (
            EVENT + 'do = "firmware"\nversion = "0x99"',
            "scenario bad, line 12, event 2: version: '0x99' is none of 0x15, 0x16",
        ),
        (
            EVENT + 'do = "firmware"\nversion = true',
            "scenario bad, line 12, event 2: version: True is not a string",
        ),
        (
            EVENT + 'do = "pin"\ndigits = "12"',
            "scenario bad, line 12, event 2: digits: '12' must be six digits",
        ),
        (
            TOP + 'scenario = "weak-cell"',
            "scenario bad, line 3: scenario: a scenario cannot live through another one",
        ),
    ],
)
def test_a_broken_scenario_says_where_and_what(source: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(source, name="bad")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_an_event_is_named_by_its_place_in_the_file_and_not_in_time() -> None:
    source = (
        '[[event]]\nat = "2 h"\ndo = "load"\ncurrent_ma = -1\n\n[[event]]\nat = 0\ndo = "load"\n'
        "current_ma = 1\n"
    )
    with pytest.raises(ConfigError, match=r"^scenario bad, line 4, event 1: current_ma: -1 "):
        parse_scenario(source, name="bad")


def test_names_of_terminals_are_unique() -> None:
    lamp = {"name": "lamp", "kind": "current_load", "current_ma": 1}
    with pytest.raises(ConfigError, match="terminal name: 'lamp' is given twice"):
        scenario_from_table({"terminal": [lamp, lamp]})


def test_disconnecting_what_is_not_there_is_refused_before_it_happens() -> None:
    document = {
        "terminal": [{"name": "a", "kind": "current_load", "current_ma": 1}],
        "event": [
            {"at": "1 d", "do": "disconnect", "terminal": "a"},
            {"at": "2 d", "do": "disconnect", "terminal": "a"},
        ],
    }
    with pytest.raises(ConfigError, match="event 2: terminal: 'a' is not connected"):
        scenario_from_table(document)


def test_a_file_that_is_not_there_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--scenario", str(folder / "none.toml")]) == 2
    line = f"jbd-emulator serve: scenario {folder / 'none.toml'}: no such file or directory\n"
    assert capsys.readouterr().err == line
    (folder / "bytes.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not text in UTF-8"):
        load_scenario(folder / "bytes.toml")


def test_a_scenario_and_a_state_file_exclude_each_other() -> None:
    with pytest.raises(ConfigError, match=r"^state .*: a scenario starts from its own pack$"):
        unit_from_table({"scenario": "weak-cell", "state": "unit.json"})


@pytest.mark.parametrize("speed", ["0", "10001", "fast"])
def test_a_speed_out_of_its_limits_is_refused(speed: str) -> None:
    with pytest.raises(ConfigError, match=r"^speed .*: must be (1 to 10000|a whole number)$"):
        unit_from_table({"speed": speed})
