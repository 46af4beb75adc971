"""The signals that ask a program to end, and that it may answer in its own way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What Ctrl-C, a service manager and a terminal that closes send."""


class Ended(KeyboardInterrupt):
    """Somebody asked this process to end; boards are put back as after Ctrl-C.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def end(number: int, _: object) -> NoReturn:
    """Handle a signal by raising :class:`Ended`."""
    raise Ended(number)


def heeded() -> tuple[signal.Signals, ...]:
    """Return those to answer: nohup has SIGHUP ignored, and means it.

    An ignored SIGINT means less: a shell has it ignored for every job in the background.
    """
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(number for number in POLITE if not (ignored and number == signal.SIGHUP))


@contextmanager
def handled_by(handler: Callable[[int, object], object], numbers: Iterable[int]) -> Iterator[None]:
    """Have signals handled in one way, and put back what handled them before.

    Raises:
        ValueError: not called by the main thread.
    """
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            # None stands for a handler that was not set from Python; the default is next to it.
            signal.signal(number, signal.SIG_DFL if former is None else former)
