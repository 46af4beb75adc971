"""Events that wait for a client, that end, and that change the wire, the firmware and the PIN."""

from __future__ import annotations

import re

import pytest

from jbd_emulator import ConfigError, Unit
from jbd_emulator.scenario import ACTIONS, DEEDS, parse_scenario, scenario_from_table
from jbd_emulator.scenario._triggers import trigger_from
from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    ReadRequest,
    Status,
    WriteRequest,
    change_pin,
    encode_pin,
    pair,
    parse_response,
)

BASIC, CELLS = ReadRequest(0x03).to_wire(), ReadRequest(0x04).to_wire()


def unit(**document: object) -> Unit:
    return Unit(scenario_from_table({"board": "4s", **document}).config())


def present(one: Unit, digits: str) -> bytes:
    return pair(encode_pin(digits, one.config.profile.pin_encoding.value)).to_wire()


def test_an_event_waits_for_the_nth_read_and_ends_when_a_pin_is_presented() -> None:
    one = unit(
        pin="123456",
        event=[
            {
                "when": {"client": "reads", "register": 0x03, "nth": 2},
                "until": "presents_pin",
                "do": "fault",
                "kind": "silence",
                "register": 0x04,
            }
        ],
    )
    assert one.receive(BASIC + CELLS, 0.0).count(b"\xdd\x04") == 1
    assert one.receive(CELLS, 1.0)
    assert one.receive(BASIC, 2.0)
    assert one.receive(CELLS, 3.0) == b""
    assert one.receive(present(one, "000000"), 4.0)
    assert one.receive(CELLS, 5.0)
    assert one.receive(BASIC * 3 + CELLS, 6.0).endswith(b"\x77")
    assert not one.faults.active


def test_what_comes_after_a_delay_and_lasts_for_a_while() -> None:
    one = unit(
        event=[
            {
                "when": "asks",
                "after": "10 s",
                "for": "5 s",
                "do": "hold_cell",
                "cell": 1,
                "mv": 3000,
            }
        ]
    )
    one.receive(BASIC, 2.0)
    seen = []
    for second in range(3, 25):
        one.receive(BASIC, float(second))
        seen.append(one.device.cell_mv()[0] == 3000)
    assert [3 + n for n, held in enumerate(seen) if held] == [13, 14, 15, 16, 17]


def test_an_event_that_waits_from_a_time_on_does_not_count_what_was_before() -> None:
    one = unit(event=[{"at": "10 s", "when": "asks", "do": "fault", "kind": "drop", "id": "gone"}])
    assert one.receive(BASIC, 1.0)
    assert one.receive(BASIC, 9.0)
    assert one.receive(BASIC, 11.0)
    assert one.receive(BASIC, 12.0) == b""


def test_a_fault_at_a_time_strikes_the_exchange_that_comes_then() -> None:
    one = unit(event=[{"at": "10 s", "until": "20 s", "do": "fault", "kind": "drop"}])
    lost = [t for t in range(0, 30, 3) if not one.receive(BASIC, float(t))]
    assert lost == [12, 15, 18]


@pytest.mark.parametrize("end", ["board", "client"])
def test_a_link_goes_down_and_comes_up(end: str) -> None:
    one = unit(event=[{"at": "10 s", "for": "10 s", "do": "link", "up": False, "end": end}])
    for now_s, up in ((9.0, True), (10.0, False), (19.0, False), (20.0, True)):
        one.on_due(now_s)
        assert (not one.unplugged, one.plugged) == ((up, True) if end == "board" else (True, up))


def test_firmware_and_pin_change_under_the_client() -> None:
    one = unit(
        firmware="0x21",
        event=[
            {"when": "enters_factory", "do": "firmware", "version": "0x20"},
            {"when": "leaves_factory", "do": "pin", "digits": "123456"},
        ],
    )
    assert parse_response(one.receive(ENTER_FACTORY.to_wire(), 1.0)).status == Status.OK
    assert one.device.firmware.version == 0x20
    assert one.device.mode.name == "NORMAL"
    one.receive(LEAVE_FACTORY.to_wire(), 2.0)
    assert one.device.pin_is_set


@pytest.mark.parametrize(
    ("deed", "wire"),
    [
        ("asks", BASIC),
        ("reads", BASIC),
        ("writes", WriteRequest(0xE1, b"\x00\x00").to_wire()),
        ("is_refused", ReadRequest(0x10).to_wire()),
        ("enters_factory", ENTER_FACTORY.to_wire()),
        ("leaves_factory", LEAVE_FACTORY.to_wire()),
        ("saves", SAVE_AND_LEAVE_FACTORY.to_wire()),
        ("sets_pin", change_pin(BLANK_PIN, encode_pin("123456")).to_wire()),
        ("clears_pin", CLEAR_PIN.to_wire()),
    ],
)
def test_a_deed_is_known_by_request_and_answer(deed: str, wire: bytes) -> None:
    one = unit(firmware="0x20", event=[{"when": deed, "do": "ambient", "celsius": 50}])
    one.receive(wire, 1.0)
    story = one.device.story
    assert story is not None
    assert story.past == story.events
    other = unit(event=[{"when": deed, "do": "ambient", "celsius": 50}])
    other.device.sleep()
    other.receive(wire, 1.0)
    # Asleep it is not heard: what needs an answer has not been done.
    assert other.device.story is not None
    assert bool(other.device.story.past) == (deed in ("asks", "reads", "writes", "saves"))


def test_silence_and_pins_are_deeds() -> None:
    def waiting(deed: str, digits: str) -> tuple[object, ...]:
        one = unit(
            firmware="0x20", pin="123456", event=[{"when": deed, "do": "ambient", "celsius": 50}]
        )
        one.receive(present(one, digits), 1.0)
        assert one.device.story is not None
        return one.device.story.past

    assert waiting("presents_pin", "123456")
    assert waiting("presents_pin", "111111")
    assert waiting("pin_accepted", "123456")
    assert not waiting("pin_accepted", "111111")
    assert waiting("pin_refused", "111111")
    assert not waiting("pin_refused", "123456")
    one = unit(sleep=True, event=[{"when": "is_left_silent", "do": "ambient", "celsius": 50}])
    one.receive(BASIC, 1.0)
    assert one.device.story is not None
    assert one.device.story.past


def test_a_trigger_takes_a_register_as_a_fault_takes_it() -> None:
    triggers = [
        trigger_from("when", {"client": "reads", "register": register}) for register in (3, "0x03")
    ]
    assert triggers[0] == triggers[1] == ("reads", 3, 1)
    with pytest.raises(ValueError, match=r"^when register: 'three' must be a register such as"):
        trigger_from("when", {"client": "reads", "register": "three"})


HEAD = 'board = "4s"\n\n[[event]]\nat = "1 s"\ndo = "load"\ncurrent_ma = 1\n\n'


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            HEAD + '[[event]]\nwhen = "reeds"\ndo = "load"\ncurrent_ma = 1\n',
            r"line 9, event 2: when: 'reeds' is none of asks, reads",
        ),
        (
            HEAD + '[[event]]\nwhen = { client = "saves", register = 3 }\ndo = "power_cycle"\n',
            r"line 9, event 2: when register: saves has none",
        ),
        (
            HEAD + '[[event]]\nat = 1\nafter = 2\ndo = "power_cycle"\n',
            r"line 10, event 2: after: there is no when",
        ),
        (
            HEAD + '[[event]]\nat = 1\nuntil = "2 h"\ndo = "power_cycle"\n',
            r"line 10, event 2: until: power_cycle does not end; what does is load, ",
        ),
        (
            HEAD + '[[event]]\nat = 9\nuntil = 5\ndo = "load"\ncurrent_ma = 1\n',
            r"line 10, event 2: until: 5 s is not after at, 9 s",
        ),
        (
            HEAD + '[[event]]\nat = 9\nfor = 5\nuntil = 10\ndo = "load"\ncurrent_ma = 1\n',
            r"line 10, event 2: for: the event has an until already",
        ),
        (
            HEAD + '[[event]]\nat = 9\ndo = "heal"\nid = "mine"\n',
            r"line 11, event 2: id: 'mine' is the id of no fault",
        ),
        (
            HEAD + '[[event]]\nat = 9\ndo = "fault"\nkind = "drop"\np = 2\n',
            r"line 12, event 2: fault drop p 2: must be 0 to 1",
        ),
        (
            HEAD + '[[event]]\nat = 9\ndo = "fault"\nkind = "drp"\n',
            r"line 11, event 2: fault kind 'drp': unknown",
        ),
        (
            HEAD + '[[fault]]\nkind = "drop"\n\n[[fault]]\nkind = "drop"\nbyte = 512\n',
            r"line 13, fault 2: fault drop byte 512: must be -512 to 511",
        ),
        (
            HEAD + '[[event]]\nat = 9\ndo = "firmware"\nversion = "0x99"\n',
            r"line \d+, event 2: version: '0x99' is none of",
        ),
        (
            HEAD + '[[event]]\nat = 9\ndo = "pin"\ndigits = "12"\n',
            r"line \d+, event 2: ",
        ),
        (HEAD + '[[event]]\ndo = "power_cycle"\n', r"line 8, event 2: at: missing from an event"),
    ],
)
def test_what_is_wrong_is_named_with_line_and_field(source: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_scenario(source, name="mine.toml")
    assert re.match("scenario mine.toml, " + message, str(caught.value)), str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


def test_the_tables_are_whole() -> None:
    assert all(row.about for row in DEEDS.values())
    ending = {name for name, row in ACTIONS.items() if row.undo is not None}
    assert ending >= {"fault", "load", "charger", "connect", "link", "hold_cell", "short_circuit"}
