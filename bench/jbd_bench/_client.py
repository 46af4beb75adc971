"""A client of one board: what a test, a tool or a person asks, over any link."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final, TypeAlias

from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    Answered,
    BadFrame,
    BasicInfo,
    ClientEvent,
    ClientMachine,
    ErrorCounters,
    ForeignAnswer,
    LateAnswer,
    LocalError,
    Noise,
    PinEncoding,
    Quantity,
    ReadRequest,
    ReplyTimeout,
    Request,
    RequestRefused,
    Response,
    Retry,
    Value,
    WriteRequest,
    change_pin,
    decode_payload,
    encode_pin,
    encode_setting,
    pair,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
    register,
)

from ._link import Link, left_s_of

Unexpected: TypeAlias = "LateAnswer | ForeignAnswer | BadFrame | Noise"
_UNEXPECTED: Final = (LateAnswer, ForeignAnswer, BadFrame, Noise)


class BmsClient:
    """Asks one request at a time, repeats what is not answered, checks what comes.

    Args:
        link: the board; the client does not own it and does not close it.
        timeout_s: how long each try waits, in seconds.
        retries: how often an unanswered request is sent again.
    Attributes:
        unexpected: what came that was not the awaited answer, oldest first: late and foreign
            answers, damaged frames, noise.
        latency_s: seconds from when a request was last let go to its completed answer; what a
            guard asked the board before that does not count.
    Raises:
        LocalError: a timeout that is not above zero, or fewer than no retries.
    """

    def __init__(self, link: Link, timeout_s: float = 1.0, retries: int = 2) -> None:
        self.link = link
        self.unexpected: list[Unexpected] = []
        self.latency_s = 0.0
        self._sending_s = 0.0
        self._machine = ClientMachine(timeout_s=timeout_s, retries=retries)

    def over(self, link: Link) -> BmsClient:
        """Return a client that is as patient as this one, over another link to the same board."""
        return BmsClient(link, self._machine.timeout_s, self._machine.retries)

    def exchange(self, request: Request) -> Response | None:
        """Send a request and return its answer, refusals too; None where no try was answered.

        Raises:
            LinkError: the link is gone.
            LocalError: the request does not fit a frame.
        """
        machine, link = self._machine, self.link
        wire = machine.request(request, link.clock.now_s())
        try:
            return self._await(wire)
        except BaseException:
            # Refused by a guard, cut off, interrupted: the next request must not wait for this one.
            self._machine = ClientMachine(timeout_s=machine.timeout_s, retries=machine.retries)
            raise

    def _await(self, wire: bytes) -> Response | None:
        machine, link = self._machine, self.link
        self._send(wire)
        answer: Response | None = None
        while (deadline_s := machine.deadline_s) is not None:
            data = link.read(deadline_s)
            for event in self._events(data):
                if isinstance(event, Retry):
                    self._send(event.wire)
                elif isinstance(event, Answered):
                    answer, self.latency_s = event.response, event.latency_s + self._sending_s
                elif isinstance(event, _UNEXPECTED):
                    self.unexpected.append(event)
        return answer

    def _send(self, wire: bytes) -> None:
        link = self.link
        let_go_s = link.clock.now_s()
        link.write(wire)
        # A guard may have asked the board a thing or two before it let the bytes go, and a module
        # may take its time to acknowledge them: patience begins behind both.
        done_s = link.clock.now_s()
        self._machine.sent(done_s)
        guarded_s = left_s_of(link)
        self._sending_s = done_s - (let_go_s if guarded_s is None else guarded_s)

    def _events(self, data: bytes) -> list[ClientEvent]:
        now_s = self.link.clock.now_s()
        events = self._machine.receive(data, now_s) if data else []
        return events + self._machine.advance_to(now_s)

    def request(self, request: Request) -> Response:
        """Send a request and return its answer, whose status is 0x00.

        Raises:
            RequestRefused: another status.
            ReplyTimeout: no answer to any try.
        """
        answer = self.exchange(request)
        if answer is None:
            machine = self._machine
            raise ReplyTimeout(request.register, machine.retries + 1, machine.timeout_s)
        if answer.status:
            raise RequestRefused(request.register, answer.status)
        return answer

    def read(self, register: int, data: bytes = b"") -> bytes:
        """Return the payload of a register.

        Raises:
            RequestRefused: the board refused.
            ReplyTimeout: it did not answer.
        """
        return self.request(ReadRequest(register, data)).data

    def write(self, register: int, data: bytes) -> None:
        """Write a register or give a command, as it stands.

        Raises:
            RequestRefused: the board refused.
            ReplyTimeout: it did not answer.
        """
        self.request(WriteRequest(register, data))

    def basic_info(self) -> BasicInfo:
        """Return register 0x03; raises as :meth:`read`, PayloadError where it cannot be that."""
        return parse_basic_info(self.read(0x03))

    def cell_voltages(self) -> tuple[int, ...]:
        """Return register 0x04, mV, cell 1 first; raises as :meth:`basic_info`."""
        return parse_cell_voltages(self.read(0x04)).cell_mv

    def board_name(self) -> str:
        """Return register 0x05; raises as :meth:`read`. Bytes beyond ASCII read as Latin-1."""
        return self.read(0x05).decode("latin-1")

    def error_counters(self) -> ErrorCounters:
        """Return register 0xAA; raises as :meth:`read`."""
        return parse_error_counters(self.read(0xAA))

    def setting(self, key: int | str) -> dict[str, Quantity]:
        """Return the values of a setting by field name, in integer units; see :class:`Quantity`.

        Boards serve settings in factory mode alone: use :meth:`factory_mode` around it.

        Args:
            key: address or short name, ``0x24`` or ``"covp"``.
        Raises:
            LocalError: no such register.
            RequestRefused: 0x81 outside factory mode.
            ReplyTimeout: no answer.
        """
        address = _address(key)
        return decode_payload(address, self.read(address)).values()

    def write_setting(self, key: int | str, value: Value = None, /, **fields: Value) -> None:
        """Write a setting; fields that are not named keep what the board holds.

        Args:
            key: address or short name.
            value: of the setting whose only field is named like itself; or use ``fields``.
            fields: by field name, ``write_setting("cell_v_delays", covp_delay=3)``.
        Raises:
            LocalError: no such register or field, or a value that the field cannot hold.
            RequestRefused: 0x81 outside factory mode.
            ReplyTimeout: no answer.
        """
        address = _address(key)
        values: Mapping[str, Value] = MappingProxyType(fields)
        row = register(address, write=True)
        if value is not None and row is not None and row.request:
            values = {row.request[0].name: value, **fields}
        alone = row is not None and len(row.request) == 1
        base = b"" if alone else self.read(address)
        self.write(address, encode_setting(address, values, base))

    @contextmanager
    def factory_mode(self, *, save: bool = False) -> Iterator[None]:
        """Enter factory mode, and leave it whatever happens.

        Args:
            save: leave with 0x2828, which writes the EEPROM and clears the error counters;
                otherwise, and after an error in the body, with 0x0000.
        Raises:
            RequestRefused: 0x81, a PIN is set and was not presented.
            ReplyTimeout: no answer.
        """
        self.request(ENTER_FACTORY)
        leave = LEAVE_FACTORY
        try:
            yield
            leave = SAVE_AND_LEAVE_FACTORY if save else LEAVE_FACTORY
        finally:
            self.request(leave)

    def pair(
        self, pin: str | bytes = BLANK_PIN, encoding: PinEncoding = PinEncoding.DIGITS
    ) -> None:
        """Present a PIN (06): six digits as text, or raw bytes; blank unless told.

        Raises:
            LocalError: text that is not six digits.
            RequestRefused: 0x83 or 0x81 wrong PIN, 0x80 no password function.
            ReplyTimeout: no answer.
        """
        self.request(pair(_pin(pin, encoding)))

    def change_pin(
        self, old: str | bytes, new: str | bytes, encoding: PinEncoding = PinEncoding.DIGITS
    ) -> None:
        """Replace the PIN (07); raises as :meth:`pair`."""
        self.request(change_pin(_pin(old, encoding), _pin(new, encoding)))

    def clear_pin(self) -> None:
        """Remove the PIN (09), which boards do for anybody; raises as :meth:`pair`."""
        self.request(CLEAR_PIN)

    def drain(self, until_s: float | None = None) -> None:
        """Read what nobody asked for into ``unexpected``, up to now or to ``until_s``."""
        if until_s is None:
            until_s = self.link.clock.now_s()
        while data := self.link.read(until_s):
            self.unexpected += [e for e in self._events(data) if isinstance(e, _UNEXPECTED)]


def _address(key: int | str) -> int:
    row = register(key)
    if row is None and isinstance(key, str):
        raise LocalError(f"register {key!r}: no such name")
    return row.address if row is not None else int(key)


def _pin(pin: str | bytes, encoding: PinEncoding) -> bytes:
    return encode_pin(pin, encoding) if isinstance(pin, str) else pin
