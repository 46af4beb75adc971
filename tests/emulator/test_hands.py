"""What a person at the bench does to a unit that is being served: flash, PIN, cable, speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jbd_emulator import ConfigError, Fault, Line, Unit, parse_unit
from jbd_emulator._rules import Outcome
from jbd_emulator.scenario import load_scenario
from jbd_protocol import (
    BLANK_PIN,
    ENTER_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    ReadRequest,
    Request,
    Response,
    ResponseDecoder,
    WriteRequest,
    encode_pin,
    pair,
    parse_basic_info,
)

BASIC_INFO = ReadRequest(0x03)
COVP = WriteRequest(0x24, (3601).to_bytes(2, "big"))


def ask(unit: Unit, request: Request, now_s: float = 0.0) -> Response | None:
    answers = ResponseDecoder().receive(unit.receive(request.to_wire(), now_s))
    assert all(isinstance(answer, Response) for answer in answers)
    return answers[0] if answers else None  # type: ignore[return-value]  # asserted above


def status(unit: Unit, request: Request, now_s: float = 0.0) -> int:
    answer = ask(unit, request, now_s)
    assert answer is not None
    return answer.status


def version(unit: Unit, now_s: float = 0.0) -> int:
    answer = ask(unit, BASIC_INFO, now_s)
    assert answer is not None
    return parse_basic_info(answer.data).version


def test_a_flash_changes_the_firmware_and_keeps_settings_and_pin() -> None:
    unit = Unit(parse_unit("0x17"))
    for request in (ENTER_FACTORY, COVP, SAVE_AND_LEAVE_FACTORY):
        assert status(unit, request) == 0
    unit.set_pin("123456")
    restarts = unit.device.monitor.counters[-1]
    unit.flash(0x80, 1.0)
    assert (version(unit, 1.0), unit.name) == (0x80, "0x17-4s")
    assert unit.device.monitor.counters[-1] == restarts + 1
    assert status(unit, ENTER_FACTORY, 1.0) == 0x81
    assert status(unit, pair(encode_pin("123456")), 1.0) == 0
    assert status(unit, ENTER_FACTORY, 1.0) == 0
    answer = ask(unit, ReadRequest(0x24), 1.0)
    assert answer is not None
    assert answer.data == COVP.data


def test_a_pin_lies_unread_under_a_firmware_without_passwords_and_is_there_again_later() -> None:
    unit = Unit(parse_unit("0x17?pin=123456"))
    unit.flash(0x21, 0.0)
    assert unit.device.pin.stored is None
    assert status(unit, pair(BLANK_PIN)) == 0x80
    assert status(unit, ENTER_FACTORY) == 0
    unit.flash(0x17, 0.0)
    assert unit.device.pin_is_set
    assert status(unit, ENTER_FACTORY) == 0x81


def test_a_pin_under_a_firmware_without_passwords_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "unit.json"
    unit = Unit(parse_unit(f"0x21?pin=123456&state={path}"))
    unit.save()
    again = Unit(parse_unit(f"0x17?state={path}"))
    assert again.device.pin.stored == encode_pin("123456")


def test_a_firmware_that_does_not_exist_is_refused_and_changes_nothing() -> None:
    unit = Unit(parse_unit("0x17"))
    with pytest.raises(ConfigError, match=r"^firmware 0x99: unknown"):
        unit.flash(0x99, 0.0)
    assert version(unit) == 0x17


def test_a_pin_set_by_hand_locks_at_once_and_none_unlocks() -> None:
    unit = Unit(parse_unit("0x25"))
    assert status(unit, pair(BLANK_PIN)) == 0
    unit.set_pin("000000")
    assert unit.device.pin.stored == encode_pin("000000", unit.config.profile.pin_encoding.value)
    assert status(unit, ENTER_FACTORY) == 0x81
    unit.set_pin(None)
    assert status(unit, ENTER_FACTORY) == 0
    with pytest.raises(ConfigError, match="12345"):
        unit.set_pin("12345")


def test_a_pulled_cable_loses_bytes_both_ways_and_is_silent_to_the_log() -> None:
    unit = Unit(parse_unit("0x21"))
    seen: list[bytes] = []
    unit.tap = lambda _t, _d, data: seen.append(data)
    unit.unplugged = True
    assert ask(unit, BASIC_INFO) is None
    assert not seen
    unit.unplugged = False
    assert version(unit) == 0x21
    assert len(seen) == 2


def test_an_answer_that_was_late_is_lost_with_the_cable() -> None:
    unit = Unit(parse_unit("0x21?answer_03=delay-0.5"))
    unit.receive(BASIC_INFO.to_wire(), 0.0)
    unit.unplugged = True
    assert unit.on_due(0.6) == b""
    unit.unplugged = False
    assert unit.on_due(1.0) == b""


def test_an_answer_that_is_lost_with_the_cable_holds_no_later_one_back() -> None:
    unit = Unit(parse_unit("0x25"))
    late = unit.faults.add(Fault("delay", delay_s=3600.0))
    assert ask(unit, BASIC_INFO) is None
    unit.faults.remove(late)
    unit.pull_cable()
    unit.plug_in()
    assert ask(unit, BASIC_INFO, 1.0) is not None


def test_starting_over_makes_another_board_on_the_same_line() -> None:
    unit = Unit(parse_unit("0x17?pin=123456"))
    line = unit.line
    unit.start_over(parse_unit("0x21?board=16s"), 50.0)
    answer = ask(unit, ReadRequest(0x04), 50.0)
    assert answer is not None
    assert len(answer.data) == 32
    assert unit.line is line
    assert status(unit, ENTER_FACTORY, 50.0) == 0


def test_starting_over_keeps_to_the_state_file(tmp_path: Path) -> None:
    unit = Unit(parse_unit(f"0x17?state={tmp_path / 'unit.json'}"))
    with pytest.raises(ConfigError, match="cannot change"):
        unit.start_over(parse_unit(f"0x17?state={tmp_path / 'other.json'}"), 0.0)
    revision = unit.prepared_revision
    unit.start_over(unit.config, 0.0)
    assert unit.device.revision > revision


def kept(path: Path) -> tuple[Unit, dict[str, Any]]:
    """Return a unit that came back with what an earlier run had saved, and that."""
    first = Unit(parse_unit(f"0x25?state={path}"))
    first.set_pin("654321")
    first.device.settings.burn(0x24, bytes.fromhex("0de3"))
    first.save()
    return Unit(parse_unit(f"0x25?state={path}")), json.loads(path.read_text())["state"]


def test_starting_over_gives_back_what_the_state_file_held(tmp_path: Path) -> None:
    unit, saved = kept(path := tmp_path / "unit.json")
    unit.set_pin(None)
    unit.device.settings.burn(0x24, bytes.fromhex("0e10"))
    unit.save()
    unit.start_over(unit.config, 0.0)
    unit.save()
    after = json.loads(path.read_text())["state"]
    assert (after["pin"], after["settings"]) == (saved["pin"], saved["settings"])


def test_a_scenario_sets_the_board_with_a_state_file_aside(tmp_path: Path) -> None:
    unit, _ = kept(path := tmp_path / "unit.json")
    own = unit.config
    unit.set_pin("111111")
    unit.start_over(load_scenario("weak-cell").config(), 0.0)
    held = path.read_bytes()
    state = json.loads(held)["state"]
    assert (state["pin"], state["board"]) == ("01" * 6, "4s"), "as it was when the scenario began"
    unit.set_pin("222222")
    assert unit.prepare_save()
    unit.settle()
    unit.save()
    assert path.read_bytes() == held, "what a scenario does is nobody's settings"
    unit.start_over(own, 10.0, as_it_was=True)
    unit.save()
    assert json.loads(path.read_text())["state"]["pin"] == "01" * 6
    assert unit.device.settings[0x24] == bytes.fromhex("0de3")


def test_a_board_that_was_dead_is_not_dead_when_it_starts_over() -> None:
    unit = Unit(parse_unit("0x25"))
    unit.faults.add(Fault("brown_out", down_s=600.0), 0.0)
    unit.start_over(unit.config, 1.0)
    assert ask(unit, BASIC_INFO, 1.0) is not None


def test_plugging_in_ends_whatever_had_pulled_it_out() -> None:
    unit = Unit(parse_unit("0x25"))
    for end in ("board", "client"):
        unit.faults.add(Fault("unplugged", end=end), 0.0)
    assert (unit.unplugged, unit.plugged) == (True, False)
    unit.plug_in()
    assert (unit.unplugged, unit.plugged, unit.faults.active) == (False, True, ())
    assert version(unit) == 0x25


def test_a_fault_that_heals_does_not_put_in_what_a_hand_has_pulled() -> None:
    unit = Unit(parse_unit("0x25"))
    out = unit.faults.add(Fault("unplugged"), 0.0)
    unit.pull_cable()
    unit.faults.remove(out)
    assert unit.unplugged
    unit.plug_in()
    assert not unit.unplugged


class Seen:
    """Writes down what a watcher is told."""

    def __init__(self) -> None:
        self.rows: list[tuple[object, ...]] = []

    def passed(self, line: Line, now_s: float, direction: str, data: bytes) -> None:
        self.rows.append((line.name, now_s, direction, data))

    def decided(self, line: Line, now_s: float, request: Request, outcome: Outcome) -> None:
        self.rows.append((line.name, now_s, request, str(outcome.rule.evidence.grade)))


def test_a_watcher_sees_the_line_the_bytes_and_the_reason() -> None:
    unit = Unit(parse_unit("0x21"))
    seen = Seen()
    unit.watcher = seen
    wire = BASIC_INFO.to_wire()
    answer = Line(unit, "tcp 127.0.0.1:5").receive(wire, 2.0)
    assert seen.rows == [
        ("tcp 127.0.0.1:5", 2.0, "rx", wire),
        ("tcp 127.0.0.1:5", 2.0, BASIC_INFO, "captured"),
        ("tcp 127.0.0.1:5", 2.0, "tx", answer),
    ]


@pytest.mark.parametrize("speed", [3, 7, 60, 9_999, 10_000])
def test_a_speed_counts_every_tick_of_every_second(speed: int) -> None:
    unit = Unit(parse_unit("0x21"), 81_234.567)
    unit.device.set_speed(speed, 81_234.567)
    for step in range(1, 41):
        unit.device.advance_to(81_234.567 + step * 0.05)
    assert unit.device.pack.time_s == pytest.approx(2 * speed, abs=1)


def test_a_speed_changes_from_now_on_and_not_before() -> None:
    device = Unit(parse_unit("0x21")).device
    device.set_speed(100, 10.0)
    assert device.pack.time_s == 10.0
    device.advance_to(11.0)
    device.set_speed(1, 11.0)
    assert device.pack.time_s == 110.0
    device.advance_to(12.0)
    assert device.pack.time_s == 111.0
    for wrong in (0, 10_001):
        with pytest.raises(ValueError, match=r"^speed: .* must be 1 to 10000$"):
            device.set_speed(wrong, 12.0)


def test_time_that_is_skipped_was_not_lived() -> None:
    device = Unit(parse_unit("0x21?speed=10000")).device
    device.skip_to(3.0)
    device.advance_to(3.1)
    assert device.pack.time_s == pytest.approx(1000, abs=1)
    device.skip_to(2.0)
    assert device.lived_until_s == pytest.approx(3.1)
