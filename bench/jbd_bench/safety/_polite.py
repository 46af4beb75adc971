"""Signals that wait until a board is put back."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .._signals import POLITE, end, handled_by, heeded


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

    with handled_by(wait, POLITE):
        yield
    if waiting:
        signal.raise_signal(waiting[0])


@contextmanager
def polite_end() -> Iterator[None]:
    """Let a polite end interrupt this process as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    with handled_by(end, heeded()):
        yield
