"""``jbd-bench read``: one look at a unit."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Final

HELP: Final = "show what a unit tells: voltages, current, cells, states, counters, parameters"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--target",
        default="emulator:0x21?board=4s",
        metavar="TARGET",
        help="the unit: serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port, "
        "ble:ADDRESS, ble:name=NAME, emulator:... or emulator-ble:... (default %(default)s)",
    )
    parser.add_argument(
        "--parameters",
        action="store_true",
        help="read the settings, too: enters factory mode and leaves it with 0000; without this "
        "option nothing is ever written",
    )
    parser.add_argument(
        "--pin", metavar="DIGITS", help="with --parameters: present this PIN before factory mode"
    )
    parser.add_argument(
        "--timeout", type=float, default=1.0, metavar="S", help="seconds per try (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Read and print.

    Raises:
        JbdError: the unit does not serve register 0x03, or a bad PIN or timeout.
        LinkError, ConfigError: the target cannot be opened.
    """
    from jbd_protocol import LocalError, ReplyTimeout

    from .._client import BmsClient
    from .._leave import PASSWORD, SETTINGS, LeaveGuard
    from .._link import LinkError, radio_of
    from .._reading import page, read_unit
    from ..transports import open_target, parse_target

    if args.pin is not None and not args.parameters:
        raise LocalError("pin: only --parameters needs one")
    leaves = {SETTINGS} if args.parameters else set()
    leaves |= {PASSWORD} if args.pin is not None else set()
    link = open_target(args.target)
    try:
        if parse_target(args.target).embedded:
            # A new emulated unit has measured nothing yet; these seconds take no time.
            link.clock.sleep_until(link.clock.now_s() + 2.0)
        client = BmsClient(LeaveGuard(link, frozenset(leaves)), timeout_s=args.timeout)
        if args.pin is not None:
            client.pair(args.pin)
        reading = read_unit(client, parameters=args.parameters)
    except ReplyTimeout as error:
        if radio_of(link) is None:
            raise
        from ..board._module import silence_help

        raise LinkError(f"{error}{silence_help(link, args.target)}") from None
    finally:
        link.close()
    if args.json:
        print(json.dumps(reading.to_json()))
    else:
        sys.stdout.write("\n".join(page(reading)) + "\n")
    return 0
