"""The JSON report: every test with its requirement, its outcome and its traffic.

``docs/report-json.md`` shows the shape.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pytest


@dataclass(slots=True)
class TestRecord:
    """What became of one test on one target.

    Attributes:
        id: pytest's node id.
        suite: folder of the test, ``conformance`` of the shipped suites.
        target: target string, None for a test that looks at no board.
        title: the test's name as a sentence.
        outcome: ``passed``, ``failed`` or ``skipped``.
        seconds: real time of setup, test and teardown.
        worker: which worker of pytest-xdist ran it, None without one.
        requirements: id, text, source and grade of what it shows.
        reason: why it was skipped.
        failure: what was expected and what came.
        details: the failure with the code around it.
        measurements: what was measured, see :meth:`Measurement.row`.
        traffic: the record of the link, see :meth:`Traffic.rows`.
    """

    __test__ = False

    id: str
    suite: str
    target: str | None
    title: str
    outcome: str = "passed"
    seconds: float = 0.0
    requirements: list[dict[str, str]] = field(default_factory=list)
    reason: str | None = None
    failure: str | None = None
    details: str | None = None
    measurements: list[dict[str, Any]] = field(default_factory=list)  # Any: a JSON object
    traffic: list[dict[str, object]] = field(default_factory=list)
    worker: str | None = None


class Recorder:
    """A pytest plugin that keeps a record of every test.

    Args:
        path: where to write the report when the session ends; None keeps it in memory.
    Attributes:
        tests: the records, in the order in which the tests ended.
        errors: what went wrong while tests were collected.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.tests: list[TestRecord] = []
        self.errors: list[str] = []
        self.extra: dict[str, object] = {}
        self._open: dict[str, TestRecord] = {}
        self._started = datetime.now(UTC)
        self._start_s = time.monotonic()

    @property
    def failed(self) -> list[TestRecord]:
        """The tests that failed."""
        return [test for test in self.tests if test.outcome == "failed"]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that could not be collected."""
        if report.failed:
            self.errors.append(f"{report.nodeid}: {report.longreprtext}")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test."""
        record = self._open.get(report.nodeid)
        if record is None:
            record = self._open[report.nodeid] = TestRecord(
                report.nodeid, _suite(report.nodeid), None, _title(report.nodeid)
            )
        record.seconds += report.duration
        record.worker = getattr(report, "worker_id", None)
        about: dict[str, Any] = getattr(report, "jbd", {})
        record.target = about.get("target") or record.target
        record.requirements = about.get("requirements") or record.requirements
        record.measurements = about.get("measurements") or record.measurements
        record.traffic = about.get("traffic") or record.traffic
        if report.failed:
            record.outcome = "failed"
            record.failure = _joined(record.failure, _crash(report))
            record.details = _joined(record.details, report.longreprtext)
        elif report.skipped and record.outcome == "passed":
            record.outcome = "skipped"
            record.reason = _reason(report)
        if report.when == "teardown":
            self.tests.append(self._open.pop(report.nodeid))

    def pytest_sessionfinish(self) -> None:
        """Write the report."""
        if self.path is not None:
            self.write(self.path)

    def summary(self) -> list[dict[str, object]]:
        """Return one row for each suite on each target, in the order of their first test."""
        rows: dict[tuple[str, str | None], list[TestRecord]] = {}
        for test in self.tests:
            rows.setdefault((test.suite, test.target), []).append(test)
        return [
            {
                "suite": suite,
                "target": target,
                **{
                    outcome: sum(test.outcome == outcome for test in tests)
                    for outcome in ("passed", "failed", "skipped")
                },
                "seconds": round(sum(test.seconds for test in tests), 3),
            }
            for (suite, target), tests in rows.items()
        ]

    def document(self) -> dict[str, object]:
        """Return the report as JSON has it."""
        from jbd_protocol import __version__

        failed = bool(self.failed or self.errors)
        return {
            "tool": "jbd-bench",
            "version": __version__,
            "started": self._started.isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - self._start_s, 3),
            "verdict": "failed" if failed else "passed",
            "summary": self.summary(),
            "errors": self.errors,
            "tests": [asdict(test) for test in self.tests],
            **self.extra,
        }

    def write(self, path: Path) -> None:
        """Write the report; raises OSError where the file cannot be written."""
        text = json.dumps(self.document(), ensure_ascii=False, separators=(",", ":"))
        path.write_text(text + "\n", encoding="utf-8")


def _suite(nodeid: str) -> str:
    path = Path(nodeid.partition("::")[0])
    return path.parent.name or path.stem


def _title(nodeid: str) -> str:
    name = nodeid.rpartition("::")[2].partition("[")[0]
    return name.removeprefix("test_").replace("_", " ")


def _joined(before: str | None, text: str) -> str:
    return text if before is None else f"{before}\n{text}"


def _crash(report: pytest.TestReport) -> str:
    """Return the message of a failure without pytest's look into the assertion."""
    crash = getattr(report.longrepr, "reprcrash", None)
    text = str(crash.message) if crash is not None else report.longreprtext
    lines = text.removeprefix("AssertionError: ").removeprefix("Failed: ").splitlines()
    return next((line for line in lines if line.strip()), "failed")


def _reason(report: pytest.TestReport) -> str:
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2].removeprefix("Skipped: ")
    return report.longreprtext
