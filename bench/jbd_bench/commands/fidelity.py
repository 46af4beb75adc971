"""``jbd-bench fidelity``: how like a board the emulator is, requirement by requirement."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ._board import add_leave, add_reading, counter, opened

if TYPE_CHECKING:
    import pytest

    from ..board import Snapshot
    from ..board._recording import Recording

HELP: Final = "play one conversation to a board and to its emulated twin, and compare"
SUITES: Final = ("conformance", "password", "robustness")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument(
        "--target",
        metavar="TARGET",
        help="the board: serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port",
    )
    given.add_argument(
        "--recording",
        type=Path,
        metavar="FILE",
        help="in place of a board: compare a recording with the emulator as it is now",
    )
    parser.add_argument(
        "--suite",
        action="append",
        choices=SUITES,
        help="what is played, repeatable (default conformance)",
    )
    parser.add_argument(
        "--only",
        metavar="LIST",
        help="requirements that are played, by the beginning of their ids: CONF-REG,CONF-FET-01",
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="write the conversation there, as JSON lines: a regression test for the emulator",
    )
    add_leave(parser)
    add_reading(parser)


def run(args: argparse.Namespace) -> int:
    """Play, compare, print.

    Returns:
        0 where nothing that is known differs, 1 where something does.
    Raises:
        LocalError: a bad option, a file that is no recording, or a target that is the emulator.
        JbdError, LinkError, ConfigError: the board cannot be opened or read, or the emulator
            cannot be it.
        OSError: the recording cannot be written.
    """
    from ..board._fidelity import compare, page
    from ..board._recording import Recording

    recording = Recording.read(args.recording) if args.recording else _record(args)
    if args.out is not None:
        recording.write(args.out)
    fidelity = compare(recording)
    if args.json:
        snapshot = recording.snapshot
        document = {
            "target": snapshot.target,
            "identity": snapshot.identity.to_table(),
            **fidelity.to_json(),
            "notes": list(snapshot.notes),
            "recording": None if args.out is None else str(args.out),
        }
        print(json.dumps(document))
    else:
        lines = [recording.snapshot.identity.describe(), *page(fidelity)]
        lines += [f"Note      {note}" for note in recording.snapshot.notes]
        lines += [f"Written   {args.out}"] if args.out is not None else []
        sys.stdout.write("\n".join(lines) + "\n")
    return 1 if any(row.deviations for row in fidelity.rows) else 0


def _record(args: argparse.Namespace) -> Recording:
    """Return a snapshot of the board and the conversation with it."""
    from jbd_protocol import LocalError

    from .._progress import progress
    from .._suite_run import check_targets, need_pytest, run_suites
    from ..board._recording import Recording, spoken_of
    from ..records import Recorder
    from ..transports import parse_target

    need_pytest()
    target = parse_target(args.target)
    if target.embedded:
        raise LocalError(
            f"target {args.target!r}: is the emulator itself; fidelity compares a board with it"
        )
    if args.out is not None and not args.out.parent.is_dir():
        raise LocalError(f"out {args.out}: no such folder")
    check_targets([args.target], args.allow)
    snapshot = _snapshot(args)
    recorder = Recorder()
    plugins: list[object] = [] if args.json else [progress(recorder, sys.stderr)]
    if args.only is not None:
        plugins.append(_Only(args.only))
    status = run_suites(
        [args.target],
        args.suite or ["conformance"],
        recorder=recorder,
        allow=args.allow,
        plugins=plugins,
    )
    if not recorder.tests and not recorder.errors:
        raise LocalError(f"only {args.only!r}: no requirement of the suites begins so")
    if status not in (0, 1) or recorder.errors:
        raise LocalError(f"pytest stopped with status {status}: {'; '.join(recorder.errors)}")
    unit = {key: target.options[key] for key in ("pin", "pin_encoding") if key in target.options}
    return Recording(snapshot, tuple(spoken_of(test) for test in recorder.tests), unit)


def _snapshot(args: argparse.Namespace) -> Snapshot:
    from ..board import take_snapshot

    with opened(args.target, args.timeout, allow=args.allow, pin=args.pin) as (client, _):
        return take_snapshot(client, factory=True, step=counter("reading setting"))


class _Only:
    """A pytest plugin that plays the tests of some requirements."""

    def __init__(self, listed: str) -> None:
        self._beginnings = tuple(part.strip() for part in listed.split(",") if part.strip())

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take the other tests away."""
        items[:] = [item for item in items if self._wanted(item)]

    def _wanted(self, item: pytest.Item) -> bool:
        ids = (str(mark.kwargs["id"]) for mark in item.iter_markers("jbd_requirement"))
        return any(name.startswith(self._beginnings) for name in ids)
