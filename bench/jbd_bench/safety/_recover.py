"""Restores from a journal that an earlier run left: at the next start, or by hand."""

from __future__ import annotations

import contextlib
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
from ._journal import Journal, is_busy, is_named_for, open_journals
from ._options import Told
from ._outcome import Outcome
from ._polite import undisturbed
from ._record import JournalBusy, JournalEmpty, JournalError, target_of
from ._restore import Restorer
from ._same_board import AnotherBoard, check_same_board

if TYPE_CHECKING:
    from ..transports import Target


def announcing(journal: Journal, told: Told | None = None) -> Callable[[WriteRequest], None]:
    """Return what puts a restore's own writes into the journal before they leave.

    Where the journal takes nothing more they leave all the same: what they put back stands there
    already, and a full disk is no reason to leave a board changed.
    """

    def announce(request: WriteRequest) -> None:
        write = OutgoingWrite(request.register, module=False, frame=request.to_wire(), whole=True)
        with contextlib.suppress(JournalError):
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
    if record.ended or record.ledger.clean:
        journal.end("nothing was left to put back")
        return Outcome()
    check_same_board(record, read_identity(BmsClient(link)), link.name)
    outcome = Outcome()
    for _ in range(2):
        with undisturbed():
            restorer = Restorer(BmsClient(link), record, pin, announcing(journal))
            outcome = restorer.run(whole=True, stranger=True)
            try:
                journal.restored(outcome.restored, outcome.lasting, outcome.failed)
                if not outcome.failed:
                    journal.end()
            except JournalError as error:
                outcome.failed.append(f"the end of the journal: {error}")
                break
        if not outcome.failed:
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
            if names(path, target):
                raise NotRestored(f"{target.text}: in use: {error}") from None
            continue
        except JournalEmpty:
            _drop_empty(path)
            continue
        except JournalError as error:
            if names(path, target):
                # What it says of the board cannot be told; what the board holds now is not
                # what it held, and must not become what a new journal says it held.
                raise NotRestored(
                    f"{target.text}: {error}; the board may not be as it was found: "
                    f"jbd-bench restore --journal {path} puts back what can be read, "
                    "--forget gives it up"
                ) from None
            say(str(error))
            continue
        if same_port(journal.record.target, target.text):
            yield path, journal
        else:
            journal.close()


def check_alone(target: Target, folder: Path, own: Path) -> None:
    """Refuse to write where another run does: a terminal server may let both in.

    Args:
        own: the journal of this run.
    Raises:
        JournalBusy: a run that lives has a journal of this port.
    """
    for path in open_journals(folder):
        if path != own and is_busy(path) and names(path, target):
            raise JournalBusy(f"{target.text}: in use: a run that is still at work writes {path}")


def same_port(one: str, other: str) -> bool:
    """Return whether two target strings lead to one port, whatever their options."""
    return one == other or port_of(one) == port_of(other)


def names(path: Path, target: Target) -> bool:
    """Return whether a journal, which may be damaged, is of this port."""
    try:
        named = target_of(path.read_bytes())
    except OSError:
        named = None
    # Where not even its first line can be read, the name of the file has to do.
    return same_port(named, target.text) if named is not None else is_named_for(path, target.text)


def _drop_empty(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        return
