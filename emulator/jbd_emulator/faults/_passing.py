"""A frame under way: its bytes, the pieces they leave in, and when."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final, NamedTuple

START: Final = 0xDD
TRAILER: Final = 3
"""Checksum and end byte."""

Piece = tuple[float, bytes]
"""When it leaves, in seconds, and what leaves then in one go."""


class HangUp(NamedTuple):
    """The end of a link.

    Attributes:
        reason: Bluetooth's code; other links have none.
        down_s: how long it cannot be made again.
    """

    reason: int
    down_s: float


@dataclass(slots=True)
class Passing:
    """A frame under way.

    Attributes:
        direction: ``request`` or ``answer``.
        pieces: what it is cut into and when each leaves; none for a frame that is lost.
        rng: of the fault that is at work.
        echo: what goes back to the sender.
        hang_up: the link ends behind the last piece.
        join: hold it until so many frames have come, and at most so many seconds.
    """

    direction: str
    pieces: list[Piece]
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    echo: bytes = b""
    hang_up: HangUp | None = None
    join: tuple[int, float] | None = None

    @property
    def wire(self) -> bytes:
        """All its bytes."""
        return b"".join(data for _, data in self.pieces)

    def spell(self, at: int, count: int, new: bytes) -> None:
        """Put ``new`` in the place of ``count`` bytes from ``at``, in the pieces there are.

        A piece that nothing is left of does not leave.
        """
        before, pieces = 0, []
        for number, (due_s, data) in enumerate(self.pieces, start=1):
            size = len(data)
            first = min(max(at - before, 0), size)
            end = min(max(at + count - before, 0), size)
            holds = before <= at and (at < before + size or number == len(self.pieces))
            before += size
            pieces.append((due_s, data[:first] + (new if holds else b"") + data[end:]))
        self.pieces = [piece for piece in pieces if piece[1]]

    def shift(self, delay_s: float) -> None:
        """Let every piece leave later."""
        self.pieces = [(due_s + delay_s, data) for due_s, data in self.pieces]
