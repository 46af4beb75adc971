"""Signals that wait until a board is put back."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Keep Ctrl-C and a polite end waiting until a restore is through."""
    if threading.current_thread() is not threading.main_thread():
        # Signals interrupt the main thread alone.
        yield
        return
    waiting: list[int] = []

    def wait(number: int, _: object) -> None:
        if not waiting:
            sys.stderr.write("jbd-bench: putting the board back first\n")
        waiting.append(number)

    before = {number: signal.signal(number, wait) for number in _POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python; the default is next to it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if waiting:
        signal.raise_signal(waiting[0])
