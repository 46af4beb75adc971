"""A recording played as a board: bytes in, pieces out, time handed in."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from ._recording import Delayed, Exchange, Recording
from ._requests import RequestSplitter, words

PIECE_GAP_S: Final = 0.002
"""Between two pieces of one answer, where recorded times are not kept. A reader that looks at once
sees them apart, as a client of a Bluetooth module does."""

PATIENCE_S: Final = 0.2
UNTIMED_PATIENCE_S: Final = 1.0
"""How long a piece that came behind a later request waits for that request, at least; longer where
nobody knows how late it was. Clients ask again after 0.25 to 2 s."""


class _Due(NamedTuple):
    """A piece on its way: when it leaves, and the request that lets it leave before."""

    when_s: float
    data: bytes
    released_by: int | None


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What became of a replay.

    Attributes:
        played: requests answered, or left unanswered, as recorded.
        repeated: requests asked more often than recorded; the last answer came once more.
        lacking: requests that the recording does not have, and how often each was asked.
        unasked: recorded requests that nobody asked for, and how many of each are left.
    """

    played: int
    repeated: int
    lacking: Mapping[bytes, int]
    unasked: Mapping[bytes, int]

    def to_json(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "played": self.played,
            "repeated": self.repeated,
            "lacking": _rows(self.lacking),
            "unasked": _rows(self.unasked),
        }

    def lines(self) -> list[str]:
        """Return it in words."""
        lines = [f"{self.played} requests played as recorded, {self.repeated} repeated"]
        for title, requests in (("lacks", self.lacking), ("not asked for", self.unasked)):
            if requests:
                lines.append(f"{title}: {sum(requests.values())} requests, {len(requests)} kinds")
            for row in _rows(requests):
                lines.append(f"  {row['count']:5} x {row['hex']}  {row['meaning']}")
        return lines


def _rows(requests: Mapping[bytes, int]) -> list[dict[str, object]]:
    return [
        {"hex": raw.hex(" ").upper(), "meaning": words(raw), "count": count}
        for raw, count in sorted(requests.items(), key=lambda item: -item[1])
    ]


class Replay:
    """A board that says what it said once.

    Every request gets the next answer that was recorded for the same bytes, whatever was asked in
    between; a request that has had them all gets the last one once more. What the board left
    unanswered stays unanswered, and so does what the recording lacks.

    Args:
        recording: what to play.
        same_times: whether pieces come as late as they came, and as far apart; nothing changes
            where the recording has no times.
    """

    def __init__(self, recording: Recording, *, same_times: bool = False) -> None:
        self.recording = recording
        self._same_times = same_times and recording.timed
        self._patience_s = PATIENCE_S if recording.timed else UNTIMED_PATIENCE_S
        self._answers: dict[bytes, deque[Exchange]] = {}
        self._last: dict[bytes, Exchange] = {}
        for exchange in recording.exchanges:
            self._answers.setdefault(exchange.request, deque()).append(exchange)
            if exchange.answer or exchange.request not in self._last:
                self._last[exchange.request] = exchange
        self._splitter = RequestSplitter()
        self._due: deque[_Due] = deque()
        self._connections = self._played = self._repeated = 0
        self._lacking: dict[bytes, int] = {}

    def connected(self, now_s: float) -> None:
        """Begin a connection; what the board said of itself when it came up is due."""
        self._splitter.flush()
        self._due.clear()
        if openings := self.recording.openings:
            self._send(openings[min(self._connections, len(openings) - 1)], now_s, None)
        self._connections += 1

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes as a client writes them; their answers become due."""
        for request in self._splitter.receive(data, now_s):
            self._asked(request, now_s)

    @property
    def due_s(self) -> float | None:
        """When the next piece is due, None where there is none."""
        return self._due[0].when_s if self._due else None

    def take(self, now_s: float) -> list[bytes]:
        """Return the pieces that are due by now, each as it came."""
        pieces = []
        while self._due and self._due[0].when_s <= now_s:
            pieces.append(self._due.popleft().data)
        return pieces

    def report(self) -> ReplayReport:
        """Return what became of it so far."""
        left = {request: len(rest) for request, rest in self._answers.items() if rest}
        return ReplayReport(self._played, self._repeated, dict(self._lacking), left)

    def _asked(self, request: bytes, now_s: float) -> None:
        recorded = self._answers.get(request)
        if recorded is None:
            self._lacking[request] = self._lacking.get(request, 0) + 1
        elif recorded:
            self._played += 1
            exchange = recorded.popleft()
            self._release(exchange.number, now_s)
            self._send(exchange.answer, now_s, exchange.number)
        else:
            self._repeated += 1
            self._send(self._last[request].answer, now_s, None)

    def _release(self, number: int, now_s: float) -> None:
        """Let what waited for this request leave at once."""
        if self._same_times:
            return
        waiting, self._due = self._due, deque()
        for due in waiting:
            free = due.released_by is not None and due.released_by <= number
            when_s = self._behind(now_s) if free else due.when_s
            self._due.append(_Due(when_s, due.data, None if free else due.released_by))

    def _send(self, pieces: Sequence[Delayed], now_s: float, number: int | None) -> None:
        for piece in pieces:
            released_by = None
            when_s = self._behind(now_s)
            if self._same_times:
                # One wire: what is behind another piece leaves behind it.
                when_s = max(now_s + piece.after_s, self._due[-1].when_s if self._due else now_s)
            elif piece.behind and number is not None:
                released_by = number + piece.behind
                when_s = max(when_s, now_s + max(piece.after_s, self._patience_s))
            self._due.append(_Due(when_s, piece.data, released_by))

    def _behind(self, now_s: float) -> float:
        return self._due[-1].when_s + PIECE_GAP_S if self._due else now_s
