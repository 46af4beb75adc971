"""``jbd-emulator charge-study``: which charger fills a LiFePO4 pack, and which keeps it full."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .._config import ConfigError
from ..study import StudyPlan, results_json, run_study, table_text
from ..study._progress import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``charge-study``."""
    parser.add_argument("--cells", metavar="N", default="4", help="in series, 3 to 32 (default 4)")
    parser.add_argument(
        "--capacity-ah", metavar="AH", default="100",
        help="5 to 600 (default 100); chargers and loads grow with it",
    )  # fmt: skip
    parser.add_argument("--days", metavar="DAYS", default="7", help="0.1 to 365 (default 7)")
    parser.add_argument("--seed", metavar="N", default="1", help="of cells and board (default 1)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path,
        help="write the plots as PNG and SVG, and the numbers as JSON, here",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="the numbers as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run the study and print what came of it; return 0."""
    plan = StudyPlan(
        cells=_whole("cells", args.cells),
        capacity_ah=_number("capacity-ah", args.capacity_ah),
        days=_number("days", args.days),
        seed=_whole("seed", args.seed),
    )
    if args.out is not None:
        _refuse_early(args.out)
    with ProgressBar("charge study") as progress:
        results = run_study(plan, progress)
    document = json.dumps(results_json(plan, results), indent=1) + "\n"
    paths: list[Path] = []
    if args.out is not None:
        from ..study._plots import write_plots

        paths = write_plots(plan, results, args.out)
        paths.append(args.out / "charge-study.json")
        paths[-1].write_text(document, encoding="utf-8")
    if args.json:
        sys.stdout.write(document)
        return 0
    sys.stdout.write(table_text(plan, results))
    if paths:
        sys.stdout.write("\nwrote " + "\n      ".join(str(path) for path in paths) + "\n")
    return 0


def _refuse_early(folder: Path) -> None:
    """Say now, and not after the run, that the plots cannot be written."""
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise ConfigError("out: needs matplotlib, install jbd-bench[plot]")
    folder.mkdir(parents=True, exist_ok=True)


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{field} {text!r}: must be a number") from None


def _whole(field: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise ConfigError(f"{field} {text!r}: must be a whole number") from None
