"""PWD-21: firmware without a password function refuses it and locks nothing."""

from __future__ import annotations

import pytest

from jbd_bench import BmsClient
from jbd_bench.suites import requirement
from jbd_bench.suites._expectations import NO_PASSWORD, Expected
from jbd_bench.suites._wire import Wire, expect_ack, expect_no_match, expect_status, frame
from jbd_bench.suites.password._frames import (
    CH,
    CH_ASCII,
    CLR,
    DAMAGED_RETRIES,
    P0,
    PA,
    PX,
    REFUSED_06,
)
from jbd_bench.suites.password.conftest import Lock
from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    Grade,
    ReadRequest,
    WriteRequest,
    pair,
)

pytestmark = pytest.mark.jbd(writes=("password", "settings"), firmware=NO_PASSWORD)


@requirement(
    "PWD-21-01",
    "the blank PIN is answered 0x80, no such command, byte for byte",
    source="xiaoxiangBMS issue 195: DD 06 80 00 FF 80 77",
    grade=Grade.CAPTURED,
)
def test_the_blank_pin_is_answered_no_such_command(wire: Wire) -> None:
    expect_status(wire.ask(frame(P0)), 0x80)
    assert b"".join(wire.pieces) == frame(REFUSED_06)


@requirement(
    "PWD-21-02",
    "every PIN is answered 0x80, digits or ASCII",
    source="client notes section 10: right PIN is answered 80",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("text", [PX, PA], ids=["digits", "ascii"])
def test_every_pin_is_answered_no_such_command(wire: Wire, expected: Expected, text: str) -> None:
    expect_status(wire.ask(frame(text)), 0x80, because=expected.password_evidence)


@requirement(
    "PWD-21-03",
    "change and clear are answered 0x80",
    source="client notes section 10",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("text", [CH, CH_ASCII, CLR], ids=["change", "change ascii", "clear"])
def test_change_and_clear_are_answered_no_such_command(
    wire: Wire, expected: Expected, text: str
) -> None:
    expect_status(wire.ask(frame(text)), 0x80, because=expected.password_evidence)


@requirement(
    "PWD-21-04",
    "factory mode opens without any PIN",
    source="xiaoxiangBMS issue 195; the field",
    grade=Grade.CAPTURED,
)
def test_factory_mode_opens_without_any_pin(wire: Wire) -> None:
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(0x24)), 0x00)
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "PWD-21-05",
    "factory mode opens after refused PINs, a change and a clear",
    source="the field: other apps reach everything",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("text", [P0, PX, PA, CH, CLR], ids=["P0", "PX", "PA", "CH", "CLR"])
def test_refused_password_commands_lock_nothing(wire: Wire, lock: Lock, text: str) -> None:
    for _ in range(3):
        wire.ask(frame(text))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-21-06",
    "a clear does not bring the function to life: 06 is answered 0x80 as before",
    source="the field: the loop stays after a reset",
    grade=Grade.REPORTED,
)
def test_a_clear_changes_nothing_about_06(wire: Wire) -> None:
    before = wire.ask(frame(P0))
    wire.ask(frame(CLR))
    assert wire.ask(frame(P0)) == before


@requirement(
    "PWD-21-07",
    "in factory mode, too, 06 is answered 0x80, and factory mode stays",
    source="concluded: the function is absent",
    grade=Grade.ASSUMED,
)
def test_06_is_refused_in_factory_mode_too(wire: Wire, open_board: BmsClient) -> None:
    with open_board.factory_mode():
        expect_status(wire.ask(frame(P0)), 0x80)
        expect_status(wire.ask(ReadRequest(0x24)), 0x00)


@requirement(
    "PWD-21-08",
    "settings are written and saved without any PIN",
    source="the field: 3.1.1015, iOS and desktop clients do",
    grade=Grade.REPORTED,
)
def test_settings_are_written_without_any_pin(wire: Wire, keep: object) -> None:
    assert callable(keep)
    keep(0x2A)
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_ack(wire.ask(WriteRequest(0x2A, b"\x0d\x16")))
    expect_status(wire.ask(ReadRequest(0x2A)), 0x00)
    expect_ack(wire.ask(SAVE_AND_LEAVE_FACTORY))


@requirement(
    "PWD-21-09",
    "a hundred PINs change nothing: each is answered 0x80, nothing locks",
    source="the field: the app is stuck, the board is not",
    grade=Grade.REPORTED,
)
def test_a_hundred_pins_change_nothing(wire: Wire, lock: Lock) -> None:
    for number in range(100):
        expect_status(wire.ask(pair(bytes((number // 10, number % 10, 0, 0, 0, 0)))), 0x80)
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-21-10",
    "MOSFET control needs no PIN",
    source="captured on 0x80 without a PIN",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(writes=("password", "settings", "fets"))
def test_mosfet_control_needs_no_pin(wire: Wire) -> None:
    expect_ack(wire.ask(WriteRequest(0xE1, b"\x00\x00")))


@requirement(
    "PWD-21-11",
    "damaged password frames are refused or ignored, and lock nothing",
    source="JBDTools V2.9 (measured); the answer was never seen",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize("damage", DAMAGED_RETRIES)
def test_damaged_password_frames_lock_nothing(lock: Lock, damage: str) -> None:
    expect_no_match(lock.send(*DAMAGED_RETRIES[damage]))
    assert lock.is_open(), "expected factory mode to open, got a refusal"
