"""What a person sees while the suites run: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from typing import Any, Final, TextIO

import pytest

from .records import Recorder

_REDRAW_S: Final = 0.1


class Lines:
    """One line for each suite on each target, written when it is through: for logs."""

    def __init__(self, recorder: Recorder, out: TextIO) -> None:
        self._recorder, self._out = recorder, out
        self._seen = 0
        self._open: dict[str | None, tuple[str, dict[str, int]]] = {}

    def pytest_runtest_logfinish(self) -> None:
        """Note the test that just ended."""
        for test in self._recorder.tests[self._seen :]:
            suite, marks = self._open.get(test.target, (test.suite, {}))
            if suite != test.suite:
                self._write(test.target)
                marks = {}
            marks[test.outcome] = marks.get(test.outcome, 0) + 1
            self._open[test.target] = (test.suite, marks)
            self._close_others(test.target)
        self._seen = len(self._recorder.tests)

    def pytest_sessionfinish(self) -> None:
        """Write the last lines."""
        for target in tuple(self._open):
            self._write(target)

    def _close_others(self, target: str | None) -> None:
        # Several targets are open at a time only where several workers have them.
        if self._recorder.tests[-1].worker is None:
            for other in [name for name in self._open if name != target]:
                self._write(other)

    def _write(self, target: str | None) -> None:
        suite, marks = self._open.pop(target)
        counts = ", ".join(f"{count} {name}" for name, count in marks.items())
        self._out.write(f"{suite:12} {target or '-':44} {counts}\n")
        self._out.flush()


class Bar:
    """A progress bar of rich: for a terminal."""

    def __init__(self, recorder: Recorder) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self._recorder = recorder
        self._bar = Progress(
            BarColumn(24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[failed]}"),
            TextColumn("{task.description}"),
            # pytest takes standard output to itself at times; the bar draws when it is told to.
            auto_refresh=False,
            transient=True,
        )
        self._task: Any = None
        self._total = 0
        self._drawn_s = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin, now that it is known how many tests there are."""
        self._add(len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Begin, or go on: a worker knows how many tests it has."""
        self._add(len(ids))

    def _add(self, count: int) -> None:
        self._total += count
        if self._task is None:
            self._task = self._bar.add_task("", total=self._total, failed="")
            self._bar.start()
        self._bar.update(self._task, total=self._total)

    def pytest_runtest_logfinish(self) -> None:
        """Move on."""
        now_s = time.monotonic()
        if now_s - self._drawn_s < _REDRAW_S or not self._recorder.tests:
            return
        self._drawn_s = now_s
        last, failed = self._recorder.tests[-1], len(self._recorder.failed)
        self._bar.update(
            self._task,
            completed=len(self._recorder.tests),
            description=f"{last.suite} on {last.target or '-'}",
            failed=f"[red]{failed} failed[/red]" if failed else "",
        )
        self._bar.refresh()

    def pytest_sessionfinish(self) -> None:
        """Take the bar away."""
        self._bar.stop()


def progress(recorder: Recorder, out: TextIO | None = None) -> Lines | Bar:
    """Return a pytest plugin that shows how far the run is."""
    out = sys.stdout if out is None else out
    if out.isatty():
        try:
            return Bar(recorder)
        except ModuleNotFoundError:
            pass
    return Lines(recorder, out)
