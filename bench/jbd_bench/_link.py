"""A link to a board and the clock that goes with it: the seam every bench tool stands on.

A client model, a suite or a tool writes bytes, reads pieces and looks at the link's clock; it
cannot tell a board from the emulator. On a physical board the clock is the real one. On the
emulator inside this process the bytes go through a real pseudo-terminal and pyserial, and the
clock jumps: a client that waits two seconds for an answer that will not come waits none.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
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


class RadioEnd(Protocol):
    """The near end of a link through a Bluetooth module: what a byte pipe does not have.

    Attributes:
        address: six bytes of the module's address, which its passwords are computed with; empty
            where the system hides it.
        name: what it advertised when it was found, empty where nothing was heard.
        mtu: ATT MTU of the link; a piece holds 3 bytes less.
        writes: kinds of write that the request characteristic offers, as bleak names them.
        gatt: properties, as bleak names them, by characteristic; short UUIDs where there are.
        subscribed_s: when the subscription was acknowledged, on the link's clock.
        unasked: what was notified before the subscription; None where the system keeps that to
            itself.
        ask_mtu: what the central asks for at the next connection, None for nothing; systems that
            ask by themselves do not look at it.
        login: password that is presented to the module at the next connection, None for none.
        pair: whether to pair at the next connection.
    """

    ask_mtu: int | None
    login: str | None
    pair: bool

    @property
    def address(self) -> bytes: ...
    @property
    def name(self) -> str: ...
    @property
    def mtu(self) -> int: ...
    @property
    def writes(self) -> frozenset[str]: ...
    @property
    def gatt(self) -> Mapping[str, frozenset[str]]: ...
    @property
    def subscribed_s(self) -> float: ...
    @property
    def unasked(self) -> tuple[bytes, ...] | None: ...


def radio_of(link: object) -> RadioEnd | None:
    """Return the near end of a link that goes through a Bluetooth module, None for any other.

    What wraps a link hands the attribute ``radio`` on.
    """
    found: RadioEnd | None = getattr(link, "radio", None)
    return found


def left_s_of(link: object) -> float | None:
    """Return when a guard let the last bytes go, None for a link that nothing stands before."""
    found: float | None = getattr(link, "left_s", None)
    return found


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
