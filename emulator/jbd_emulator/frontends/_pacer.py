"""Bytes at the speed of a wire: absolute deadlines, in pieces a timer can keep."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ..faults import HangUp
    from ..faults._wire import Wire

HANG_UP_S: Final = 0.02
"""From the last byte to the end of the link; a pseudo-terminal takes unread bytes with it."""
BITS_PER_BYTE: Final = 10
"""8N1: start bit, eight data bits, stop bit."""
PIECE: Final = 8
"""Bytes that leave together. An event loop's timers are late by about a millisecond, a byte at
9600 baud takes one: shorter pieces would only add jitter."""


class Pacer:
    """When each piece of an answer is due, on a line of ``baud`` bits per second.

    The request takes its line time too: a client that writes it at once would have waited for
    it on a wire.

    Args:
        baud: bits per second, above 0.
    """

    __slots__ = ("_byte_s", "_free_s", "_heard_s", "_pieces", "ending")

    def __init__(self, baud: int) -> None:
        self._byte_s = BITS_PER_BYTE / baud
        self._heard_s = 0.0
        self._free_s = 0.0
        self._pieces: deque[tuple[float, bytes]] = deque()
        self.ending: HangUp | None = None
        """How the link ends when the last piece has left."""

    @property
    def due_s(self) -> float | None:
        """When the next piece is due, or None."""
        if self._pieces:
            return self._pieces[0][0]
        return None if self.ending is None else self._free_s + HANG_UP_S

    def heard(self, count: int, now_s: float) -> None:
        """Count ``count`` bytes of a request that arrived now."""
        self._heard_s = max(self._heard_s, now_s) + count * self._byte_s

    def send(self, answer: bytes, now_s: float, wire: Wire | None = None) -> None:
        """Schedule an answer behind the request and behind what is still leaving.

        Args:
            answer: its bytes.
            now_s: when the board gave them, in seconds.
            wire: what befalls the pieces at the client's end, None for nothing.
        """
        start_s = max(self._heard_s, self._free_s, now_s)
        pieces = []
        for at in range(0, len(answer), PIECE):
            piece = answer[at : at + PIECE]
            pieces.append((start_s + (at + len(piece)) * self._byte_s, piece))
        self._free_s = start_s + len(answer) * self._byte_s
        if wire is not None:
            pieces, self.ending = wire.far(pieces, now_s)
            self._free_s = max(self._free_s, pieces[-1][0] if pieces else 0.0)
        self._pieces += pieces

    def take(self, now_s: float) -> bytes:
        """Return what is due by now."""
        ready = b""
        while self._pieces and self._pieces[0][0] <= now_s:
            ready += self._pieces.popleft()[1]
        return ready

    def take_ending(self, now_s: float) -> HangUp | None:
        """Return how the link ends, once, when the last piece has had time to be read."""
        if self.ending is None or self._pieces or now_s < self._free_s + HANG_UP_S:
            return None
        ending, self.ending = self.ending, None
        return ending

    def clear(self) -> None:
        """Forget what has not left."""
        self._pieces.clear()
        self.ending = None
