"""Ends a loop that waits on descriptors: by a signal, by another thread, by a test."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .._signals import handled_by, heeded


class Stop:
    """A flag that can be waited on together with other descriptors."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)
        self.is_set = False

    def fileno(self) -> int:
        """Return the descriptor that is readable once the flag is set."""
        return self._reading

    def set(self) -> None:
        """Set it; may be called from a signal handler and from any thread."""
        self.is_set = True
        with suppress(BlockingIOError):
            os.write(self._writing, b"x")

    @contextmanager
    def woken_by_signals(self) -> Iterator[None]:
        """Become readable at any signal, whichever thread the kernel gives it to.

        Handlers run in the main thread alone, which may be waiting on this very descriptor.
        """
        before = signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(before)

    def close(self) -> None:
        """Give the descriptors back."""
        os.close(self._reading)
        os.close(self._writing)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yield a flag that SIGINT, SIGTERM and SIGHUP set; their handlers are put back."""
    stop = Stop()
    try:
        with handled_by(lambda *_: stop.set(), heeded()), stop.woken_by_signals():
            yield stop
    finally:
        stop.close()
