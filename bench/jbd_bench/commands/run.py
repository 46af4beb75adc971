"""``jbd-bench run``: the main job. The shipped suites on every firmware, and a verdict."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from ..records import Recorder

HELP: Final = "run the shipped suites on the emulator or a board and report"
LOCKOUT_TARGET: Final = "emulator:0x21?board=4s"
LOCKOUT_CLIENT: Final = "android-3.1.1026"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    from ..suites import SUITES

    parser.add_argument(
        "--target",
        action="append",
        metavar="TARGET",
        help="what to test, repeatable: emulator:0x21?board=4s, serial:/dev/ttyUSB0, "
        "rfc2217://host:port, socket://host:port, ble:ADDRESS, ble:name=NAME, "
        "emulator-ble:0x21?module=telink; default: every profile of the emulator",
    )
    parser.add_argument(
        "--suite",
        action="append",
        choices=SUITES,
        metavar="SUITE",
        help=f"which suite, repeatable: {', '.join(SUITES)}; default: all",
    )
    parser.add_argument(
        "--allow",
        metavar="LIST",
        help="what tests may change: settings, fets, balance (put back after each test); "
        "password, capacity, calibration, reset; or reversible, all, none; default: all on the "
        "embedded emulator, none on anything else",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="DIR",
        help="write junit.xml, report.json and allure-results there",
    )
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="how many processes share the targets; a board is only ever one's. Default: one "
        "for each board, where there are several that are not emulated",
    )
    guard = parser.add_argument_group("boards that are not emulated")
    guard.add_argument(
        "--journal",
        metavar="DIR",
        help="where what is about to be written is noted first, so that it can be put back; "
        "default: jbd-bench/journals in the XDG state folder",
    )
    guard.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=LOW:HIGH",
        help="end the run when cell_mv, pack_mv, temp_c or current_ma leaves this range, "
        "repeatable; the board's own thresholds are watched, too, once its settings were read",
    )
    guard.add_argument(
        "--replug", metavar="S", help="seconds that a board which is gone is waited for (30)"
    )
    guard.add_argument(
        "--dry-run",
        action="store_true",
        help="play it against the emulated twin of each board, and print every write that it "
        "would make; the board itself is only read",
    )
    parser.add_argument("--json", action="store_true", help="print the summary as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Run, show, report.

    Returns:
        0 where every test passed and the lockout is as it should be, 1 otherwise.
    Raises:
        JbdError, LinkError, ConfigError: bad input, or a target that cannot be opened.
        OSError: the report cannot be written.
    """
    from .._boards import workers_for
    from .._suite_run import (
        AIR_MISSING,
        ALL_PROFILES,
        Guarding,
        check_targets,
        default_profiles,
        need_pytest,
        run_suites,
    )

    need_pytest()
    from .._progress import progress
    from ..records import Recorder
    from ..suites import SUITES

    start_s = time.monotonic()
    targets = args.target or list(default_profiles())
    suites = [suite for suite in SUITES if suite in (args.suite or SUITES)]
    workers = workers_for(targets, args.workers)
    guarding = Guarding(args.journal, args.limit, args.replug)
    if args.dry_run:
        return _dry_run(args, targets, suites)
    check_targets(targets, args.allow, guarding)
    if args.report is not None:
        args.report.mkdir(parents=True, exist_ok=True)
    recorder = Recorder()
    status = run_suites(
        targets,
        suites,
        recorder=recorder,
        allow=args.allow,
        report=args.report,
        plugins=[] if args.json else [progress(recorder)],
        workers=workers,
        guarding=guarding,
    )
    if status not in (0, 1) and not recorder.errors:
        recorder.errors.append(f"pytest stopped with status {status}")
    lockout = _lockout() if plays_lockout(suites, targets) else None
    recorder.extra["lockout"] = lockout
    if args.report is not None:
        recorder.write(args.report / "report.json")
    good = not (recorder.failed or recorder.errors) and (lockout is None or lockout["reproduced"])
    if not args.json and not args.target and len(targets) == len(ALL_PROFILES):
        sys.stderr.write(f"jbd-bench run: {AIR_MISSING}\n")
    if args.json:
        print(json.dumps(_as_json(recorder, good)))
    else:
        _show(recorder, lockout, time.monotonic() - start_s, args.report)
    return 0 if good else 1


def _dry_run(args: argparse.Namespace, targets: Sequence[str], suites: Sequence[str]) -> int:
    """Print what would be written."""
    from jbd_protocol import LocalError

    from .._suite_run import Guarding, run_suites
    from ..records import Recorder
    from ..safety._dry_run import rehearse
    from ..transports import parse_target

    boards = [text for text in targets if not parse_target(text).embedded]
    if not boards:
        raise LocalError("dry-run: no target is a board; the emulator needs no rehearsal")
    recorder = Recorder()
    guarding = Guarding(limits=args.limit, replug=args.replug)

    def play(plugin: object) -> None:
        status = run_suites(
            boards, suites, recorder=recorder, allow=args.allow, plugins=[plugin], guarding=guarding
        )
        if status not in (0, 1):
            raise LocalError(f"dry-run: {'; '.join(recorder.errors) or f'pytest status {status}'}")

    writes = rehearse(boards, play)
    if args.json:
        print(json.dumps({
            "dry_run": True,
            "targets": boards,
            "tests": len(recorder.tests),
            "writes": [one.to_json() for one in writes],
        }))  # fmt: skip
        return 0
    shown: tuple[str, str | None] | None = None
    for one in writes:
        if (one.target, one.test) != shown:
            shown = (one.target, one.test)
            sys.stdout.write(f"{one.test or 'put back after it'}\n")
        sys.stdout.write(f"    {one.frame.hex(' ').upper():42} {one.meaning}\n")
    ran = sum(test.outcome != "skipped" for test in recorder.tests)
    sys.stdout.write(
        f"{len(writes)} writes in {ran} tests on {', '.join(boards)}; nothing was written to "
        f"{'it' if len(boards) == 1 else 'them'}\n"
    )
    return 0


def plays_lockout(suites: Sequence[str], targets: Sequence[str]) -> bool:
    """Return whether the run includes the main job: clients on an emulated firmware 2.1."""
    return "clients" in suites and any(t.startswith("emulator:0x21") for t in targets)


def _lockout() -> dict[str, Any]:
    """Return the verdict of the lockout, as ``jbd-bench lockout --json`` has it."""
    from .._lockout import play_lockout
    from .._lockout_criteria import judge
    from ..clients import client_model

    verdict = judge(play_lockout(LOCKOUT_TARGET, client_model(LOCKOUT_CLIENT)))
    return {
        "client": LOCKOUT_CLIENT,
        "target": LOCKOUT_TARGET,
        "reproduced": verdict.reproduced,
        "why": verdict.why,
    }


def _as_json(recorder: Recorder, good: bool) -> dict[str, object]:
    document = recorder.document()
    # The tests with their traffic stand in report.json; here are those that need a look.
    document["verdict"] = "passed" if good else "failed"
    document["tests"] = len(recorder.tests)
    document["failures"] = [
        {
            "id": test.id,
            "target": test.target,
            "requirements": [row["id"] for row in test.requirements],
            "failure": test.failure,
        }
        for test in recorder.failed
    ]
    return document


def _show(
    recorder: Recorder, lockout: dict[str, Any] | None, seconds: float, report: Path | None
) -> None:
    from .._suite_run import board_lines
    from ..records import failure_lines, skip_lines, summary_lines

    lines = ["", *summary_lines(recorder), *skip_lines(recorder), *failure_lines(recorder), ""]
    if lockout is not None:
        word = "locks" if lockout["reproduced"] else "does NOT lock"
        lines.append(f"Android 3.1.1026 {word} itself out of firmware 2.1: {lockout['why']}")
    lines += board_lines(recorder)
    if report is not None:
        lines.append(f"report: {report / 'report.json'}, junit.xml, allure-results")
    failed = len(recorder.failed) + len(recorder.errors)
    skipped = sum(test.outcome == "skipped" for test in recorder.tests)
    passed = (
        f"{len(recorder.tests) - skipped} passed, {skipped} skipped" if skipped else "all passed"
    )
    ending = f"{failed} failed" if failed else passed
    lines.append(f"{len(recorder.tests)} tests, {ending}, {seconds:.1f} s")
    sys.stdout.write("\n".join(lines) + "\n")
