"""PWD-17: a PIN that is set locks the settings until it is presented.

None of these tests changes the PIN; those that do stand in ``test_pin_changes.py``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient
from jbd_bench.suites import requirement
from jbd_bench.suites._expectations import HAS_PASSWORD
from jbd_bench.suites._wire import Wire, expect_ack, expect_no_match, expect_status, frame
from jbd_bench.suites.conftest import power_switch
from jbd_bench.suites.password._frames import FE, P0, REFUSED_FE
from jbd_bench.suites.password.conftest import Lock
from jbd_protocol import (
    CAPACITY_POINTS,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SETTINGS,
    Grade,
    PinEncoding,
    ReadRequest,
    WriteRequest,
    encode_pin,
)

if TYPE_CHECKING:
    from jbd_bench._under_test import EmulatedUnit, TargetUnderTest

pytestmark = pytest.mark.jbd(writes=("password", "settings"), firmware=HAS_PASSWORD, pin=True)
GATED = [address for address in SETTINGS if address not in CAPACITY_POINTS]


@pytest.fixture(autouse=True)
def locked(lock: Lock, request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> None:
    """Lock a board that remembers the PIN from before by its power switch, or skip."""
    if not lock.is_open():
        return
    switch = power_switch(request, jbd_target)
    if switch is None:
        pytest.skip("the board is open: take its supply away, or let it sleep, and run again")
    # A board that is open even behind that is what the tests are about: they run.
    switch()


@requirement(
    "PWD-17-01",
    "before the PIN, enter-factory is refused with 0x81",
    source="batmon-ha issue 4; vendor V11 meaning of 81",
    grade=Grade.REPORTED,
)
def test_factory_mode_is_refused_before_the_pin(wire: Wire) -> None:
    for _ in range(5):
        expect_status(wire.ask(frame(FE)), 0x81)
        # batmon-ha quotes the refusal with a zero checksum; every captured one is valid.
        assert b"".join(wire.pieces) == frame(REFUSED_FE)


@requirement(
    "PWD-17-02",
    "before the PIN, every setting is refused with 0x81, read or written",
    source="follows from 0x44, captured, and from the refused factory mode",
    grade=Grade.ASSUMED,
)
def test_settings_are_gated_before_the_pin(wire: Wire) -> None:
    wire.ask(ENTER_FACTORY)
    read = {a: wire.ask(ReadRequest(a)) for a in (*GATED, 0x42)}
    written = {a: wire.ask(WriteRequest(a, b"\x0d\x16")) for a in GATED}
    wrong = [
        f"{kind} {address:02X}: {'silence' if answer is None else hex(answer.status)}"
        for kind, answers in (("read", read), ("write", written))
        for address, answer in answers.items()
        if answer is None or answer.status != 0x81
    ]
    assert not wrong, f"expected 0x81 for all, got {', '.join(wrong)}"


@requirement(
    "PWD-17-03",
    "the blank PIN is a wrong PIN: 0x83, and nothing opens",
    source="vendor V11: 83 is the pairing error; 81 is possible",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_the_blank_pin_is_a_wrong_pin(wire: Wire, lock: Lock) -> None:
    expect_status(wire.ask(frame(P0)), 0x83, 0x81)
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-04",
    "a PIN that is nearly right is wrong",
    source="vendor V11: six bytes are compared",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.parametrize("place", range(6))
def test_a_nearly_right_pin_is_wrong(lock: Lock, pin: bytes, place: int) -> None:
    near = bytearray(pin)
    near[place] ^= 0x01
    expect_status(lock.present(bytes(near)), 0x83, 0x81)
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-05",
    "digits as numbers and as ASCII are different PINs",
    source="vendor V11, captures: numbers; JBDTools V1.B, BMS-Tools: ASCII (measured)",
    grade=Grade.REPORTED,
)
def test_the_right_digits_in_the_other_encoding_are_wrong(
    lock: Lock, pin: bytes, jbd_target: TargetUnderTest
) -> None:
    assert jbd_target.pin is not None
    both = {encode_pin(jbd_target.pin, encoding) for encoding in PinEncoding}
    [other] = both - {pin}
    expect_status(lock.present(other), 0x83, 0x81)
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-06",
    "the right PIN is answered 00, and factory mode opens",
    source="batmon-ha issue 4, with bytes; vendor V11",
    grade=Grade.CAPTURED,
)
def test_the_right_pin_opens_factory_mode(wire: Wire, lock: Lock, pin: bytes) -> None:
    expect_ack(lock.present(pin))
    expect_ack(wire.ask(ENTER_FACTORY))
    expect_status(wire.ask(ReadRequest(0x24)), 0x00)
    expect_ack(wire.ask(LEAVE_FACTORY))


@requirement(
    "PWD-17-07",
    "the right PIN opens after any number of wrong ones",
    source="no source names a limit of tries",
    grade=Grade.ASSUMED,
)
def test_the_right_pin_opens_after_wrong_ones(lock: Lock, pin: bytes) -> None:
    for number in range(20):
        lock.present(bytes((9, 9, 9, 9, number // 10, number % 10)))
    expect_ack(lock.present(pin))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-17-08",
    "the right PIN in a frame of the wrong shape does not match",
    source="JBDTools V2.9 sends such frames (measured)",
    grade=Grade.ASSUMED,
)
@pytest.mark.parametrize(
    "shape",
    [
        pytest.param(lambda pin: pin, id="no length byte"),
        pytest.param(lambda pin: b"\x06" + pin[:5], id="five bytes"),
        pytest.param(lambda pin: b"\x06" + pin + b"\x00", id="seven bytes"),
        pytest.param(lambda pin: b"\x07" + pin, id="length byte seven"),
        pytest.param(lambda pin: b"\x00" + pin, id="length byte zero"),
        pytest.param(lambda pin: b"\x06" + pin + bytes(120), id="127 bytes"),
        pytest.param(lambda pin: b"\x06" + pin + bytes(248), id="255 bytes"),
        pytest.param(lambda pin: b"\x0c" + pin + pin, id="twice"),
    ],
)
def test_the_right_pin_in_the_wrong_shape_does_not_match(
    lock: Lock, pin: bytes, shape: object
) -> None:
    assert callable(shape)
    expect_no_match(lock.send(0x06, shape(pin)))
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-09",
    "MOSFET control needs the PIN",
    source="the maintainer of xiaoxiangBMS",
    grade=Grade.REPORTED,
)
@pytest.mark.jbd(writes=("password", "settings", "fets"))
def test_mosfet_control_needs_the_pin(wire: Wire, bms: BmsClient, lock: Lock, pin: bytes) -> None:
    before = bms.basic_info().fet_bits
    answer = wire.ask(WriteRequest(0xE1, b"\x00\x03"))
    assert answer is not None, "expected a refusal, got silence"
    assert answer.status, "expected a refusal, got 00"
    assert bms.basic_info().fet_bits == before
    lock.present(pin)
    expect_ack(wire.ask(WriteRequest(0xE1, b"\x00\x00")))


@requirement(
    "PWD-17-10",
    "a presented PIN lasts over several visits to factory mode",
    source="apps present it once per connection (captured)",
    grade=Grade.CAPTURED,
)
def test_a_presented_pin_lasts_over_several_visits(lock: Lock, pin: bytes) -> None:
    expect_ack(lock.present(pin))
    opened = [lock.is_open() for _ in range(3)]
    assert opened == [True, True, True]


@requirement(
    "PWD-17-11",
    "a presented PIN lasts while the line is in use",
    source="apps poll for minutes and never send 06 again (captured)",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(embedded=True)
def test_a_presented_pin_lasts_while_the_line_is_in_use(wire: Wire, lock: Lock, pin: bytes) -> None:
    expect_ack(lock.present(pin))
    clock = wire.link.clock
    for _ in range(120):
        clock.sleep_until(clock.now_s() + 1.0)
        wire.ask(ReadRequest(0x03))
    assert lock.is_open(), "expected factory mode to open, got a refusal"


@requirement(
    "PWD-17-12",
    "the PIN has to be presented again after power-off",
    source="client notes section 10, until the board loses power or sleeps",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_the_pin_has_to_be_presented_again_after_power_off(
    lock: Lock, pin: bytes, jbd_unit: EmulatedUnit
) -> None:
    expect_ack(lock.present(pin))
    assert lock.is_open(), "expected factory mode to open, got a refusal"
    jbd_unit.power_cycle()
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-13",
    "the PIN has to be presented again after the board slept",
    source="client notes section 10",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_the_pin_has_to_be_presented_again_after_sleep(
    wire: Wire, lock: Lock, pin: bytes, jbd_unit: EmulatedUnit
) -> None:
    expect_ack(lock.present(pin))
    jbd_unit.device.sleep()
    assert wire.ask(ReadRequest(0x03)) is None, "the first frame only wakes"
    assert not lock.is_open(), "expected a refusal, but factory mode opened"


@requirement(
    "PWD-17-14",
    "monitoring and the error counters are open all the while",
    source="the field; AA outside factory mode: captured on 0x80",
    grade=Grade.REPORTED,
)
def test_monitoring_is_open_before_the_pin(wire: Wire) -> None:
    for register in (0x03, 0x04, 0x05):
        expect_status(wire.ask(ReadRequest(register)), 0x00)
    # Whether AA needs the PIN is an open question: served or refused, never silence.
    expect_status(wire.ask(ReadRequest(0xAA)), 0x00, 0x81)


@requirement(
    "PWD-17-15",
    "FA does not lead around the PIN",
    source="vendor V11 asks for factory mode only to write; concluded",
    grade=Grade.ASSUMED,
)
def test_parameters_by_number_do_not_lead_around_the_pin(wire: Wire) -> None:
    answer = wire.ask(ReadRequest(0xFA, b"\x00\x10\x08"))
    assert answer is None or answer.status, "expected silence or a refusal, got the parameters"
