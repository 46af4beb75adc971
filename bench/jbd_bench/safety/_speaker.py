"""What a restore says to a board: every write announced, every refusal a status."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from jbd_protocol import (
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    RequestRefused,
    WriteRequest,
    pair,
    read_parameters,
    status_name,
)

from .._client import BmsClient
from ._outcome import Outcome

_ANY_SETTING: Final = 0x24
"""Served in factory mode alone, by every board seen so far."""


@dataclass(slots=True)
class Speaker:
    """A client, and what came of what it said.

    Attributes:
        client: of the board.
        announce: called with every write before it leaves.
        pin: the PIN that the target is said to have, None where none is said.
        pins: those that the journal knows of, the newest last.
        outcome: what came of it.
    """

    client: BmsClient
    announce: Callable[[WriteRequest], None]
    pin: bytes | None
    pins: list[bytes]
    outcome: Outcome

    def enter(self) -> bool:
        """Enter factory mode, with the PINs that are known where it is refused without."""
        status = self.command(ENTER_FACTORY)
        if status:
            # The newest first: it is what the board was given last.
            for one in (*reversed(self.pins), *([self.pin] if self.pin else [])):
                if self.command(pair(one)) == 0:
                    status = self.command(ENTER_FACTORY)
                    break
        if status:
            self.outcome.failed.append(
                f"settings: factory mode is refused, {status_name(status)}"
                + ("; if a PIN is set, name it: TARGET?pin=123456" if status == 0x81 else "")
            )
        return not status

    def read(self, address: int) -> bytes | None:
        """Return a register, None where it is refused."""
        try:
            return self.client.read(address)
        except RequestRefused:
            return None

    def number(self, number: int) -> bytes | None:
        """Return a word of 0xFA, None where it is refused."""
        try:
            return self.client.read(0xFA, read_parameters(number, 1))[3:5]
        except RequestRefused:
            return None

    def leave(self, *, save: bool) -> bool:
        """Leave factory mode; a refusal is none where the settings are closed all the same."""
        status = self.command(SAVE_AND_LEAVE_FACTORY if save else LEAVE_FACTORY)
        if status and (save or self.read(_ANY_SETTING) is not None):
            self.outcome.failed.append(f"leaving factory mode: refused, {status_name(status)}")
            return False
        return True

    def told(self, request: WriteRequest, good: str, bad: str) -> None:
        """Send a write and say what came of it."""
        status = self.command(request)
        if status:
            self.outcome.failed.append(f"{bad}: {status_name(status)}")
        else:
            self.outcome.restored.append(good)

    def command(self, request: WriteRequest) -> int:
        """Send a write and return its status; raises ReplyTimeout."""
        self.announce(request)
        try:
            self.client.request(request)
        except RequestRefused as error:
            return error.status
        return 0
