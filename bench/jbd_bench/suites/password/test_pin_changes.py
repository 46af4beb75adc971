"""PWD-17: changing and clearing a PIN. Only on the emulator, where each test has its own board."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites._expectations import HAS_PASSWORD
from jbd_bench.suites._wire import Wire, expect_ack, expect_no_match, expect_status, frame
from jbd_bench.suites.password._frames import CLR, DAMAGED_RETRIES, P0
from jbd_bench.suites.password.conftest import Lock
from jbd_protocol import BLANK_PIN, CLEAR_MAGIC, Grade, ReadRequest, WriteRequest, change_pin

if TYPE_CHECKING:
    from jbd_bench._under_test import EmulatedUnit

pytestmark = pytest.mark.jbd(
    writes=("password", "settings"), firmware=HAS_PASSWORD, pin=True, embedded=True
)
NEW = bytes((6, 5, 4, 3, 2, 1))


@requirement(
    "PWD-17-20",
    "the PIN survives power-off",
    source="the field: units stay locked",
    grade=Grade.REPORTED,
)
def test_the_pin_survives_power_off(lock: Lock, pin: bytes, jbd_unit: EmulatedUnit) -> None:
    for _ in range(2):
        jbd_unit.power_cycle()
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(lock.present(pin))


@requirement(
    "PWD-17-21",
    "a change with the right old PIN replaces it, for good",
    source="vendor V11, with example; JBDTools (measured)",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_a_change_with_the_right_old_pin_replaces_it(
    wire: Wire, lock: Lock, pin: bytes, jbd_unit: EmulatedUnit
) -> None:
    expect_ack(wire.ask(change_pin(pin, NEW)))
    jbd_unit.power_cycle()
    expect_status(lock.present(pin), 0x83, 0x81)
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(lock.present(NEW))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-17-22",
    "a change with a wrong old PIN is refused with 0x83 and changes nothing",
    source="vendor V11",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.parametrize("old", [BLANK_PIN, NEW, b"765828"], ids=["blank", "new", "another"])
def test_a_change_with_a_wrong_old_pin_changes_nothing(
    wire: Wire, lock: Lock, pin: bytes, old: bytes, jbd_unit: EmulatedUnit
) -> None:
    expect_status(wire.ask(change_pin(old, NEW)), 0x83, 0x81)
    jbd_unit.power_cycle()
    expect_status(lock.present(NEW), 0x83, 0x81)
    expect_ack(lock.present(pin))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-17-23",
    "a change with a wrong old PIN does not open the board",
    source="vendor V11",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_a_refused_change_does_not_open_the_board(wire: Wire, lock: Lock) -> None:
    expect_status(wire.ask(change_pin(BLANK_PIN, NEW)), 0x83, 0x81)
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-24",
    "the clear word removes the PIN, without PIN and without factory mode",
    source="the field; captured on 0x44 outside factory mode",
    grade=Grade.CAPTURED,
)
def test_the_clear_word_removes_the_pin(wire: Wire, lock: Lock, jbd_unit: EmulatedUnit) -> None:
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(wire.ask(frame(CLR)))
    assert lock.is_open(), "expected factory mode to open, got a refusal"
    jbd_unit.power_cycle()
    assert lock.is_open(), "expected the PIN to stay away, got a refusal"


@requirement(
    "PWD-17-25",
    "after a clear the blank PIN is accepted",
    source="the field: 3.1.1026 works on 0x17 after a clear",
    grade=Grade.REPORTED,
)
def test_after_a_clear_the_blank_pin_is_accepted(wire: Wire) -> None:
    expect_status(wire.ask(frame(P0)), 0x83, 0x81)
    expect_ack(wire.ask(frame(CLR)))
    expect_ack(wire.ask(frame(P0)))


@requirement(
    "PWD-17-26",
    "only the exact clear word clears",
    source="register map: J1B2D4",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x06j1b2d4", id="lower case"),
        pytest.param(b"\x06J1B2D5", id="last letter"),
        pytest.param(CLEAR_MAGIC, id="no length byte"),
        pytest.param(b"\x06" + CLEAR_MAGIC + b"\x00", id="a byte too many"),
        pytest.param(b"\x05J1B2D", id="a letter too few"),
        pytest.param(b"\x06" + bytes(6), id="zeros"),
    ],
)
def test_only_the_exact_clear_word_clears(lock: Lock, data: bytes) -> None:
    expect_no_match(lock.send(0x09, data))
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-27",
    "damaged password frames never match, never change, never clear",
    source="JBDTools V2.9 retries (measured)",
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize("damage", DAMAGED_RETRIES)
def test_damaged_password_frames_never_match(
    lock: Lock, pin: bytes, damage: str, jbd_unit: EmulatedUnit
) -> None:
    expect_no_match(lock.send(*DAMAGED_RETRIES[damage]))
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    jbd_unit.power_cycle()
    expect_ack(lock.present(pin))


@requirement(
    "PWD-17-28",
    "a wrong PIN with JBDTools' two damaged retries leaves the unit as it was",
    source="JBDTools V2.9 after a refusal (measured)",
    grade=Grade.REPORTED,
)
def test_jbdtools_with_its_retries_leaves_the_unit_as_it_was(
    wire: Wire, lock: Lock, pin: bytes
) -> None:
    expect_status(lock.present(bytes((9, 9, 9, 9, 9, 9))), 0x83, 0x81)
    for damaged in ("DD 5A 06 00 FF FA 77", "DD 5A 06 01 00 FF F9 77"):
        expect_no_match(wire.ask(frame(damaged)))
    expect_no_match(wire.ask(frame("DD 5A 09 00 FF F7 77")))
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(lock.present(pin))


@requirement(
    "PWD-17-29",
    "a clear in factory mode works and leaves factory mode on",
    source="concluded: 09 needs nothing",
    grade=Grade.ASSUMED,
)
def test_a_clear_in_factory_mode_leaves_it_on(wire: Wire, lock: Lock, pin: bytes) -> None:
    expect_ack(lock.present(pin))
    expect_ack(lock.send(0x00, b"\x56\x78"))
    expect_ack(wire.ask(frame(CLR)))
    expect_status(wire.ask(ReadRequest(0x24)), 0x00)
    expect_ack(wire.ask(WriteRequest(0x01, b"\x00\x00")))


@requirement(
    "PWD-17-30",
    "settings outlive a clear of the PIN",
    source="concluded: 09 is no factory reset",
    grade=Grade.ASSUMED,
)
def test_settings_outlive_a_clear(wire: Wire, lock: Lock, pin: bytes) -> None:
    expect_ack(lock.present(pin))
    expect_ack(lock.send(0x00, b"\x56\x78"))
    expect_ack(lock.send(0x24, b"\x0e\x10"))
    expect_ack(lock.send(0x01, b"\x28\x28"))
    expect_ack(wire.ask(frame(CLR)))
    expect_ack(lock.send(0x00, b"\x56\x78"))
    answer = expect_status(wire.ask(ReadRequest(0x24)), 0x00)
    assert answer.data == b"\x0e\x10"


@requirement(
    "PWD-17-31",
    "the clear word opens a locked board; a change from the blank PIN sets the PIN anew",
    source="the field; captured on 0x44; vendor V11 for the change",
    grade=Grade.REPORTED,
)
@pytest.mark.jbd(embedded=False)
def test_a_cleared_pin_can_be_set_anew(
    wire: Wire, lock: Lock, pin: bytes, power: Callable[[], None]
) -> None:
    power()
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(wire.ask(frame(CLR)))
    assert lock.is_open(), "expected factory mode to open after the clear, got a refusal"
    expect_ack(wire.ask(change_pin(BLANK_PIN, pin)))
    power()
    assert not lock.is_open(), "expected the PIN to lock again, but factory mode opened"
