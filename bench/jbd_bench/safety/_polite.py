"""Signals that wait until a board is put back."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .._signals import POLITE, end, heeded


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

    before = {number: signal.signal(number, wait) for number in POLITE}
    try:
        yield
    finally:
        for number, handler in before.items():
            # None stands for a handler that was not set from Python; the default is next to it.
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
    if waiting:
        signal.raise_signal(waiting[0])


@contextmanager
def polite_end() -> Iterator[None]:
    """Let a polite end interrupt this process as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in heeded()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
