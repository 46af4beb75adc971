"""A small client without the bugs of this gallery; every bad one is this with one thing wrong.

It is written as apps are: a request, a wait, a decoder, a screen. What it does with each answer
is a method of its own, so that a bug is one method.
"""

from __future__ import annotations

from typing import Final

from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    BadFrame,
    PayloadError,
    ReadRequest,
    Request,
    Response,
    ResponseDecoder,
    WriteRequest,
    parse_basic_info,
    parse_cell_voltages,
    status_name,
    unsigned_refusal,
)

from .._link import Link
from ._look import Look

WAIT_S: Final = 1.0
TRIES: Final = 3
SOME_SETTINGS: Final = (0x10, 0x24, 0x26, 0x2D, 0x2F)
POINT: Final = 0x42
"""The 90 % point: firmware 0x15 and 0x16 acknowledge a write of it, and do not have it."""


class CarefulClient:
    """Looks at 0x03, 0x04 and 0x05, reads a few settings, writes one."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.name = ""

    # -- what the user sees ------------------------------------------------------------------

    def look(self) -> Look:
        """Return live data, or what went wrong."""
        info = self.ask(ReadRequest(0x03))
        cells = self.ask(ReadRequest(0x04))
        if not self.name:
            self.learn_name()
        at_s = self.link.clock.now_s()
        if info is None or cells is None:
            return Look(at_s=at_s, error="no answer")
        for answer in (info, cells):
            if answer.status:
                return Look(at_s=at_s, error=f"refused: {status_name(answer.status)}")
        try:
            return self.screen(at_s, info.data, cells.data)
        except PayloadError as error:
            return Look(at_s=at_s, error=str(error))

    def screen(self, at_s: float, info: bytes, cells: bytes) -> Look:
        """Turn payloads into what is shown."""
        basic = parse_basic_info(info)
        return Look(
            at_s=at_s,
            pack_mv=basic.pack_mv,
            cell_mv=parse_cell_voltages(cells).cell_mv,
            rsoc_percent=basic.rsoc_percent,
            remaining_mah=basic.remaining_mah,
            nominal_mah=basic.nominal_mah,
        )

    def learn_name(self) -> None:
        """Fetch the board's name; one that will not tell it goes without."""
        answer = self.ask(ReadRequest(0x05))
        if answer is not None:
            self.name = answer.data.decode("latin-1") or "(no name)"

    def read_settings(self) -> str:
        """Read a few settings in factory mode, and leave it whatever happens."""
        entered = self.ask(ENTER_FACTORY)
        if entered is None:
            return "communication failure"
        if entered.status:
            return f"the board refuses: {status_name(entered.status)}"
        missing = 0
        try:
            for register in SOME_SETTINGS:
                answer = self.ask(ReadRequest(register))
                missing += answer is None or answer.status != 0
        finally:
            self.leave()
        return f"{missing} settings could not be read" if missing else ""

    def leave(self) -> None:
        """Leave factory mode without saving."""
        self.ask(LEAVE_FACTORY)

    def write_setting(self) -> str:
        """Write the 90 % point, save, and look whether it is there."""
        value = (3330).to_bytes(2, "big")
        self.ask(ENTER_FACTORY)
        self.ask(WriteRequest(POINT, value))
        self.ask(SAVE_AND_LEAVE_FACTORY)
        return self.verify(value)

    def verify(self, value: bytes) -> str:
        """Read back what was written."""
        self.ask(ENTER_FACTORY)
        answer = self.ask(ReadRequest(POINT))
        self.leave()
        if answer is None or answer.status or answer.data != value:
            return "the board acknowledged the value and does not hold it"
        return ""

    # -- the wire ----------------------------------------------------------------------------

    def ask(self, request: Request) -> Response | None:
        """Send a request until it is answered; None for silence."""
        for _ in range(TRIES):
            self.drain()
            self.link.write(request.to_wire())
            answer = self.hear(request.register)
            if answer is not None:
                return answer
        return None

    def drain(self) -> None:
        """Drop what came too late."""
        while self.link.read(self.link.clock.now_s()):
            pass

    def hear(self, register: int) -> Response | None:
        """Return the answer of a register, whole and right, or None when the time is over."""
        decoder = ResponseDecoder()
        until_s = self.link.clock.now_s() + WAIT_S
        while self.link.clock.now_s() < until_s:
            for event in decoder.receive(self.link.read(until_s)):
                taken = unsigned_refusal(event.raw) if isinstance(event, BadFrame) else event
                if isinstance(taken, Response) and taken.register == register:
                    return taken
        return None
