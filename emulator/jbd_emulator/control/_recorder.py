"""What passed a unit, kept for whoever asks: a ring that forgets its oldest rows."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import WriteRequest

if TYPE_CHECKING:
    from jbd_protocol import Request

    from .._line import Line
    from .._rules import Outcome

MOST_ROWS: Final = 4000
"""Rows that one unit keeps where there are few units."""
_ALL_ROWS: Final = 200_000
"""Rows that all units of a process keep together; about 60 MB."""

Row = tuple[Any, ...]
"""``(t_s, line, "rx" | "tx", bytes)``, ``(t_s, line, "why", register, written, rule, silent)`` or
``(t_s, line, "fault", text)``. Any: the fields differ by the third."""


def rows_each(units: int) -> int:
    """Return how many rows each of so many units keeps."""
    return max(100, min(MOST_ROWS, _ALL_ROWS // max(1, units)))


class Recorder:
    """Writes down what passes one unit; a :class:`~jbd_emulator._unit.Watcher`.

    Args:
        most: rows to keep.
        started_s: what times are counted from.
    Attributes:
        next: number of the next row; the first there ever was is 0.
    """

    __slots__ = ("_rows", "_started_s", "next")

    def __init__(self, most: int, started_s: float) -> None:
        self._rows: deque[Row] = deque(maxlen=most)
        self._started_s = started_s
        self.next = 0

    @property
    def first(self) -> int:
        """Number of the oldest row that is still there."""
        return self.next - len(self._rows)

    def passed(self, line: Line, now_s: float, direction: str, data: bytes) -> None:
        """Note bytes that passed."""
        self._rows.append((now_s - self._started_s, line.name, direction, data))
        self.next += 1

    def decided(self, line: Line, now_s: float, request: Request, outcome: Outcome) -> None:
        """Note why the board answers what it answers."""
        self._rows.append((
            now_s - self._started_s, line.name, "why", request.register,
            isinstance(request, WriteRequest), outcome.rule, outcome.response is None,
        ))  # fmt: skip
        self.next += 1

    def struck(self, now_s: float, text: str) -> None:
        """Note what a fault did, or a hand on the bench."""
        self._rows.append((now_s - self._started_s, "", "fault", text))
        self.next += 1

    def clear(self) -> None:
        """Forget every row; numbers go on."""
        self._rows.clear()

    def since(self, number: int, most: int) -> tuple[int, list[Row]]:
        """Return rows from ``number`` on, oldest first.

        Args:
            number: of the first row that is wanted; later than the last gives none.
            most: rows to return.
        Returns:
            The number of the first row returned, and the rows; a number above the one asked for
            says that rows between were forgotten.
        """
        start = min(max(number, self.first), self.next)
        offset = start - self.first
        return start, list(islice(self._rows, offset, offset + most))
