"""What the commands about one board share: options, leave, a client."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._client import BmsClient
    from .._link import Link

_LONGEST_S = 3600.0
TARGETS = (
    "serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port, ble:ADDRESS or emulator:..."
)


def add_target(parser: argparse.ArgumentParser) -> None:
    """Declare the board."""
    parser.add_argument(
        "--target",
        default="emulator:0x21?board=4s",
        metavar="TARGET",
        help=f"the board: {TARGETS} (default %(default)s)",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Declare what every reader of boards takes."""
    parser.add_argument(
        "--timeout", type=float, default=1.0, metavar="S", help="seconds per try (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def add_leave(parser: argparse.ArgumentParser) -> None:
    """Declare leave to enter factory mode, and the PIN that may be needed for it."""
    parser.add_argument(
        "--allow",
        metavar="LIST",
        help="'settings' enters factory mode to read them, and leaves it without saving; nothing "
        "else is ever written. Default: settings on the embedded emulator, none on a board",
    )
    parser.add_argument("--pin", metavar="DIGITS", help="present this PIN before factory mode")


@contextmanager
def opened(
    target: str, timeout_s: float, *, allow: str | None = "none", pin: str | None = None
) -> Iterator[tuple[BmsClient, Link]]:
    """Open a board for reading; yields a client whose link holds to the leaves, and the bare link.

    Args:
        allow: as ``--allow`` takes it; None takes the default of the target.
        pin: presented first, which is a leave of its own.
    Raises:
        LocalError: an unknown leave, a bad PIN or timeout.
        LinkError, ConfigError: the target cannot be opened.
    """
    from jbd_protocol import LocalError

    from .._client import BmsClient
    from .._leave import PASSWORD, SETTINGS, LeaveGuard, parse_leaves
    from ..transports import open_target, parse_target

    if timeout_s > _LONGEST_S:
        raise LocalError(f"timeout {timeout_s:g}: must be up to {_LONGEST_S:g} seconds")
    embedded = parse_target(target).embedded
    leaves = frozenset({SETTINGS} if embedded else ()) if allow is None else parse_leaves(allow)
    leaves &= {SETTINGS}
    if pin is not None:
        leaves |= {PASSWORD}
    link = open_target(target)
    try:
        if embedded:
            # A new emulated unit has measured nothing yet; these seconds take no time.
            link.clock.sleep_until(link.clock.now_s() + 2.0)
        client = BmsClient(LeaveGuard(link, leaves), timeout_s=timeout_s)
        if pin is not None:
            client.pair(pin)
        yield client, link
    finally:
        link.close()


def counter(title: str) -> Callable[[int, int], None]:
    """Return what shows how far a reading is: a line that redraws, on a terminal alone."""
    if not sys.stderr.isatty():
        return lambda done, of: None

    def show(done: int, of: int) -> None:
        sys.stderr.write(f"\r{title} {done}/{of}" if done < of else "\r\x1b[K")
        sys.stderr.flush()

    return show
