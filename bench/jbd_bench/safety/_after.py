"""Puts a board back when a test is over, over a cable that may have to come back first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jbd_protocol import JbdError, ReplyTimeout

from .._client import BmsClient
from .._link import Link, LinkError
from ..board import read_identity
from ._errors import NotRestored
from ._outcome import Outcome
from ._polite import undisturbed
from ._record import JournalError
from ._recover import announcing
from ._restore import Restorer
from ._same_board import AnotherBoard, check_same_board

if TYPE_CHECKING:
    from ._board import GuardedBoard
    from ._guard import GuardedLink
    from ._journal import Journal

_RETRY_S: Final = 0.1
_TRIES: Final = 4
"""How often a board is put back that goes away while it is, or does not take what it is given."""


def settle(board: GuardedBoard, link: GuardedLink, *, whole: bool) -> Outcome | None:
    """Put back what the journal says, over a link that may be gone.

    Raises:
        NotRestored: it cannot be; nothing is sent any more.
    """
    outcome, trouble = None, ""
    for _ in range(_TRIES):
        try:
            if board.lost:
                _replug(board, link.tap)
                whole = True
            outcome = _restore(board, link.tap, whole=whole)
            trouble = "; ".join(outcome.failed) if outcome is not None else ""
            # The adapter stays when the cable behind it is pulled: silence is all there is of it.
            board.lost = outcome is not None and outcome.silent
        except (AnotherBoard, _Gone) as error:
            trouble = str(error)
            break
        except (LinkError, ReplyTimeout) as error:
            board.lost, trouble = True, str(error)
        if not trouble:
            return outcome
    board.stop(f"not restored: {trouble}; {board.what_is_left()}" if board.journal else trouble)
    raise NotRestored(str(board.stopped))


def _restore(board: GuardedBoard, raw: Link, *, whole: bool) -> Outcome | None:
    journal = board.journal
    if journal is None or (journal.record.ledger.clean and not whole):
        return None
    test = journal.record.test or "?"
    client = BmsClient(raw)
    board.doubt_after_silence(raw.clock.now_s())
    if board.doubtful:
        check_same_board(journal.record, read_identity(client), board.name)
    with undisturbed():
        restorer = Restorer(
            client, journal.record, board.pin, announcing(journal, board.options.told)
        )
        outcome = restorer.run(whole=whole, stranger=board.doubtful)
        if not outcome.silent:
            board.recognised(raw.clock.now_s())
        _note(board, journal, outcome)
    if outcome != Outcome():
        board.outcomes.append((test, outcome))
    for line in (*outcome.lasting, *outcome.failed):
        _tell_once(board, f"{board.name}: after {test}: {line}")
    return outcome


def _note(board: GuardedBoard, journal: Journal, outcome: Outcome) -> None:
    try:
        journal.restored(outcome.restored, outcome.lasting, outcome.failed)
    except JournalError as error:
        # The board is back all the same, and who finds the journal only compares it once more.
        if not outcome.failed:
            journal.record.ledger.put_back()
        _tell_once(board, f"{board.name}: put back, but the journal cannot say so: {error}")


def _tell_once(board: GuardedBoard, line: str) -> None:
    if line not in board.told_before:
        board.told_before.add(line)
        board.report(line)


def _replug(board: GuardedBoard, raw: Link) -> None:
    """Wait for a board to come back; which one it is remains to be seen.

    Raises:
        _Gone: none did.
    """
    clock, wait_s = raw.clock, board.options.replug_s
    until_s = clock.now_s() + wait_s
    board.report(f"{board.name}: gone; waiting {wait_s:g} s for it to come back")
    while True:
        try:
            raw.reconnect()
            BmsClient(raw, timeout_s=0.5).basic_info()
            break
        except (LinkError, JbdError) as error:
            if clock.now_s() >= until_s:
                raise _Gone(f"gone, and not back within {wait_s:g} s: {error}") from None
            clock.sleep_until(clock.now_s() + _RETRY_S)
    board.lost, board.doubtful = False, True
    board.report(f"{board.name}: back")


class _Gone(JbdError):
    """A board that did not come back."""
