"""What a person sees while the suites run: a bar on a terminal, lines in a log."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Final, TextIO

from .records import Recorder

if TYPE_CHECKING:
    import pytest

_REDRAW_S: Final = 0.1


class Lines:
    """One line for each suite on each target, written when it is through: for logs."""

    def __init__(self, recorder: Recorder, out: TextIO) -> None:
        self._recorder, self._out = recorder, out
        self._seen = 0
        self._current: tuple[str, str | None] | None = None
        self._marks: dict[str, int] = {}

    def pytest_runtest_logfinish(self) -> None:
        """Note the test that just ended."""
        for test in self._recorder.tests[self._seen :]:
            group = (test.suite, test.target)
            if group != self._current:
                self._flush()
                self._current = group
            self._marks[test.outcome] = self._marks.get(test.outcome, 0) + 1
        self._seen = len(self._recorder.tests)

    def pytest_sessionfinish(self) -> None:
        """Write the last line."""
        self._flush()

    def _flush(self) -> None:
        if self._current is not None and self._marks:
            suite, target = self._current
            counts = ", ".join(f"{count} {name}" for name, count in self._marks.items())
            self._out.write(f"{suite:12} {target or '-':44} {counts}\n")
            self._out.flush()
        self._marks = {}


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
        self._drawn_s = 0.0

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Begin, now that it is known how many tests there are."""
        self._task = self._bar.add_task("", total=len(session.items), failed="")
        self._bar.start()

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
