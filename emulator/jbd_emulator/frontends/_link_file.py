"""The name a pseudo-terminal is reached by: a link that replaces only a link of our own."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from .._config import ConfigError


class SerialLink:
    """A symbolic link at ``path`` that leads to a pseudo-terminal while the unit lives.

    Beside it stands ``path`` + ``.lock``, held locked by the process that owns the link: after
    a crash the lock is free and the next start knows the link for an orphan of ours. A link
    without it is somebody else's and is left alone.

    Args:
        path: where clients look for the port.
        target: the pseudo-terminal, ``/dev/pts/N``.
    Raises:
        ConfigError: something else is there, or another emulator owns it.
    """

    __slots__ = ("_lock", "_lock_path", "path", "target")

    def __init__(self, path: Path, target: str) -> None:
        if not path.name:
            raise ConfigError(f"serial {path}: must be the path of a file, not a folder")
        self.path, self.target = path, target
        self._lock_path = path.with_name(path.name + ".lock")
        if not path.parent.is_dir():
            raise ConfigError(f"serial {path}: no such folder")
        ours = self._lock_path.exists()
        if not path.is_symlink() and path.exists():
            raise ConfigError(f"serial {path}: path taken, and not by a link of this program")
        if path.is_symlink() and not ours:
            raise ConfigError(f"serial {path}: path taken by a link this program did not make")
        self._lock = self._take_lock()
        self.lead_to(target)

    def lead_to(self, target: str) -> None:
        """Let the link lead to another terminal; to none where it is empty, and there is no link.

        What somebody else has put in its place meanwhile is left alone.
        """
        path = self.path
        if not target:
            self._remove()
            return
        if path.exists() and not path.is_symlink():
            return
        self.target = target
        beside = path.with_name(f".{path.name}.{os.getpid()}.new")
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        beside.symlink_to(target)
        beside.replace(path)

    def close(self) -> None:
        """Remove the link if it is still ours; a second call does nothing."""
        if self._lock < 0:
            return
        self._remove()
        with contextlib.suppress(OSError):
            self._lock_path.unlink()
        os.close(self._lock)
        self._lock = -1

    def _remove(self) -> None:
        with contextlib.suppress(OSError):
            if str(self.path.readlink()) == self.target:
                self.path.unlink()

    def _take_lock(self) -> int:
        try:
            lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"serial {self.path}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise ConfigError(
                f"serial {self.path}: path taken by another emulator that is running"
            ) from None
        return lock
