"""Restores from a journal that an earlier run left: at the next start, or by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from jbd_protocol import WriteRequest

from .._client import BmsClient
from .._link import Link
from .._outgoing import OutgoingWrite
from ..board import read_identity
from ..transports import port_of
from ._errors import NotRestored
from ._journal import Journal, open_journals
from ._options import Told
from ._outcome import Outcome
from ._polite import undisturbed
from ._record import JournalBusy, JournalEmpty, JournalError, parse
from ._restore import Restorer
from ._same_board import AnotherBoard, check_same_board

if TYPE_CHECKING:
    from ..transports import Target


def announcing(journal: Journal, told: Told | None = None) -> Callable[[WriteRequest], None]:
    """Return what puts a restore's own writes into the journal before they leave."""

    def announce(request: WriteRequest) -> None:
        write = OutgoingWrite(request.register, module=False, frame=request.to_wire(), whole=True)
        journal.write(write)
        if told is not None:
            told(journal.record.target, None, write)

    return announce


def restore_journal(journal: Journal, link: Link, pin: bytes | None) -> Outcome:
    """Put back what a journal says, on a board that is first made sure to be its own.

    The journal is ended where nothing is left to do.

    Raises:
        AnotherBoard: another board is on the link; it was read, and no setting of it written.
        ReplyTimeout, RequestRefused: not even register 0x03 is served.
        LinkError: the link is gone.
    """
    record = journal.record
    if record.ledger.clean:
        journal.end("nothing was left to put back")
        return Outcome()
    check_same_board(record, read_identity(BmsClient(link)), link.name)
    outcome = Outcome()
    for _ in range(2):
        with undisturbed():
            restorer = Restorer(BmsClient(link), record, pin, announcing(journal))
            outcome = restorer.run(whole=True, stranger=True)
            journal.restored(outcome.restored, outcome.lasting, outcome.failed)
        if not outcome.failed:
            journal.end()
            break
    return outcome


def recover(
    link: Link, target: Target, folder: Path, pin: bytes | None, say: Callable[[str], None]
) -> None:
    """Restore from every journal that a killed run left for this port.

    Raises:
        NotRestored: something of an earlier run is left on the board.
        JournalBusy: a run that lives works on this port.
        LinkError: the link is gone.
    """
    for path, journal in journals_for(target, folder, say):
        try:
            outcome = restore_journal(journal, link, pin)
        except AnotherBoard as error:
            say(f"{path} is open, and {error}; nothing was written to it")
            continue
        finally:
            journal.close()
        for line in outcome.lines:
            say(f"{link.name}: a run of {journal.record.began} had no end: {line}")
        if outcome.failed:
            raise NotRestored(
                f"{link.name}: a run of {journal.record.began} left {'; '.join(outcome.failed)}; "
                f"jbd-bench restore --journal {path} tries again, --forget gives it up"
            )


def journals_for(
    target: Target, folder: Path, say: Callable[[str], None]
) -> Iterator[tuple[Path, Journal]]:
    """Yield the open journals of a port, oldest first, each locked."""
    for path in open_journals(folder):
        try:
            journal = Journal.reopen(path)
        except JournalBusy as error:
            if _names(path, target):
                raise NotRestored(f"{target.text}: in use: {error}") from None
            continue
        except JournalEmpty:
            _drop_empty(path)
            continue
        except JournalError as error:
            say(str(error))
            continue
        if same_port(journal.record.target, target.text):
            yield path, journal
        else:
            journal.close()


def same_port(one: str, other: str) -> bool:
    """Return whether two target strings lead to one port, whatever their options."""
    return one == other or port_of(one) == port_of(other)


def _names(path: Path, target: Target) -> bool:
    try:
        return same_port(parse(path.read_bytes(), path).target, target.text)
    except (OSError, JournalError):
        return False


def _drop_empty(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
