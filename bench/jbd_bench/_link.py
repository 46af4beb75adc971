"""A link to a board and the clock that goes with it: the seam every bench tool stands on.

A client model, a suite or a tool writes bytes, reads pieces and looks at the link's clock; it
cannot tell a board from the emulator. On a physical board the clock is the real one. On the
emulator inside this process the bytes go through a real pseudo-terminal and pyserial, and the
clock jumps: a client that waits two seconds for an answer that will not come waits none.
"""

from __future__ import annotations

import time
from typing import Protocol


class Clock(Protocol):
    """Seconds that only grow."""

    def now_s(self) -> float:
        """Return the time in seconds; the zero is arbitrary."""

    def sleep_until(self, when_s: float) -> None:
        """Return at ``when_s``; at once where that has passed."""


class Link(Protocol):
    """A byte pipe to one board.

    Attributes:
        name: what a person calls the target, ``emulator:0x21`` or ``serial:/dev/ttyUSB0``.
        clock: the time everything on this link is counted in.
    """

    name: str
    clock: Clock

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            LinkError: the link is gone.
        """

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive, as they arrive; empty when ``until_s`` is reached.

        Raises:
            LinkError: the link is gone.
        """

    def reconnect(self) -> None:
        """Drop the connection and make it again, as a client that leaves and returns does."""

    def close(self) -> None:
        """Give the link up; a second call does nothing."""


class RealClock:
    """The machine's monotonic clock."""

    def now_s(self) -> float:
        """Return seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep_until(self, when_s: float) -> None:
        """Sleep for what is left, if anything is."""
        left_s = when_s - time.monotonic()
        if left_s > 0:
            time.sleep(left_s)


class LinkError(OSError):
    """The link to the board failed; the message is one line for a person."""
