"""A recording as what was asked and what came back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from jbd_protocol import ResponseDecoder

from ..records import Direction, Piece
from ._requests import RequestSplitter, same_kind


class Delayed(NamedTuple):
    """A piece of an answer.

    Attributes:
        after_s: seconds from the end of the request, or from the beginning of the connection.
        data: the bytes, as they came.
        behind: how many requests went out between the request and this piece: a client that does
            not wait, or repeats itself, has the next one on its way before it is answered.
    """

    after_s: float
    data: bytes
    behind: int = 0


@dataclass(slots=True)
class Exchange:
    """A request and the pieces that came for it; none, where the board kept silent."""

    request: bytes
    t_s: float
    number: int
    """Place among all requests of the recording, from 0."""
    answer: list[Delayed] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Recording:
    """What passed a link.

    Attributes:
        name: where it comes from, for people.
        exchanges: every request, in the order in which they ended.
        openings: by connection, what came before anything was asked.
        timed: whether its source has times.
    """

    name: str
    exchanges: Sequence[Exchange]
    openings: Sequence[Sequence[Delayed]]
    timed: bool = True

    @classmethod
    def of(cls, name: str, pieces: Iterable[Piece]) -> Recording:
        """Return the recording that pieces make; a mark between them ends a connection."""
        builder = _Builder()
        times = set()
        for piece in pieces:
            builder.add(piece)
            times.add(piece.t_s)
        builder.end()
        return cls(name, builder.exchanges, builder.openings, len(times) > 1)


class _Builder:
    """Finds for every piece of the board the request it belongs to."""

    def __init__(self) -> None:
        self.exchanges: list[Exchange] = []
        self.openings: list[list[Delayed]] = []
        self._open: list[Exchange] = []
        """Exchanges of this connection, oldest first."""
        self._splitter, self._decoder = RequestSplitter(), ResponseDecoder()
        self._owner: Exchange | None = None
        self._began_s: float | None = None

    def add(self, piece: Piece) -> None:
        if piece.direction is Direction.MARK:
            self.end()
            return
        if self._began_s is None:
            self._began_s = piece.t_s
            self.openings.append([])
        if piece.direction is Direction.TO_BOARD:
            for request in self._splitter.receive(piece.data, piece.t_s):
                self._asked(request, piece.t_s)
        else:
            self._answered(piece)

    def end(self) -> None:
        """End the connection."""
        last_s = self._open[-1].t_s if self._open else self._began_s or 0.0
        for request in self._splitter.flush():
            self._asked(request, last_s)
        self._open.clear()
        self._decoder.reset()
        self._owner = self._began_s = None

    def _asked(self, request: bytes, t_s: float) -> None:
        exchange = Exchange(request, t_s, len(self.exchanges))
        self.exchanges.append(exchange)
        self._open.append(exchange)

    def _answered(self, piece: Piece) -> None:
        goes_on = self._decoder.pending > 0 and self._owner is not None
        if goes_on and self._open and same_kind(self._open[-1].request, piece.data):
            # A board that is asked again drops the answer it is at and begins anew.
            goes_on = self._open[-1] is self._owner and len(piece.data) < 4
        if not goes_on:
            self._decoder.reset()
            self._owner = self._find(piece.data)
        self._decoder.receive(piece.data)
        if self._owner is None:
            began_s = piece.t_s if self._began_s is None else self._began_s
            self.openings[-1].append(Delayed(max(0.0, piece.t_s - began_s), piece.data))
        else:
            after_s = max(0.0, piece.t_s - self._owner.t_s)
            behind = len(self.exchanges) - 1 - self._owner.number
            self._owner.answer.append(Delayed(after_s, piece.data, behind))

    def _find(self, data: bytes) -> Exchange | None:
        """Return whose answer begins here: the latest request, or one before it by register."""
        if not self._open:
            return None
        latest = self._open[-1]
        if same_kind(latest.request, data):
            return latest
        waiting = (e for e in reversed(self._open) if not e.answer and same_kind(e.request, data))
        return next(waiting, latest)
