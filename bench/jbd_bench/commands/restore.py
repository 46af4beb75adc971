"""``jbd-bench restore``: puts back by hand what a run that was killed left changed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..safety import Journal

HELP: Final = "put back what a run that was killed left changed on a board"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--journal",
        type=Path,
        metavar="FILE|DIR",
        help="one journal, or a folder of them; default: jbd-bench/journals in the XDG state "
        "folder",
    )
    parser.add_argument(
        "--target",
        metavar="TARGET",
        help="where the board is now; default: where it was, as the journal says",
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--list", action="store_true", help="say what the journals hold, and touch no board"
    )
    group.add_argument(
        "--forget",
        action="store_true",
        help="give it up: end the journal as it is, and touch no board",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Restore and say what came of it.

    Returns:
        0 where nothing is left to put back, 1 where something is, or a board is another one.
    Raises:
        JournalError: a journal that cannot be read, or that a living run writes.
        JbdError, LinkError: the board cannot be reached.
    """
    from ..safety import JournalError, default_folder, open_journals

    place: Path = default_folder() if args.journal is None else args.journal
    if args.journal is not None and not place.exists():
        raise JournalError(f"journal {place}: no such file or folder")
    paths = [place] if place.is_file() else open_journals(place)
    rows = [_row(path, args, alone=len(paths) == 1) for path in paths]
    if args.json:
        print(json.dumps({"folder": str(place), "journals": rows}))
    else:
        sys.stdout.write("\n".join(_lines(place, rows)) + "\n")
    return 0 if all(row["good"] for row in rows) else 1


def _row(path: Path, args: argparse.Namespace, *, alone: bool) -> dict[str, Any]:
    """Return what came of one journal; what is wrong with it must not keep the others back."""
    from jbd_protocol import JbdError

    try:
        return _one(path, args)
    except (JbdError, OSError) as error:
        if alone:
            raise
        return {"journal": str(path), "good": False, "error": str(error)}


def _one(path: Path, args: argparse.Namespace) -> dict[str, Any]:
    from ..safety import (
        AnotherBoard,
        Journal,
        JournalBusy,
        JournalError,
        Outcome,
        put_aside,
        restore_journal,
    )
    from ..transports import open_target

    try:
        journal = Journal.reopen(path, lenient=True)
    except JournalBusy:
        raise
    except JournalError as error:
        if not args.forget:
            raise
        aside = put_aside(path)
        return {"journal": str(aside), "good": True, "error": f"{error}; given up by hand"}
    record = journal.record
    row: dict[str, Any] = {
        "journal": str(path),
        "target": args.target or record.target,
        "board": record.identity.describe(),
        "began": record.began,
        "damaged_lines": list(record.damaged),
        "left": [] if record.ended else record.ledger.lines,
        "good": True,
        "another_board": None,
        **Outcome().to_json(),
    }
    try:
        if args.list:
            row["good"] = not row["left"]
        elif args.forget:
            row["journal"] = str(journal.end("given up by hand"))
        elif record.ended:
            row["left"] = []
        else:
            link = open_target(row["target"])
            try:
                outcome = restore_journal(journal, link, _pin(journal, args.target))
            except AnotherBoard as error:
                row |= {"another_board": str(error), "good": False}
            else:
                row |= {**outcome.to_json(), "good": not outcome.failed}
                row |= {"left": outcome.failed, "journal": str(journal.path)}
            finally:
                link.close()
    finally:
        journal.close()
    return row


def _pin(journal: Journal, target: str | None) -> bytes | None:
    """Return the PIN that either target string names."""
    from ..transports import parse_target

    for text in (target, journal.record.target):
        if text is not None and (pin := parse_target(text).pin_bytes) is not None:
            return pin
    return None


def _lines(place: Path, rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return [f"{place}: no journal without an end; nothing is left to put back"]
    lines: list[str] = []
    for row in rows:
        if "error" in row:
            lines += [row["error"], f"  {row['journal']}"]
            continue
        lines.append(f"{row['target']}  {row['board']}  run of {row['began']}")
        lines.append(f"  {row['journal']}")
        if row["another_board"]:
            lines.append(f"  {row['another_board']}; nothing was written to it")
        lines += [f"  restored: {line}" for line in row["restored"]]
        lines += [f"  cannot be restored: {line}" for line in row["lasting"]]
        lines += [f"  left: {line}" for line in row["left"]]
        if row["settings_confirmed"]:
            lines.append(f"  {row['settings_confirmed']} settings read as they were")
        if row["good"] and not (row["restored"] or row["left"] or row["settings_confirmed"]):
            lines.append("  nothing is left to put back")
    return lines
