"""The device beside three dicts: factory mode, password and settings, for every firmware.

A plain model is driven by the same random requests, valid and not, across power cycles and
sleep. It knows what the rows say, in words of its own, and must agree on every answer and on
what is in force, what is saved and what is open.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from jbd_emulator import BOARDS, FIRMWARE, Device, Mode
from jbd_protocol import (
    SETTINGS,
    TEXT_SETTINGS,
    ReadRequest,
    Request,
    Status,
    WriteRequest,
    parse_basic_info,
)

OK, ABSENT, INVALID, WRONG = (
    Status.OK,
    Status.NO_SUCH_COMMAND,
    Status.INVALID,
    Status.WRONG_PASSWORD,
)
WITH_PASSWORD = {0x17, 0x20, 0x25, 0x44, 0x80}
POINTS_FORGOTTEN, POINTS_ABSENT = {0x15, 0x16}, {0x17}
NUMBERED, NUMBERED_SILENT, NEW_LINE = {0x25}, {0x44}, {0x25}
POINTS = range(0x42, 0x48)
BLANK = bytes(6)
PINS = [BLANK, b"\x01\x02\x03\x04\x05\x06", b"123456", b"\x09" * 6]
WORDS = [address for address in SETTINGS if address not in TEXT_SETTINGS]
LEARNED = 0x100 + 112
"""What the board learns by itself is not the clients' doing."""

words = st.binary(min_size=2, max_size=2)
texts = st.binary(max_size=31).map(lambda text: bytes((len(text),)) + text)
odd_data = st.binary(max_size=40)
pins = st.sampled_from(PINS)


def numbered(number: int) -> tuple[int, int | None]:
    """Return the register behind a parameter number, and the byte of it where it is half one."""
    if number < 40:
        return 0x10 + number, None
    if number < 56:
        # 40 and 41 are the two halves of 0x38 in reverse, the rest stand in order.
        first, second = divmod(number - 40, 2)
        return 0x38 + first, 1 - second if first == 0 else second
    if number in (104, 105):
        return 0x40 + number - 104, None
    assert 106 <= number <= 111
    return 0x42 + number - 106, None


NUMBERS = [*range(56), *range(104, 112)]


class DeviceModel(RuleBasedStateMachine):
    version: int

    @initialize(
        board=st.sampled_from(list(BOARDS)),
        pin=st.none() | st.sampled_from(PINS[1:]),
        sleeps=st.booleans(),
    )
    def power_on(self, board: str, pin: bytes | None, sleeps: bool) -> None:
        kit = BOARDS[board]
        version, self.sleeps = self.version, sleeps
        self.device = Device(FIRMWARE[version], kit, rng=random.Random(1), pin=pin, sleeps=sleeps)
        self.now_s = self.heard_s = 0.0
        self.saved = dict(kit.settings)
        self.live: dict[int, bytes] = {}
        self.pin = pin if version in WITH_PASSWORD else None
        self.paired = self.factory = False
        self.asleep = sleeps
        self.lock = 0
        self.code = b"\x56\x78"

    # -- the model's own words -------------------------------------------------------------

    @property
    def locked(self) -> bool:
        return self.pin is not None and not self.paired

    def in_force(self, address: int) -> bytes:
        return self.live.get(address, self.saved[address])

    def fall_asleep(self) -> None:
        self.asleep, self.factory, self.paired = True, False, False

    def has(self, address: int) -> bool:
        return address not in POINTS or self.version not in POINTS_FORGOTTEN | POINTS_ABSENT

    def ask(self, request: Request, status: int | None, data: bytes | None = b"") -> None:
        """Send a request the awake board answers with ``status``, None for silence."""
        outcome = self.device.handle(request, self.now_s)
        self.heard_s = self.now_s
        assert outcome.rule.evidence.source
        if status is None:
            assert outcome.response is None
            return
        assert outcome.response is not None, str(outcome.rule)
        assert (outcome.response.register, outcome.response.status) == (request.register, status)
        if data is not None:
            assert outcome.response.data == data

    def swallowed(self, request: Request) -> bool:
        """Whether the request only woke the board."""
        if not self.asleep:
            return False
        self.asleep = False
        self.ask(request, None)
        return True

    # -- time ------------------------------------------------------------------------------

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 31.0]))
    def time_passes(self, seconds: float) -> None:
        self.now_s += seconds
        self.device.advance_to(self.now_s)
        if self.sleeps and self.now_s - self.heard_s >= 30:
            self.fall_asleep()

    @rule()
    def power_goes_and_comes(self) -> None:
        self.device.power_cycle(self.now_s)
        self.heard_s = self.now_s
        self.live.clear()
        self.asleep = self.factory = self.paired = False
        self.lock = 0

    # -- factory mode ----------------------------------------------------------------------

    @rule(code=st.sampled_from([b"\x56\x78", b"\x12\x34"]) | odd_data)
    def enter(self, code: bytes) -> None:
        request = WriteRequest(0x00, code)
        if self.swallowed(request):
            return
        right = not self.locked and code == self.code
        self.ask(request, OK if right else INVALID)
        self.factory |= right

    @rule(data=st.sampled_from([b"\x00\x00", b"\x28\x28", b"\x28\x29", b""]))
    def leave(self, data: bytes) -> None:
        request = WriteRequest(0x01, data)
        if self.swallowed(request):
            return
        self.ask(request, OK)
        if self.factory and data == b"\x28\x28":
            self.saved |= self.live
            self.live.clear()
            assert not any(self.device.monitor.counters)
        self.factory = False

    @rule(old=st.sampled_from([b"\x56\x78", b"\x12\x34"]), new=st.just(b"\x12\x34"))
    def change_the_factory_code(self, old: bytes, new: bytes) -> None:
        request = WriteRequest(0x0F, old + new)
        if self.swallowed(request):
            return
        if self.version not in NEW_LINE:
            self.ask(request, ABSENT)
            return
        self.ask(request, OK if old == self.code else WRONG)
        if old == self.code:
            self.code = new

    # -- settings --------------------------------------------------------------------------

    @rule(address=st.sampled_from(WORDS), data=words)
    def write_a_word(self, address: int, data: bytes) -> None:
        self.write(address, data)

    @rule(address=st.sampled_from(list(TEXT_SETTINGS)), data=texts)
    def write_a_text(self, address: int, data: bytes) -> None:
        self.write(address, data)

    @rule(address=st.sampled_from(list(SETTINGS)), data=odd_data)
    def write_anything(self, address: int, data: bytes) -> None:
        self.write(address, data)

    def write(self, address: int, data: bytes) -> None:
        request = WriteRequest(address, data)
        if self.swallowed(request):
            return
        if not self.has(address):
            self.ask(request, OK if self.version in POINTS_FORGOTTEN else ABSENT)
        elif not self.factory or not fits(address, data):
            self.ask(request, INVALID)
        else:
            self.ask(request, OK)
            self.live[address] = data

    @rule(address=st.sampled_from(list(SETTINGS)))
    def read(self, address: int) -> None:
        request = ReadRequest(address)
        if self.swallowed(request):
            return
        if not self.has(address) and not self.locked:
            self.ask(request, ABSENT)
        elif not self.factory:
            self.ask(request, INVALID)
        else:
            self.ask(request, OK, self.in_force(address))

    @rule(first=st.sampled_from(NUMBERS), count=st.integers(1, 12))
    def read_by_number(self, first: int, count: int) -> None:
        numbers = [n for n in range(first, first + count) if n in NUMBERS]
        head = bytes((0, first, len(numbers)))
        request = ReadRequest(0xFA, head)
        if self.swallowed(request):
            return
        if self.version not in NUMBERED:
            self.ask(request, None if self.version in NUMBERED_SILENT else ABSENT)
        elif self.locked:
            self.ask(request, INVALID)
        else:
            self.ask(request, OK, head + b"".join(self.word(n) for n in numbers))

    def word(self, number: int) -> bytes:
        address, byte = numbered(number)
        data = self.in_force(address)
        return data if byte is None else bytes((0, data[byte]))

    @rule(first=st.sampled_from(NUMBERS), block=st.lists(words, min_size=1, max_size=12))
    def write_by_number(self, first: int, block: list[bytes]) -> None:
        block = [data for n, data in enumerate(block, first) if n in NUMBERS]
        head = bytes((0, first, len(block)))
        request = WriteRequest(0xFA, head + b"".join(block))
        if self.swallowed(request):
            return
        if self.version not in NUMBERED:
            self.ask(request, None if self.version in NUMBERED_SILENT else ABSENT)
            return
        changed: dict[int, bytes] = {}
        sound = self.factory
        for number, data in enumerate(block, first):
            address, byte = numbered(number)
            if byte is not None:
                sound &= data[0] == 0
                whole = bytearray(changed.get(address, self.in_force(address)))
                whole[byte] = data[1]
                data = bytes(whole)
            changed[address] = data
        self.ask(request, OK if sound else INVALID, head if sound else b"")
        if sound:
            self.live |= changed

    # -- passwords -------------------------------------------------------------------------

    @rule(pin=pins)
    def present(self, pin: bytes) -> None:
        right = pin == (BLANK if self.pin is None else self.pin)
        if self.password(WriteRequest(0x06, b"\x06" + pin), OK if right else WRONG) and right:
            self.paired = True

    @rule(old=pins, new=pins)
    def change_the_pin(self, old: bytes, new: bytes) -> None:
        right = self.pin is None or old == self.pin
        if self.password(WriteRequest(0x07, b"\x0c" + old + new), OK if right else WRONG) and right:
            self.pin = None if new == BLANK else new
            self.paired = True

    @rule()
    def clear_the_pin(self) -> None:
        if self.password(WriteRequest(0x09, b"\x06J1B2D4"), OK):
            self.pin, self.paired = None, False

    @rule(pin=pins, more=st.binary(min_size=1, max_size=20))
    def a_right_pin_with_more_behind_it_is_malformed(self, pin: bytes, more: bytes) -> None:
        self.password(WriteRequest(0x06, b"\x06" + pin + more), INVALID)
        self.password(WriteRequest(0x07, b"\x0c" + pin + pin + more), INVALID)
        self.password(WriteRequest(0x09, b"\x06J1B2D4" + more), INVALID)

    @rule(command=st.sampled_from([0x06, 0x07, 0x09]), data=odd_data)
    def malformed(self, command: int, data: bytes) -> None:
        length = 12 if command == 0x07 else 6
        if len(data) != 1 + length or data[0] != length:
            self.password(WriteRequest(command, data), INVALID)

    def password(self, request: WriteRequest, status: int) -> bool:
        """Send a password command; return whether the board looked at it."""
        if self.swallowed(request):
            return False
        if self.version not in WITH_PASSWORD:
            self.ask(request, ABSENT)
            return False
        self.ask(request, status)
        return True

    # -- other commands --------------------------------------------------------------------

    @rule(lock=st.integers(0, 3))
    def switch_fets(self, lock: int) -> None:
        request = WriteRequest(0xE1, bytes((0, lock)))
        if self.swallowed(request):
            return
        self.ask(request, INVALID if self.locked else OK)
        if not self.locked:
            self.lock = lock

    @rule(register=st.sampled_from([0xE1, 0xE2, 0x0A, 0x0B, 0xE0, 0xFB, 0xFC]), data=odd_data)
    def commands_with_data_of_no_shape(self, register: int, data: bytes) -> None:
        request = WriteRequest(register, data)
        if len(data) not in (2, 5) and not self.swallowed(request):
            outcome = self.device.handle(request, self.now_s)
            self.heard_s = self.now_s
            assert outcome.response is not None
            assert outcome.response.status in (ABSENT, INVALID)

    @rule(fet=st.sampled_from([(0, 2), (1, 1), (10, 3)]), off=st.booleans())
    def switch_fets_the_new_way(self, fet: tuple[int, int], off: bool) -> None:
        number, mask = fet
        request = WriteRequest(0xFB, bytes((number, off)))
        if self.swallowed(request):
            return
        if self.version not in NEW_LINE:
            self.ask(request, ABSENT)
            return
        self.ask(request, INVALID if self.locked else OK)
        if not self.locked:
            self.lock = self.lock | mask if off else self.lock & ~mask

    @rule(code=st.sampled_from([*range(0x0100, 0x0D00, 0x0100), 0x1881, 0x0D00, 0x0001]))
    def control(self, code: int) -> None:
        request = WriteRequest(0x0A, code.to_bytes(2, "big"))
        if self.swallowed(request):
            return
        known = 0x0100 <= code <= 0x0C00
        self.ask(request, OK if known else ABSENT)
        if code == 0x0300:
            self.live.clear()
            self.factory = self.paired = False
            self.lock = 0
        elif code in (0x0500, 0x0600, 0x0800):
            self.fall_asleep()

    @rule(mode=st.integers(1, 3))
    def balance_test(self, mode: int) -> None:
        request = WriteRequest(0xE2, bytes((0, mode)))
        if not self.swallowed(request):
            self.ask(request, OK if self.factory else INVALID)

    @rule(register=st.sampled_from([0x02, 0x0C, 0x0E, 0x48, 0x99, 0xE4, 0xF0, 0xF4, 0xFE]))
    def what_no_board_knows(self, register: int) -> None:
        for request in (ReadRequest(register), WriteRequest(register, b"\x00\x01")):
            if not self.swallowed(request):
                self.ask(request, ABSENT)

    @rule(register=st.sampled_from([0x03, 0x04, 0x05, 0xAA]))
    def monitor(self, register: int) -> None:
        request = ReadRequest(register)
        if not self.swallowed(request):
            self.ask(request, OK, None)

    # -- what always holds -----------------------------------------------------------------

    @invariant()
    def saved_and_live_settings_are_the_model_s(self) -> None:
        store = self.device.settings
        expected = self.saved | self.live
        assert without_learned(store.eeprom()) == without_learned(self.saved)
        assert without_learned({a: store[a] for a in self.saved}) == without_learned(expected)

    @invariant()
    def mode_and_password_are_the_model_s(self) -> None:
        device = self.device
        mode = Mode.ASLEEP if self.asleep else Mode.FACTORY if self.factory else Mode.NORMAL
        assert device.mode is mode
        assert device.settings_open == self.factory
        assert device.pin.stored == self.pin
        assert device.pin_is_set == (self.pin is not None)
        assert device.pin.locked == self.locked
        assert device.factory_code == self.code

    @invariant()
    def what_is_locked_is_closed(self) -> None:
        assert not (self.locked and self.device.settings_open)

    @precondition(lambda self: not self.asleep)
    @invariant()
    def basic_info_shows_the_lock_and_the_settings(self) -> None:
        info = self.device.basic_info()
        assert parse_basic_info(info.to_payload()).to_payload() == info.to_payload()
        assert info.version == self.version
        assert bool(info.protection_bits & 0x1000) == bool(self.lock)
        assert not info.fet_bits & self.lock
        assert info.cells == min(int.from_bytes(self.in_force(0x2F), "big"), 32)


def fits(address: int, data: bytes) -> bool:
    if address in TEXT_SETTINGS:
        return 1 <= len(data) <= 32 and data[0] == len(data) - 1
    return len(data) == 2


def without_learned(held: dict[int, bytes]) -> dict[int, bytes]:
    return {address: data for address, data in held.items() if address != LEARNED}


@pytest.mark.parametrize("address", [0x38, 0x39])
def test_no_packed_protection_setting_stops_the_board(address: int) -> None:
    """The delay of 0x38 has twice as many codes as its table has rows."""
    for data in (bytes((n, 0xFF - n)) for n in range(0x100)):
        device = Device(FIRMWARE[0x21], BOARDS["4s"], rng=random.Random(1))
        device.handle(WriteRequest(0x00, b"\x56\x78"), 0.0)
        device.handle(WriteRequest(address, data), 0.0)
        assert device.handle(ReadRequest(0x03), 2.0).response


@pytest.mark.slow
@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_a_device_does_what_its_row_says_whatever_it_is_asked(version: int) -> None:
    class Machine(DeviceModel):
        pass

    Machine.version = version
    run_state_machine_as_test(Machine, settings=settings(max_examples=40, stateful_step_count=40))
