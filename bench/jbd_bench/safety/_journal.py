"""The journal: what a run found on a board and what it wrote there, on disk before it leaves.

A file holds one JSON object a line, written behind the last one and forced to the disk before
the bytes that it announces are handed to the port. A run that is killed leaves a file without an
end; the next start on that board finds it there. While a run lives it holds a lock on its file.

====================  ==========================================================================
``begin``             format, version, target, leaves, process; the board's identity
``snapshot``          everything the board held before the first write to a setting, as TOML
``pin``               what was found out about the PIN, before the first frame that changes it
``write``             a write that is about to leave: register, bytes from the start byte on
``test``              the test that the writes behind it belong to
``restored``          all before it was put back and read back; what was, and what could not be
``end``               nothing is left to do
====================  ==========================================================================
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Final

from jbd_protocol import __version__

from .._outgoing import OutgoingWrite
from ..board import BoardIdentity, Snapshot
from ._record import FORMAT, VERSION, JournalBusy, JournalError, Record, parse

SUFFIX: Final = ".jsonl"
_BEHIND: Final = ("restored", "end")
"""What is noted when all has been sent."""
CLOSED: Final = "closed"
"""Folder beside the open journals that those without anything left to do move to."""


def default_folder() -> Path:
    """Return where journals lie unless told otherwise: the XDG state folder."""
    state = os.environ.get("XDG_STATE_HOME", "")
    base = Path(state) if Path(state).is_absolute() else Path.home() / ".local" / "state"
    return base / "jbd-bench" / "journals"


def check_folder(folder: Path) -> None:
    """Make the folder of the journals where it is missing.

    Raises:
        JournalError: it cannot be made, or nothing can be written in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise JournalError(f"journal {folder}: {(error.strerror or str(error)).lower()}") from None


class Journal:
    """One journal, open for writing.

    Attributes:
        path: the file.
        record: what it says so far.
    """

    def __init__(self, path: Path, file: FileIO, record: Record) -> None:
        self.path, self.record = path, record
        self._file, self._size = file, file.tell()

    @classmethod
    def begin(
        cls, folder: Path, target: str, identity: BoardIdentity, leaves: frozenset[str]
    ) -> Journal:
        """Make a new journal.

        Raises:
            JournalError: the folder or the file cannot be made.
        """
        now = datetime.now(UTC)
        name = f"{now:%Y%m%dT%H%M%S%f}-{os.getpid()}-{_slug(target)}{SUFFIX}"
        record = Record(target, now.isoformat(timespec="seconds"), leaves, identity)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = folder / name
            file = _create(path)
        except OSError as error:
            raise JournalError(
                f"journal {folder}: {(error.strerror or str(error)).lower()}"
            ) from None
        journal = cls(path, file, record)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _sync_folder(folder)
            journal._append(
                event="begin", format=FORMAT, version=VERSION, tool=__version__, target=target,
                began=record.began, pid=os.getpid(), leaves=sorted(leaves),
                identity=identity.to_table(),
            )  # fmt: skip
        except (OSError, JournalError) as error:
            journal.discard()
            if isinstance(error, JournalError):
                raise
            raise JournalError(
                f"journal {folder}: {(error.strerror or str(error)).lower()}"
            ) from None
        return journal

    @classmethod
    def reopen(cls, path: Path, *, lenient: bool = False) -> Journal:
        """Open a journal that a run left behind.

        Args:
            path: the file.
            lenient: pass over damaged lines; see :func:`parse`.
        Raises:
            JournalBusy: the run that writes it lives.
            JournalError: it cannot be read, is damaged or none.
        """
        try:
            file = path.open("r+b", buffering=0)
        except OSError as error:
            raise JournalError(
                f"journal {path}: {(error.strerror or str(error)).lower()}"
            ) from None
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise JournalBusy(
                    f"journal {path}: a run that is still at work writes it"
                ) from None
            raw = file.read()
            record = parse(raw, path, lenient=lenient)
            record.ledger.doubt_the_last()
            # Half a line is what a run was killed in; the write it announces never left.
            whole = raw.rfind(b"\n") + 1
            file.truncate(whole)
            file.seek(whole)
        except BaseException:
            file.close()
            raise
        return cls(path, file, record)

    def write(self, write: OutgoingWrite) -> None:
        """Announce a write; on the disk when this returns."""
        self._append(
            event="write", register=write.register, module=write.module, whole=write.whole,
            hex=write.frame.hex(),
        )  # fmt: skip

    def snapshot(self, snapshot: Snapshot, *, factory: bool) -> None:
        """Keep what the board held; ``factory`` says whether factory mode is still on."""
        self._append(event="snapshot", toml=snapshot.to_toml(), factory=factory)

    def pin(self, pin: bytes | None, password: bool | None) -> None:
        """Keep what was found out about the PIN; see :class:`Record`."""
        self._append(event="pin", pin=None if pin is None else pin.hex(), password=password)

    def test(self, test_id: str) -> None:
        """Say whose writes follow."""
        self._append(event="test", id=test_id)

    def restored(self, lines: Sequence[str], lasting: Sequence[str], failed: Sequence[str]) -> None:
        """Say what was put back, what cannot be, and what should have been."""
        self._append(event="restored", lines=list(lines), lasting=list(lasting),
                     failed=list(failed))  # fmt: skip

    def end(self, why: str = "") -> Path:
        """Say that nothing is left to do and put the file aside; return where it is now."""
        self._append(event="end", why=why)
        with contextlib.suppress(OSError):
            # A journal that has its end is no worse where it was; it is only in the way there.
            self.path = put_aside(self.path)
        self.close()
        return self.path

    def discard(self) -> None:
        """Take the file away: nothing was written to the board in its name."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Give the file up as it is; a second call does nothing."""
        self._file.close()

    def _append(self, **entry: object) -> None:
        if self._file.closed:
            raise JournalError(f"journal {self.path}: closed")
        line = json.dumps({"t": datetime.now(UTC).isoformat(timespec="milliseconds"), **entry})
        left = line.encode() + b"\n"
        try:
            self._cut()
            while left:
                # A disk that is nearly full takes a part, and says so only when asked again.
                taken = self._file.write(left)
                if not taken:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                left = left[taken:]
            os.fsync(self._file.fileno())
        except OSError as error:
            # Half a line must not be taken for the run's last word, nor be glued to the next.
            with contextlib.suppress(OSError):
                self._cut()
            so = "" if entry["event"] in _BEHIND else ", nothing is sent"
            raise JournalError(f"journal {self.path}: {error.strerror}{so}") from None
        self._size = self._file.tell()
        if entry["event"] != "begin":
            self.record.take(dict(entry))

    def _cut(self) -> None:
        """Take away what an append that failed left behind the last whole line."""
        self._file.truncate(self._size)
        self._file.seek(self._size)


def open_journals(folder: Path) -> list[Path]:
    """Return the journals of a folder that have no end, oldest first; none where it is missing."""
    return sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []


def put_aside(path: Path) -> Path:
    """Move a journal to those without anything left to do; raises OSError."""
    aside = path.parent / CLOSED
    aside.mkdir(exist_ok=True, mode=0o700)
    return path.rename(aside / path.name)


def is_busy(path: Path) -> bool:
    """Return whether a run that lives writes a journal; takes no lock that lasts."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def is_named_for(path: Path, target: str) -> bool:
    """Return whether the name of a journal is one of this target."""
    return path.name.endswith(f"-{_slug(target)}{SUFFIX}")


def _create(path: Path) -> FileIO:
    # PINs stand in it.
    return FileIO(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "r+b")


def _slug(target: str) -> str:
    # Options stay out: a PIN may stand there, and a file name is easily shown.
    return re.sub(r"[^A-Za-z0-9.]+", "-", target.partition("?")[0]).strip("-")[-60:]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
