"""``jbd-bench identify``: which board this is, by reading alone."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Final

from ._board import add_reading, add_target, counter, opened

HELP: Final = "tell which board this is and which firmware it is closest to, by reading alone"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_target(parser)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read, compare and print.

    Raises:
        JbdError: the board does not serve register 0x03, or a bad timeout.
        LinkError, ConfigError: the target cannot be opened.
    """
    from jbd_protocol import ReplyTimeout

    from .._link import LinkError
    from ..board._identify import identify, page
    from ..board._module import module_clues, module_lines, silence_help

    with opened(args.target, args.timeout) as (client, link):
        module = module_clues(link)
        try:
            findings = identify(client, counter("reading register"))
        except ReplyTimeout as error:
            raise LinkError(f"{error}{silence_help(link, args.target)}") from None
    if args.json:
        print(json.dumps({**findings.to_json(), "module": module and module.to_json()}))
    else:
        sys.stdout.write("\n".join([*page(findings), *module_lines(module)]) + "\n")
    return 0
