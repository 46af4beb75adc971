"""The lockout guard: no PIN is set on a board that was not seen to clear one, and none is lost.

A board with a PIN that nobody knows is scrap to its owner, so 0x07 leaves only when a clear (09)
was acknowledged by this unit in this session, and 0x09 only when there is no PIN or it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    BLANK_PIN,
    CLEAR_PIN,
    ResponseDecoder,
    Status,
    WriteRequest,
    pair,
)
from jbd_protocol import Response as Answer

from ._errors import NotSafe

if TYPE_CHECKING:
    from collections.abc import Callable

    from .._outgoing import OutgoingWrite

_CHANGE: Final = 0x07
_CLEAR: Final = 0x09


@dataclass(frozen=True, slots=True)
class PinFound:
    """What was found out about a unit's PIN.

    Attributes:
        pin: six bytes, empty for none set, None where one may be set and nobody knows it.
        password: whether the unit has the function.
    """

    pin: bytes | None
    password: bool


def find_pin(ask: Callable[[WriteRequest], int | None], known: bytes | None) -> PinFound:
    """Find out whether a PIN is set, by presenting the blank one and the one that is named.

    Args:
        ask: sends a write and returns the status of its answer, None for silence.
        known: the PIN that the target is said to have.
    """
    status = ask(pair(BLANK_PIN))
    if status == Status.NO_SUCH_COMMAND:
        return PinFound(b"", password=False)
    if status == Status.OK:
        return PinFound(b"", password=True)
    if known is not None and ask(pair(known)) == Status.OK:
        return PinFound(known, password=True)
    return PinFound(None, password=True)


class PinGuard:
    """What is known of the PIN of one unit in one session.

    Attributes:
        found: what was found before the first change; None while nobody looked.
        clear_shown: whether a clear was acknowledged.
    """

    def __init__(self) -> None:
        self.found: PinFound | None = None
        self.clear_shown = False
        self._asked = b""
        self._decoder = ResponseDecoder()

    @staticmethod
    def concerns(write: OutgoingWrite) -> bool:
        """Return whether a write changes or clears a PIN."""
        return not write.module and write.register in (_CHANGE, _CLEAR)

    def check(self, write: OutgoingWrite, target: str) -> None:
        """Refuse a change or a clear that could lock somebody out.

        Raises:
            NotSafe: it could.
        """
        assert self.found is not None, "looked for before"
        if self.found.pin is None:
            raise NotSafe(
                write.register,
                f"{target} may have a PIN that nobody named, and it could not be put back: "
                "name it, TARGET?pin=123456",
            )
        if write.register == _CHANGE and not self.clear_shown:
            raise NotSafe(
                write.register,
                f"{target} has not been seen to clear a PIN in this session: send 09 before, and "
                "see it acknowledged",
            )

    def sent(self, write: OutgoingWrite) -> None:
        """Note a write that leaves now."""
        self._decoder.reset()
        self._asked = write.frame if write.whole and not write.module else b""

    def heard(self, data: bytes) -> None:
        """Look for the answer to a clear in what came."""
        if self._asked != CLEAR_PIN.to_wire():
            return
        for event in self._decoder.receive(data):
            if isinstance(event, Answer) and event.register == _CLEAR:
                self.clear_shown = self.clear_shown or event.status == Status.OK
                self._asked = b""
