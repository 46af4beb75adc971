"""What a person at the bench does to a unit that is being served: flash, PIN, cable, speed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jbd_emulator import ConfigError, Line, Unit, parse_unit
from jbd_emulator._rules import Outcome
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
    with pytest.raises(ConfigError, match=r"^state None: cannot change"):
        unit.start_over(parse_unit("0x17"), 0.0)
    revision = unit.prepared_revision
    unit.start_over(unit.config, 0.0)
    assert unit.device.revision > revision


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
