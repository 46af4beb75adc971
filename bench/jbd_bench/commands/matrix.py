"""``jbd-bench matrix``: which client reaches what on which board."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .._matrix import Cell

HELP: Final = "run every client model against every kind of board and show who reaches what"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--client", action="append", metavar="ID", help="this model alone; repeatable"
    )
    parser.add_argument(
        "--condition", action="append", metavar="NAME", help="this board alone; repeatable"
    )
    parser.add_argument(
        "--over",
        choices=("serial", "ble"),
        default="serial",
        help="how the boards are reached; ble: through a Telink module, the apps alone "
        "(default %(default)s)",
    )
    parser.add_argument("--json", action="store_true", help="print the cells as a JSON list")


def run(args: argparse.Namespace) -> int:
    """Run the matrix and print it; raises LocalError for an unknown client or condition."""
    from jbd_protocol import LocalError

    from .._matrix import TARGETS, run_matrix
    from ..clients import CLIENTS

    for field, asked, known in (
        ("client", args.client, CLIENTS),
        ("condition", args.condition, TARGETS),
    ):
        for name in asked or ():
            if name not in known:
                raise LocalError(f"{field} {name!r}: must be one of {', '.join(known)}")
    cells = list(run_matrix(args.client, args.condition, over=args.over))
    if args.json:
        print(json.dumps([cell.to_json() for cell in cells], indent=1))
    else:
        _show(cells)
    return 0


def _show(cells: list[Cell]) -> None:
    clients = list(dict.fromkeys(cell.client for cell in cells))
    conditions = list(dict.fromkeys(cell.condition for cell in cells))
    legend = {symptom: n for n, symptom in enumerate(_symptoms(cells), 1)}
    by_place = {(cell.client, cell.condition): cell for cell in cells}
    rows = [
        [client, *(_mark(by_place[client, name], legend) for name in conditions)]
        for client in clients
    ]
    if not _rich_table(["client", *conditions], rows):
        _plain_table(["client", *conditions], rows)
    print("\nD live data, P parameters, - not reached; the number says what the user sees:")
    for symptom, number in legend.items():
        print(f"{number:3}  {symptom}")
    print("How well each outcome is known: --json, grade.")


def _symptoms(cells: list[Cell]) -> list[str]:
    return list(dict.fromkeys(cell.symptom for cell in cells))


def _mark(cell: Cell, legend: dict[str, int]) -> str:
    data, parameters = "D" if cell.monitoring else "-", "P" if cell.parameters else "-"
    return f"{data}{parameters} {legend[cell.symptom]}"


def _plain_table(header: list[str], rows: list[list[str]]) -> None:
    widths = [max(len(row[n]) for row in [header, *rows]) for n in range(len(header))]
    for row in [header, *rows]:
        print(
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        )


def _rich_table(header: list[str], rows: list[list[str]]) -> bool:
    """Print with colours where there is a terminal and rich; return whether it was done."""
    if not sys.stdout.isatty():
        return False
    try:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text
    except ModuleNotFoundError:
        return False
    table = Table(header[0])
    table.columns[0].no_wrap = True
    for name in header[1:]:
        table.add_column(name)
    for client, *marks in rows:
        table.add_row(client, *(Text(mark, style=_STYLES.get(mark[:2], "red")) for mark in marks))
    Console().print(table)
    return True


_STYLES: Final = {"DP": "green", "D-": "yellow"}
