"""What a journal says: its lines folded into what was found and what is to be put back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from jbd_protocol import JbdError

from .._leave import BALANCE, FETS, PASSWORD, SETTINGS
from .._outgoing import OutgoingWrite
from ..board import BoardIdentity, Snapshot
from ._ledger import Ledger

FORMAT: Final = "jbd-bench journal"
VERSION: Final = 1
_DAMAGE: Final = (KeyError, TypeError, ValueError, AttributeError)


class JournalError(JbdError):
    """A journal that cannot be used; one line says which and why."""


class JournalBusy(JournalError):
    """A journal that a living run still writes."""


class JournalEmpty(JournalError):
    """A journal without a first line: nothing was written to the board."""


@dataclass(slots=True)
class Record:
    """What a journal says.

    Attributes:
        target: the target string of the run.
        began: when, ISO 8601.
        leaves: what the run had leave to change.
        identity: the board.
        snapshot: what it held; None where no setting was to be written.
        pin: the PIN that was set before, empty for none; None where nobody looked.
        password: whether 06 exists, as far as was looked.
        ledger: what was written since the last time all was put back.
        test: the last test that was begun.
        ended: whether nothing was left to do.
        damaged: numbers of lines that could not be read.
    """

    target: str
    began: str
    leaves: frozenset[str]
    identity: BoardIdentity
    snapshot: Snapshot | None = None
    pin: bytes | None = None
    password: bool | None = None
    ledger: Ledger = field(default_factory=Ledger)
    test: str | None = None
    ended: bool = False
    damaged: tuple[int, ...] = ()

    def doubt_everything(self) -> None:
        """Take for written whatever there was leave for: nobody can tell any more."""
        ledger, leaves = self.ledger, self.leaves
        ledger.everything = ledger.saved = ledger.everything or SETTINGS in leaves
        ledger.fets = ledger.fets or FETS in leaves
        ledger.balance = ledger.balance or BALANCE in leaves
        ledger.pin = ledger.pin or (PASSWORD in leaves and self.pin is not None)
        lines = ", ".join(map(str, self.damaged))
        ledger.lasting.append(
            f"the journal is damaged in line {lines}: what was changed besides what is compared "
            "cannot be told"
        )

    def take(self, entry: dict[str, Any]) -> None:  # Any: json's own type
        """Take one entry behind the first into account.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        event = entry["event"]
        if event == "write":
            raw = bytes.fromhex(entry["hex"])
            self.ledger.note(
                OutgoingWrite(int(entry["register"]), entry["module"], raw, entry["whole"])
            )
        elif event == "snapshot":
            self.snapshot = Snapshot.from_toml(entry["toml"])
            # It is read in factory mode, which is left behind it.
            self.ledger.factory, self.ledger.leaving = bool(entry["factory"]), False
        elif event == "pin":
            self.pin = None if entry["pin"] is None else bytes.fromhex(entry["pin"])
            self.password = entry["password"]
        elif event == "test":
            self.test = str(entry["id"])
        elif event == "restored":
            if not entry["failed"]:
                self.ledger.put_back()
        elif event == "end":
            self.ended = True
        else:
            raise ValueError(f"event {event!r}")


def target_of(raw: bytes) -> str | None:
    """Return the target that a journal's first line names, None where it cannot be read."""
    try:
        return _first(json.loads(raw.partition(b"\n")[0])).target
    except (*_DAMAGE, JbdError):
        return None


def parse(raw: bytes, path: Path, *, lenient: bool = False) -> Record:
    """Return what the bytes of a journal say.

    Args:
        raw: all of it.
        path: where it lies, for the message.
        lenient: pass over damaged lines behind the first, where a snapshot can be read; all that
            there was leave for then counts as written.
    Raises:
        JournalError: damaged, or not a journal of this version.
    """
    lines = raw.split(b"\n")[:-1]
    record: Record | None = None
    damage: dict[int, str] = {}
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
            if record is None:
                record = _first(entry)
            else:
                record.take(entry)
        except (*_DAMAGE, JbdError) as error:
            damage[number] = f"journal {path}, line {number}: damaged or none ({error})"
            if record is None:
                break
    if damage and not (lenient and record is not None and record.snapshot is not None):
        raise JournalError(next(iter(damage.values())))
    if record is None:
        raise JournalEmpty(f"journal {path}: empty; the run ended before it wrote anything")
    if damage:
        record.damaged = tuple(damage)
        if not record.ended:
            record.doubt_everything()
    return record


def _first(entry: dict[str, Any]) -> Record:
    if entry["event"] != "begin" or entry["format"] != FORMAT or entry["version"] != VERSION:
        raise ValueError(f"not a {FORMAT} of version {VERSION}")
    identity = BoardIdentity.from_table(entry["identity"])
    return Record(entry["target"], entry["began"], frozenset(entry["leaves"]), identity)
