"""The signals that ask a program to end, and that it may answer in its own way."""

from __future__ import annotations

import signal
from typing import Final

POLITE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""What Ctrl-C, a service manager and a terminal that closes send."""


def heeded() -> tuple[signal.Signals, ...]:
    """Return those to answer: nohup has SIGHUP ignored, and means it.

    An ignored SIGINT means less: a shell has it ignored for every job in the background.
    """
    ignored = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return tuple(number for number in POLITE if not (ignored and number == signal.SIGHUP))
