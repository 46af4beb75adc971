"""``jbd-bench accept``: the gate for a firmware release."""

from __future__ import annotations

import argparse
import json
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..acceptance import Result, UnitResult
    from ..acceptance._judge import Scope
    from ..acceptance._run import Order

HELP: Final = "accept or refuse a firmware: requirements, clients of the field, a verdict"
_TIERS: Final = ("read-only", "reversible", "destructive")
_WHY_SHOWN: Final = 12
_ENDED: Final = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--target",
        action="append",
        metavar="TARGET",
        help="a unit with the firmware, repeatable; several are judged side by side: "
        "serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port, emulator:0x21",
    )
    parser.add_argument(
        "--baseline",
        metavar="VERSION|FILE",
        help="what it is compared with: a firmware as the sources have it, 0x21, or a file of "
        "--write-baseline or an earlier result",
    )
    parser.add_argument(
        "--allow",
        metavar="LIST",
        help="what tests may change: settings, fets, balance (put back after each test); "
        "password, capacity, calibration, reset; or reversible, all, none; default: all on the "
        "embedded emulator, none on anything else",
    )
    parser.add_argument(
        "--tier",
        choices=_TIERS,
        default="destructive",
        help="how far the verdict shall reach; without leave for all of it there is none "
        "(default destructive: everything)",
    )
    parser.add_argument(
        "--area",
        action="append",
        metavar="AREA",
        help="judge this area alone, repeatable; see --list",
    )
    parser.add_argument(
        "--plugin",
        action="append",
        default=[],
        metavar="MODULE",
        help="pytest plugin of the lab, repeatable: its hooks give a cell simulator and a power "
        "switch",
    )
    parser.add_argument(
        "--journal",
        metavar="DIR",
        help="where what is about to be written is noted first, so that it can be put back; "
        "default: jbd-bench/journals in the XDG state folder",
    )
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="end the run of a unit when cell_mv, pack_mv, temp_c or current_ma leaves this range, "
        "repeatable; its own thresholds are watched, too, once its settings were read",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="write acceptance.html, acceptance.json, junit.xml and allure-results there",
    )
    parser.add_argument(
        "--write-baseline",
        type=Path,
        metavar="FILE",
        help="write what this unit does as a baseline for later runs",
    )
    parser.add_argument("--list", action="store_true", help="show the catalogue and stop")
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Judge the units, show, report.

    Returns:
        0 where every unit is accepted, 1 otherwise, 130 where somebody ended the run.
    Raises:
        JbdError, LinkError, ConfigError: bad input, or a unit that cannot be reached.
        OSError: a report cannot be written.
    """
    scope = _scope(args)
    if args.list:
        _show_catalogue(scope, as_json=args.json)
        return 0
    order = _order(args, scope)
    from ..acceptance._run import accept

    progress = None if args.json else _Progress(sys.stdout.isatty())
    result = accept(order, progress)
    if progress is not None:
        progress.end()
    _write(args, result)
    if args.json:
        print(json.dumps(result.to_json(), ensure_ascii=False))
    else:
        _show(result, args.out)
    if result.ended:
        return _ENDED
    return 0 if result.accepted else 1


def _scope(args: argparse.Namespace) -> Scope:
    from jbd_protocol import LocalError

    from ..acceptance import AREAS, Tier
    from ..acceptance._judge import Scope

    wanted = tuple(args.area or AREAS)
    if unknown := [area for area in wanted if area not in AREAS]:
        raise LocalError(f"area {unknown[0]!r}: must be of {', '.join(AREAS)}")
    areas = tuple(area for area in AREAS if area in wanted)
    return Scope(Tier(args.tier), areas)


def _order(args: argparse.Namespace, scope: Scope) -> Order:
    from jbd_protocol import LocalError

    from .._boards import check_boards
    from .._leave import parse_leaves
    from .._suite_run import Guarding, need_pytest
    from ..acceptance._baseline import find_baseline
    from ..acceptance._run import Order

    need_pytest()
    from ..safety._plugin import safety_options

    if not args.target:
        raise LocalError("target: none given; say what to judge: --target serial:/dev/ttyUSB0")
    if args.baseline is None:
        raise LocalError("baseline: none given; say what to compare with: --baseline 0x21")
    if args.write_baseline is not None and len(args.target) != 1:
        raise LocalError(f"write-baseline: {len(args.target)} targets; must be exactly 1")
    if args.allow is not None:
        parse_leaves(args.allow)
    baseline = find_baseline(args.baseline)
    safety_options(args.journal, args.limit, None)
    _check_plugins(args.plugin)
    check_boards(args.target, units=True)
    # What takes minutes to find out must not be lost at the end.
    if args.write_baseline is not None:
        _check_writable("write-baseline", args.write_baseline)
    if args.out is not None:
        try:
            args.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LocalError(f"out {args.out}: {_reason(error)}") from None
        _check_writable("out", args.out / "acceptance.html")
    for target in args.target:
        _reach(target)
    return Order(
        targets=args.target,
        baseline=baseline,
        scope=scope,
        allow=args.allow,
        plugins=args.plugin,
        guarding=Guarding(args.journal, args.limit),
        reports=args.out,
    )


def _check_plugins(names: Sequence[str]) -> None:
    """Refuse a module that nobody can find; what is wrong inside it is said by the run."""
    from importlib.machinery import PathFinder
    from importlib.metadata import entry_points
    from importlib.util import find_spec

    from jbd_protocol import LocalError

    for name in names:
        top = name.partition(".")[0]
        # The run finds modules of the present folder, too, which a script's own path lacks.
        if not top or not (
            find_spec(top)
            or PathFinder.find_spec(top, [str(Path.cwd())])
            or entry_points(group="pytest11", name=name)
        ):
            raise LocalError(f"plugin {name!r}: no module of that name; PYTHONPATH leads to others")


def _check_writable(option: str, path: Path) -> None:
    """Refuse a file that cannot be written, and leave it as it is."""
    from jbd_protocol import LocalError

    there = path.exists()
    try:
        path.open("a").close()
    except OSError as error:
        raise LocalError(f"{option} {path}: {_reason(error)}") from None
    if not there:
        path.unlink()


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _reach(text: str) -> None:
    """Refuse a unit that cannot be opened or does not answer at all; what it answers is judged."""
    from jbd_protocol import ReadRequest, ReplyTimeout

    from .._client import BmsClient
    from ..transports import open_target

    link = open_target(text)
    try:
        client = BmsClient(link)
        if (
            client.exchange(ReadRequest(0x03)) is None
            and client.exchange(ReadRequest(0x05)) is None
        ):
            raise ReplyTimeout(0x03, 3, 1.0)
    finally:
        link.close()


class _Progress:
    """A line that moves on a terminal, a line a suite in a log."""

    def __init__(self, moves: bool) -> None:
        self._moves = moves
        self._lock = threading.Lock()
        self._at: dict[str, dict[str, Any]] = {}

    def __call__(self, target: str, line: dict[str, Any]) -> None:
        """Take note of how far a unit is."""
        with self._lock:
            before = self._at.get(target)
            self._at[target] = line
            if self._moves:
                sys.stdout.write("\r\x1b[K" + "   ".join(map(self._shown, self._at)))
                sys.stdout.flush()
            elif before is not None and before["suite"] != line["suite"]:
                self._log(target, before)
            if not self._moves and line["done"] == line["of"]:
                self._log(target, line)

    def end(self) -> None:
        """Take the line away."""
        if self._moves and self._at:
            sys.stdout.write("\r\x1b[K")

    def _shown(self, target: str) -> str:
        at = self._at[target]
        failed = f", {at['failed']} failed" if at["failed"] else ""
        return f"{target} {at['done']}/{at['of']} {at['suite']}{failed}"

    def _log(self, target: str, at: dict[str, Any]) -> None:
        sys.stdout.write(
            f"{at['suite']:13} {target:40} {at['done']:4} of {at['of']}, {at['failed']} failed\n"
        )
        sys.stdout.flush()


def _write(args: argparse.Namespace, result: Result) -> None:
    if args.out is not None:
        from ..acceptance._html import page

        text = json.dumps(result.to_json(), ensure_ascii=False, indent=1)
        (args.out / "acceptance.json").write_text(text + "\n", encoding="utf-8")
        (args.out / "acceptance.html").write_text(page(result), encoding="utf-8")
    if args.write_baseline is not None:
        from ..acceptance._baseline import baseline_document

        document = baseline_document(result.units[0], result.version, result.started)
        text = json.dumps(document, ensure_ascii=False, indent=1)
        args.write_baseline.write_text(text + "\n", encoding="utf-8")


def _show(result: Result, out: Path | None) -> None:
    lines: list[str] = []
    for unit in result.units:
        lines += ["", *_unit_lines(unit, result)]
    if out is not None:
        lines += [
            "",
            f"report: {out / 'acceptance.html'}, acceptance.json, junit.xml, allure-results",
        ]
    if len(result.units) > 1:
        said = ", ".join(f"{unit.verdict} {unit.target}" for unit in result.units)
        lines += ["", f"{result.verdict.upper()}: {said}"]
    sys.stdout.write("\n".join(lines) + "\n")


def _unit_lines(unit: UnitResult, result: Result) -> list[str]:
    lines = [f"{unit.verdict.upper()}  {unit.target}"]
    lines.append(f"  against {result.baseline}")
    shown = [f"  - {text}" for text in unit.why[:_WHY_SHOWN]]
    if len(unit.why) > _WHY_SHOWN:
        shown.append(f"  - and {len(unit.why) - _WHY_SHOWN} more; --out has them all")
    changed = [f"  {change.kind}: {change.text}" for change in unit.changes
               if change.kind in ("better", "identity", "measurement")]  # fmt: skip
    changed += [f"  {note}" for note in unit.notes]
    counts = ", ".join(
        f"{unit.count(name)} {name}"
        for name in ("passed", "failed", "not judged", "not applicable")
    )
    return [*lines, *shown, *changed, f"  {counts}; {unit.seconds:.0f} s"]


def _show_catalogue(scope: Scope, *, as_json: bool) -> None:
    from dataclasses import asdict

    from ..records import table

    entries = scope.entries()
    if as_json:
        print(json.dumps([asdict(entry) for entry in entries], ensure_ascii=False))
        return
    rows = [
        [
            entry.id,
            entry.area,
            str(entry.tier),
            ", ".join(entry.needs) or "-",
            entry.grade,
            entry.text,
        ]
        for entry in entries
    ]
    head = ["id", "area", "tier", "needs", "grade", "text"]
    print("\n".join(table(head, rows, numbers=len(head))))
