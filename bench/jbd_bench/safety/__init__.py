"""Safe writes: a board is left as it was found, or the run says what is different.

Tests speak over a :class:`GuardedLink`. Before the first write a snapshot and a journal go to the
disk; every write is in the journal before it leaves; after each test what was changed is put back
and read back. ``decisions/0011-safe-writes.md`` says why it is so and what cannot be told.
"""

from ._board import GuardedBoard
from ._errors import NotRestored, NotSafe
from ._guard import GuardedLink
from ._journal import (
    Journal,
    default_folder,
    open_journals,
    put_aside,
)
from ._ledger import Ledger
from ._options import SafetyOptions
from ._outcome import Outcome
from ._record import JournalBusy, JournalError, Record
from ._recover import recover, restore_journal
from ._restore import Restorer
from ._same_board import AnotherBoard
from ._session import open_safely
from ._watchdog import Limit, Watchdog, WatchdogTripped, parse_limit

__all__ = [
    "AnotherBoard",
    "GuardedBoard",
    "GuardedLink",
    "Journal",
    "JournalBusy",
    "JournalError",
    "Ledger",
    "Limit",
    "NotRestored",
    "NotSafe",
    "Outcome",
    "Record",
    "Restorer",
    "SafetyOptions",
    "Watchdog",
    "WatchdogTripped",
    "default_folder",
    "open_journals",
    "open_safely",
    "parse_limit",
    "put_aside",
    "recover",
    "restore_journal",
]
