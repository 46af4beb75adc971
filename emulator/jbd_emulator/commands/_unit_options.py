"""The options that describe a unit, shared by the commands that make one."""

from __future__ import annotations

import argparse

from .._config import UnitConfig, unit_from_table


def add_unit_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--firmware``, ``--board``, ``--pin`` and what else makes a unit."""
    group = parser.add_argument_group("unit")
    group.add_argument("--firmware", metavar="VERSION", help="version byte (default 0x21)")
    group.add_argument("--board", metavar="KIT", help="4s, 8s or 16s (default 4s)")
    group.add_argument("--pin", metavar="DIGITS", help="six digits stored as the PIN")
    group.add_argument(
        "--pin-encoding", metavar="KIND", help="digits or ascii (default: the firmware's)"
    )
    group.add_argument("--seed", metavar="N", help="seed of everything random (default 0)")
    group.add_argument("--soc-percent", metavar="P", help="true charge at the start (default 70)")
    group.add_argument("--load-ma", metavar="MA", help="constant load from the start")
    group.add_argument("--charge-mv", metavar="MV", help="voltage limit of a supply")
    group.add_argument("--charge-ma", metavar="MA", help="current limit of that supply")
    group.add_argument("--sleep", action="store_true", help="fall asleep after 30 s of silence")
    group.add_argument(
        "--answer",
        metavar="REG=WHAT",
        action="append",
        default=[],
        help="make a register answer silence, bad-checksum, delay-SECONDS or a status (06=0x83)",
    )


def unit_from_options(args: argparse.Namespace, **more: object) -> UnitConfig:
    """Return the unit that the options describe.

    Raises:
        ConfigError: one of them is wrong; the message names it and the limit.
    """
    keys = (
        "firmware", "board", "pin", "pin_encoding", "seed", "soc_percent", "load_ma",
        "charge_mv", "charge_ma",
    )  # fmt: skip
    table = {key: getattr(args, key) for key in keys if getattr(args, key) is not None}
    if args.sleep:
        table["sleep"] = True
    for answer in args.answer:
        register, _, what = answer.partition("=")
        table[f"answer_{register.lower().removeprefix('0x')}"] = what
    return unit_from_table(table | {key: value for key, value in more.items() if value is not None})
