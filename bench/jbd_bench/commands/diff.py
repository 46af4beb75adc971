"""``jbd-bench diff``: what differs between two units."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._board import TARGETS, add_leave, add_reading, counter, opened

if TYPE_CHECKING:
    from ..board._diff import Difference
    from ..board._files import Known

HELP: Final = "show what differs between two units: boards, snapshots or the vendor's .fig files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    for name in ("one", "other"):
        parser.add_argument(
            name, metavar=name.upper(), help=f"a snapshot, a .fig file, or a target: {TARGETS}"
        )
    parser.add_argument(
        "--live",
        action="store_true",
        help="show live values too: voltages, charge, counters; they never count as a difference",
    )
    add_leave(parser)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Read both, compare, print.

    Returns:
        0 where nothing differs but live values, 1 where something does.
    Raises:
        LocalError: a file that is neither, or settings that could not be compared and nothing
            else that differs.
        JbdError, LinkError, ConfigError: a target that cannot be opened or read.
    """
    from jbd_protocol import LocalError

    from ..board._diff import differences, incomparable, live_differences

    one, other = _known(args.one, args), _known(args.other, args)
    found = differences(one, other)
    missing = incomparable(one, other)
    if missing and not found:
        # Silence would be taken for "the same".
        raise LocalError(f"settings were not compared: {' / '.join(missing)}")
    live = live_differences(one, other) if args.live else []
    if args.json:
        document = {
            "one": one.name,
            "other": other.name,
            "same": not found,
            "differences": [row.to_json() for row in found],
            "live": [row.to_json() for row in live],
            "not_compared": missing,
        }
        print(json.dumps(document))
    else:
        _show(one, other, found, live, missing)
    return 1 if found else 0


def _known(text: str, args: argparse.Namespace) -> Known:
    from ..board import take_snapshot
    from ..board._files import KINDS, known_of, read_known

    path = Path(text)
    if path.suffix in KINDS or path.is_file():
        return read_known(path)
    with opened(text, args.timeout, allow=args.allow, pin=args.pin) as (client, _):
        return known_of(take_snapshot(client, factory=True, step=counter(text)))


def _show(
    one: Known,
    other: Known,
    found: list[Difference],
    live: list[Difference],
    missing: list[str],
) -> None:
    from ..records import table

    lines: list[str] = []
    for title, rows in (("", found), ("live values, which differ from moment to moment:", live)):
        if rows:
            cells = [
                [row.place, row.title, "" if row.field == row.title else row.field,
                 row.one, row.other]
                for row in rows
            ]  # fmt: skip
            lines += [title] * bool(title)
            lines += table(["", "", "", one.name, other.name], cells, numbers=5)
            lines.append("")
    lines += [f"not compared: settings of {line}" for line in missing]
    count = f"{len(found)} difference{'s' * (len(found) != 1)}" if found else "no difference"
    lines.append(count)
    sys.stdout.write("\n".join(lines) + "\n")
