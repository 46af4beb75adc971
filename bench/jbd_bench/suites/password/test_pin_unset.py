"""PWD-FREE: firmware with a password function and no PIN set locks nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites._expectations import HAS_PASSWORD, Expected
from jbd_bench.suites._wire import Wire, expect_ack, expect_no_match, expect_status, frame
from jbd_bench.suites.password._frames import CH, CLR, DAMAGED_RETRIES, P0
from jbd_bench.suites.password.conftest import Lock
from jbd_protocol import BLANK_PIN, ENTER_FACTORY, LEAVE_FACTORY, Grade, ReadRequest, change_pin

if TYPE_CHECKING:
    from jbd_bench._under_test import EmulatedUnit

pytestmark = pytest.mark.jbd(writes=("password", "settings"), firmware=HAS_PASSWORD, pin=False)
NEW = bytes((1, 2, 3, 4, 5, 6))


@requirement(
    "PWD-FREE-01",
    "the blank PIN is answered 00",
    source="captured on 0x25 and 0x80",
    grade=Grade.CAPTURED,
)
def test_the_blank_pin_is_accepted(wire: Wire, expected: Expected) -> None:
    expect_status(wire.ask(frame(P0)), 0x00, because=expected.password_evidence)
    assert b"".join(wire.pieces) == frame("DD 06 00 00 00 00 77")


@requirement(
    "PWD-FREE-02",
    "factory mode opens without any PIN",
    source="batmon-ha issue 4; module start-up on 0x25",
    grade=Grade.CAPTURED,
)
def test_factory_mode_opens_without_any_pin(wire: Wire) -> None:
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(0x24)), 0x00)
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "PWD-FREE-03",
    "factory mode opens after the blank PIN as before it",
    source="app captures on 0x80",
    grade=Grade.CAPTURED,
)
def test_factory_mode_opens_after_the_blank_pin(lock: Lock) -> None:
    expect_ack(lock.present(BLANK_PIN))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-FREE-04",
    "a PIN that is not set locks nothing, whatever it is answered",
    source="concluded: nothing is there to be wrong about",
    grade=Grade.ASSUMED,
)
def test_a_wrong_pin_locks_nothing(lock: Lock) -> None:
    for pin in (NEW, b"123456", bytes((9, 9, 9, 9, 9, 9))):
        lock.present(pin)
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-FREE-05",
    "a clear is acknowledged and harmless",
    source="app capture on 0x44",
    grade=Grade.CAPTURED,
)
def test_a_clear_is_acknowledged_and_harmless(wire: Wire, lock: Lock) -> None:
    expect_ack(wire.ask(frame(CLR)))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-FREE-06",
    "a change from the blank PIN sets one, which locks after power-off",
    source="vendor V11; that blank is the old PIN is assumed",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_a_change_from_the_blank_pin_sets_one(
    wire: Wire, lock: Lock, jbd_unit: EmulatedUnit
) -> None:
    expect_ack(wire.ask(change_pin(BLANK_PIN, NEW)))
    jbd_unit.power_cycle()
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(lock.present(NEW))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-FREE-07",
    "while no PIN is set a change is acknowledged whatever the old PIN",
    source="client notes section 10: CH is answered 00",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_a_change_from_any_pin_sets_one_while_none_is_set(
    wire: Wire, lock: Lock, jbd_unit: EmulatedUnit
) -> None:
    expect_ack(wire.ask(frame(CH)))
    jbd_unit.power_cycle()
    assert not lock.is_open(), "expected a refusal, but factory mode opened"
    expect_ack(lock.present(NEW))


@requirement(
    "PWD-FREE-08",
    "damaged password frames set no PIN and lock nothing",
    source="JBDTools V2.9 (measured); the answer was never seen",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
@pytest.mark.parametrize("damage", DAMAGED_RETRIES)
def test_damaged_password_frames_set_no_pin(
    lock: Lock, jbd_unit: EmulatedUnit, damage: str
) -> None:
    expect_no_match(lock.send(*DAMAGED_RETRIES[damage]))
    jbd_unit.power_cycle()
    assert lock.is_open(), "expected factory mode to open, got a refusal"
