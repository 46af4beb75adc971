"""Runs acceptance: a worker process for each unit, side by side, and what they leave behind."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from jbd_protocol import LocalError, __version__

from .._boards import check_boards
from .._leave import ALL_LEAVES, parse_leaves
from .._suite_run import Guarding
from ..records import TestRecord
from ..safety._journal import default_folder, open_journals
from ..safety._polite import polite_end, undisturbed
from ..transports import parse_target
from ._baseline import Baseline
from ._judge import Ran, Scope, judge
from ._reports import merge_reports
from ._result import Result, UnitResult

Progress = Callable[[str, dict[str, Any]], None]  # Any: values of a JSON object
"""Called with a target and ``done``, ``of``, ``failed`` and ``suite``, from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        targets: target strings, each one unit.
        baseline: what they are compared with.
        scope: how far the verdict reaches.
        allow: what tests may change, as ``--allow`` takes it; None for the default of a target.
        plugins: pytest plugins of the lab, by module name.
        guarding: journal and limits.
        reports: folder for ``junit.xml`` and ``allure-results``, None for none.
    """

    targets: Sequence[str]
    baseline: Baseline
    scope: Scope = field(default_factory=Scope)
    allow: str | None = None
    plugins: Sequence[str] = ()
    guarding: Guarding = field(default_factory=Guarding)
    reports: Path | None = None


def accept(order: Order, tell: Progress | None = None) -> Result:
    """Judge the units, all at once.

    Raises:
        LinkError: the same target twice.
        LocalError: an unknown leave, or nothing left to judge.
        OSError: a report cannot be written.
    """
    if order.allow is not None:
        parse_leaves(order.allow)
    check_boards(order.targets, units=True)
    if not order.scope.entries():
        raise LocalError("nothing to judge: no requirement of these areas is in that tier")
    started = datetime.now(UTC).isoformat(timespec="seconds")
    with tempfile.TemporaryDirectory(prefix="jbd-accept-") as scratch:
        workers = [_Worker(order, number, Path(scratch)) for number in range(len(order.targets))]
        ended = False
        with polite_end():
            try:
                for worker in workers:
                    worker.start(tell)
                for worker in workers:
                    worker.wait()
            except KeyboardInterrupt:
                ended = True
                with undisturbed():
                    _stop(workers)
            except BaseException:
                _stop(workers)
                raise
        units = tuple(worker.finish(ended) for worker in workers)
        if order.reports is not None:
            merge_reports([worker.folder for worker in workers], order.reports)
    return Result(
        version=__version__,
        started=started,
        baseline=order.baseline.name,
        tier=str(order.scope.tier),
        areas=order.scope.areas,
        units=units,
        ended=ended,
    )


def _stop(workers: Sequence[_Worker]) -> None:
    """End all, and wait until each has put its board back."""
    for worker in workers:
        worker.end()
    for worker in workers:
        worker.wait()


class _Worker:
    """The process of one unit."""

    def __init__(self, order: Order, number: int, scratch: Path) -> None:
        self.order, self.target = order, order.targets[number]
        self.folder = scratch / f"unit-{number + 1}"
        self._result = scratch / f"unit-{number + 1}.json"
        self._errors: IO[bytes] = (scratch / f"unit-{number + 1}.err").open("w+b")
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None

    def start(self, tell: Progress | None) -> None:
        order = self.order
        entries = order.scope.entries()
        version = order.baseline.judged_as
        job = {
            "target": self.target,
            "allow": order.allow,
            "judge_as": None if version is None else f"0x{version:02X}",
            "suites": list(dict.fromkeys(entry.suite for entry in entries)),
            "requirements": [entry.id for entry in entries],
            "plugins": list(order.plugins),
            "journal": order.guarding.journal,
            "limits": list(order.guarding.limits),
            "folder": None if order.reports is None else str(self.folder),
            "result": str(self._result),
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "jbd_bench.acceptance._worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            # Ctrl-C is for this process; it ends the others, once, and waits for them.
            process_group=0,
        )
        assert self._process.stdin is not None
        with self._process.stdin as stdin:
            json.dump(job, stdin)
        self._reader = threading.Thread(target=self._read, args=(tell,), daemon=True)
        self._reader.start()

    def _read(self, tell: Progress | None) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            # A test of a lab's plugin may print; what is no line of ours is not for us.
            if tell is not None and line.startswith('{"done"'):
                tell(self.target, json.loads(line))
        self._process.stdout.close()

    def wait(self) -> None:
        """Wait for the end of the process, if it was started."""
        if self._process is not None:
            self._process.wait()

    def end(self) -> None:
        """End the process, in the way that lets it put the board back."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def finish(self, ended: bool) -> UnitResult:
        """Judge, when the process is through.

        Args:
            ended: somebody ended the run.
        """
        status = None if self._process is None else self._process.wait()
        if self._reader is not None:
            self._reader.join()
        said = self._said()
        came: dict[str, Any] = {
            "tests": [],
            "errors": [],
            "notes": [],
            "ended": False,
            "identity": {},
            "started": "",
            "seconds": 0.0,
        }
        if self._result.exists():
            came = json.loads(self._result.read_text(encoding="utf-8"))
            if came["errors"] and said and not any(one in said for one in came["errors"]):
                came["errors"].append(said)
        else:
            came["notes"] = self._left_open()
            if not ended:
                came["errors"] = [f"the run ended with status {status}: {said or 'no message'}"]
        if (ended and status != 0) or came["ended"]:
            came["errors"].insert(0, "the run was ended before it was through")
        ran = Ran(
            target=self.target,
            tests=[TestRecord(**test) for test in came["tests"]],
            identity=came["identity"],
            allowed=self._allowed(),
            started=came["started"],
            seconds=came["seconds"],
            errors=tuple(came["errors"]),
            notes=tuple(came["notes"]),
        )
        return judge(ran, self.order.baseline, self.order.scope)

    def _left_open(self) -> list[str]:
        """Return what a process that was killed has left to do."""
        if self._process is None:
            return []
        folder = self.order.guarding.journal
        return [
            f"{self.target}: left changed, perhaps; the next run on this port puts it back, or "
            f"jbd-bench restore --journal {path}"
            for path in open_journals(default_folder() if folder is None else Path(folder))
            if f"-{self._process.pid}-" in path.name
        ]

    def _said(self) -> str:
        """Return the last line of what the process complained about."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self._errors.close()
        return lines[-1] if lines else ""

    def _allowed(self) -> tuple[str, ...]:
        if self.order.allow is not None:
            return tuple(sorted(parse_leaves(self.order.allow)))
        return tuple(sorted(ALL_LEAVES)) if parse_target(self.target).embedded else ()
