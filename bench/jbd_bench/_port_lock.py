"""A lock file for each local port, so that two runs never talk to one board.

The lock is the kernel's, on an open file: it is gone with the process that held it, however that
ended, and a file which is left behind means nothing. What stands in the file is who holds it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from ._link import LinkError

_FOLDERS: Final = (Path("/run/lock"), Path("/tmp"))  # noqa: S108  # everybody's, on purpose
"""Where locks of ports have always been, and where everybody may write. Not ``TMPDIR``: two runs
have to look at the same place."""
_NOTE: Final = 300
_PSEUDO: Final = "/dev/pts"
_LINKS: Final = 40
"""As many as the kernel follows."""


def port_key(path: str) -> str:
    """Return the one name of a local port, whichever links lead to it.

    The number of a pseudo-terminal is given to somebody else as soon as it is closed; its name is
    the link that leads to it.
    """
    here = Path(path)
    for _ in range(_LINKS):
        here = here.parent.resolve() / here.name
        try:
            there = here.parent / here.readlink()
        except OSError:
            break
        if there.is_relative_to(_PSEUDO):
            break
        here = there
    return str(here)


def lock_port(path: str) -> PortLock | None:
    """Take a local port for this process; None for a pseudo-terminal that has no other name.

    What a program that opens it may do to others is then left to the lock on the terminal itself.

    Raises:
        LinkError: see :class:`PortLock`.
    """
    return None if Path(port_key(path)).is_relative_to(_PSEUDO) else PortLock(path)


class PortLock:
    """A local port, taken for this process until :meth:`release`.

    Args:
        path: the port, by any of its names.
        folder: where the lock files are; None for the system's place.

    Raises:
        LinkError: somebody else holds it, named as far as known; or no lock can be had.
    """

    def __init__(self, path: str, folder: Path | None = None) -> None:
        self._path = path
        place = _folder() if folder is None else folder
        self.file = place / f"jbd-bench.{quote(port_key(path), safe='').replace('%2F', '_')}.lock"
        self._descriptor = self._open()
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            os.close(self._descriptor)
            self._descriptor = -1
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise LinkError(f"lock of {path}: {error.strerror}") from None
            raise LinkError(f"port is in use by {holder}") from None
        self._sign()

    def release(self) -> None:
        """Let others have the port; a second call does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            # The file stays: taking it away would let two runs lock two files of one name.
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, 0)
            os.close(descriptor)

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            try:
                # A file of another user in a common folder must not be opened as if to make it.
                return os.open(self.file, flags)
            except FileNotFoundError:
                descriptor = os.open(self.file, flags | os.O_CREAT, 0o666)
                with contextlib.suppress(OSError):
                    os.fchmod(descriptor, 0o666)
                return descriptor
        except OSError as error:
            raise LinkError(
                f"lock of {self._path}: {self.file}: {(error.strerror or str(error)).lower()}"
            ) from None

    def _sign(self) -> None:
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]) or "python"
        note = f"process {os.getpid()} ({command[:_NOTE]}) since {since}\n"
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, note.encode("utf-8", "replace"), 0)

    def _holder(self) -> str:
        note = os.pread(self._descriptor, 2 * _NOTE, 0).decode("utf-8", "replace")
        return note.partition("\n")[0].strip() or "another run"


def _folder() -> Path:
    for folder in _FOLDERS:
        if os.access(folder, os.W_OK | os.X_OK):
            return folder
    return _FOLDERS[-1]
