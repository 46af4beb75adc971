"""A guarded link for a tool that is no test: opening begins a session, closing puts back."""

from __future__ import annotations

from .._link import Link
from .._tap import Tap
from ..transports import parse_target
from ._board import GuardedBoard
from ._guard import GuardedLink
from ._options import SafetyOptions


class _Session(GuardedLink):
    """A link that is a whole session: closing it puts the board back."""

    def __init__(self, link: Link, board: GuardedBoard) -> None:
        super().__init__(link, board)
        self._session = board

    def close(self) -> None:
        """Put the board back and close its link; a second call does nothing."""
        super().close()
        self._session.close()


def open_safely(
    target: str, leaves: frozenset[str], name: str, options: SafetyOptions | None = None
) -> Link:
    """Return a guarded link to a board for a tool that is no test.

    Args:
        target: a target string that names no embedded emulator.
        leaves: what may be changed.
        name: of the tool, for the journal.
        options: journal, limits, patience; the usual ones.
    Raises:
        NotRestored: an earlier run left the board changed.
        LinkError: it cannot be opened.
    """
    board = GuardedBoard(parse_target(target), leaves, options or SafetyOptions())
    link = _Session(Tap(board.open()), board)
    board.begin_test(name, link, writes=True)
    return link
