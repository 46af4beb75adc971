"""Measure, compare, and say which limits hold.

    python benchmarks/run.py [--only GROUP ...] [--markdown | --json] [--quick]

Exit status 0: every limit that was measured holds; 1: one does not; 2: bad input.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from _environment import interpreter, prepare
from _measure import Row
from _wire import Bench, compile_c

GROUPS = {
    "round_trip": "a request and its answer, against servers that do nothing",
    "simulators": "the same, against other simulators",
    "codec": "decoding basic information, against other libraries",
    "load": "a thousand units in one process",
    "control": "a client of a board, beside many others, pages and the API",
    "pacing": "the line time of 9600 baud",
    "air": "exchanges over Bluetooth, on a virtual radio",
    "startup": "CPU time of starting",
    "model": "virtual time",
    "suites": "wall time of jbd-bench run",
}
"""A group is a module with ``measure(bench)``, which yields rows."""
_INSIDE = "JBD_BENCHMARKS_INSIDE"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the groups asked for; return the exit status."""
    args = _parser().parse_args(argv)
    if not args.here and _INSIDE not in os.environ:
        return _run_inside(args.python, argv)
    rows = []
    with tempfile.TemporaryDirectory(prefix="jbd-benchmarks-") as folder:
        client, responder = compile_c(Path(folder))
        bench = Bench(args.quick, Path(folder), client, responder)
        for name in GROUPS:
            if not args.only or name in args.only:
                for row in importlib.import_module(name).measure(bench):
                    rows.append(row)
                    _progress(row)
    if args.json:
        print(json.dumps({"machine": machine(), "quick": args.quick,
                          "rows": [row.to_json() for row in rows]}, indent=1))  # fmt: skip
    elif args.markdown:
        print(as_markdown(rows))
    else:
        print(as_text(rows))
    # A quick run shows that everything runs; its numbers are too few to judge.
    return 0 if args.quick or all(row.passed is not False for row in rows) else 1


def machine() -> dict[str, object]:
    """Return what the figures depend on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def as_markdown(rows: Sequence[Row]) -> str:
    """Return the table of the README."""
    about = machine()
    lines = ["| what | ours | other | ratio | limit |", "|---|---|---|---|---|"]
    for row in rows:
        if row.skipped:
            lines.append(f"| {row.what} | | | not measured: {row.skipped} | |")
            continue
        other = f"{row.other} {row.other.what}" if row.other else ""
        value = row.value_text if row.passed is not False else f"**{row.value_text}**"
        cells = (_cell(row), str(row.ours), other, value, row.limit_text)
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", f"Python {about['python']}, {about['cores']} cores. Medians, lowest and highest "
                  "run in brackets."]  # fmt: skip
    return "\n".join(lines)


def as_text(rows: Sequence[Row]) -> str:
    """Return the table for a terminal."""
    lines = []
    for row in rows:
        mark = {True: "ok  ", False: "FAIL", None: "    "}[row.passed]
        if row.skipped:
            lines.append(f"skip  {row.what}: {row.skipped}")
            continue
        lines.append(f"{mark}  {_cell(row)}: {row.value_text}" +
                     (f" ({row.limit_text})" if row.limit_text else ""))  # fmt: skip
        sides = [f"{side.what} {side}" for side in (row.ours, row.other) if side]
        lines.append("      " + ", ".join(sides))
    broken = sum(row.passed is False for row in rows)
    judged = sum(row.passed is not None for row in rows)
    lines.append(f"{judged - broken} of {judged} limits hold")
    return "\n".join(lines)


def _cell(row: Row) -> str:
    return f"{row.what} ({row.note})" if row.note else row.what


def _progress(row: Row) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"{row.group}: {row.what}: {row.skipped or row.value_text}\n")


def _run_inside(python: str | None, argv: Sequence[str] | None) -> int:
    try:
        inside = prepare(interpreter(python), say=True)
    except ValueError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 2
    command = [str(inside), __file__, *(sys.argv[1:] if argv is None else argv)]
    environment = os.environ | {_INSIDE: "1"}
    # The checkout must not shadow the wheel that was just installed.
    environment.pop("PYTHONPATH", None)
    return subprocess.run(command, env=environment, check=False).returncode


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Measure jbd-bench against the limits it has to keep.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="groups:\n" + "\n".join(f"  {name:<12}{text}" for name, text in GROUPS.items()),
    )
    parser.add_argument("--only", nargs="+", metavar="GROUP", choices=tuple(GROUPS),
                        help="these groups and no others")  # fmt: skip
    parser.add_argument("--quick", action="store_true",
                        help="few rounds: shows that everything runs, judges nothing")  # fmt: skip
    parser.add_argument("--python", metavar="PATH",
                        help="interpreter to measure on; aiobmsble needs 3.12")  # fmt: skip
    parser.add_argument("--here", action="store_true",
                        help="measure with what is installed here")  # fmt: skip
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="one JSON object")
    shape.add_argument("--markdown", action="store_true", help="the table of the README")
    return parser


if __name__ == "__main__":
    sys.exit(main())
