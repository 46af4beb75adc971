"""Finds writes in what goes out, however the bytes are cut."""

from __future__ import annotations

from typing import Final, NamedTuple

_START, _WRITE = 0xDD, 0x5A
_BOARD: Final = bytes((_START, _WRITE))
_MODULE: Final = b"\xff\xaa"
_FRAME: Final = 7
"""Bytes of a request without data: start, kind, register, length, two of checksum, end."""
_MODULE_FRAME: Final = 5


class OutgoingWrite(NamedTuple):
    """A write on its way out.

    Attributes:
        register: what would be written; the command of a frame to the Bluetooth module.
        module: whether it is for the module and not for the board.
        frame: its bytes from the start byte on, as far as they have come.
        whole: whether that is all of it.
    """

    register: int
    module: bool
    frame: bytes
    whole: bool

    @property
    def data(self) -> bytes:
        """What is written; empty while the frame is not whole."""
        return self.frame[4:-3] if self.whole and not self.module else b""


class WriteFinder:
    """Reads along in a stream of outgoing bytes.

    It is strict before it is clever: any ``DD 5A register`` counts as a write, be it inside
    another frame. Bytes that may still become the head of one are held back until they are told
    apart, so a write that is sent byte by byte does not get half way unseen.
    """

    def __init__(self) -> None:
        self._held = b""
        self._open = b""

    def take(self, data: bytes) -> tuple[bytes, list[OutgoingWrite]]:
        """Return what may leave now, and the writes that its bytes begin or make whole.

        A write that comes in pieces is returned twice: with its head, and when it is whole.
        """
        seen = len(self._open) + len(self._held)
        window = self._open + self._held + data
        found: list[OutgoingWrite] = []
        first_open = len(window)
        for at in range(len(window) - 2):
            head = window[at : at + 2]
            if head not in (_BOARD, _MODULE):
                continue
            end = _end(window, at, module=head == _MODULE)
            whole = end is not None and end <= len(window)
            if not whole:
                first_open = min(first_open, at)
            if at + 2 >= seen or (whole and end is not None and end > seen):
                frame = window[at:end] if whole else window[at:]
                found.append(OutgoingWrite(window[at + 2], head == _MODULE, frame, whole))
        held = _undecided(window)
        ready = window[len(self._open) : len(window) - held]
        self._open = window[min(first_open, len(window) - held) : len(window) - held]
        self._held = window[len(window) - held :]
        return ready, found

    def reset(self) -> None:
        """Forget what was begun and what was held back."""
        self._held = self._open = b""


def _end(window: bytes, at: int, *, module: bool) -> int | None:
    """Return where a frame ends, None while its length byte has not come."""
    if at + 3 >= len(window):
        return None
    return at + window[at + 3] + (_MODULE_FRAME if module else _FRAME)


def _undecided(window: bytes) -> int:
    """Return how many bytes at the end may be the head of a write."""
    if window[-2:] in (_BOARD, _MODULE):
        return 2
    return 1 if window[-1:] in (b"\xdd", b"\xff") else 0
