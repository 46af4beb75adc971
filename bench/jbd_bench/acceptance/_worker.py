"""One unit in a process of its own: a job on standard input, lines of progress on standard output.

Started by :mod:`._run`, one for each target, so that units are judged side by side and what one
does to its process cannot touch the others.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from jbd_protocol import JbdError

from .._client import BmsClient
from .._needs import needs_of
from .._suite_run import Guarding, board_lines, run_suites
from ..board import read_identity
from ..records import Recorder
from ..safety._polite import polite_end
from ..transports import open_target
from ._pulse import RunAgain

if TYPE_CHECKING:
    import pytest


class _Only:
    """A pytest plugin that leaves out the tests of other requirements, and looks before it writes.

    What writes nothing runs first: a board whose readings are wrong is to be refused for them, and
    not to be stopped by the watchdog that believes them. What maltreats it runs last.
    """

    def __init__(self, wanted: frozenset[str]) -> None:
        self._wanted = wanted

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep what shows a wanted requirement."""
        kept = [item for item in items if self._shows(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = sorted(kept, key=self._place)

    def _place(self, item: pytest.Item) -> tuple[bool, bool]:
        return item.path.parent.name == "robustness", bool(needs_of(item).writes)

    def _shows(self, item: pytest.Item) -> bool:
        return any(
            mark.kwargs["id"] in self._wanted for mark in item.iter_markers("jbd_requirement")
        )


class _Tell:
    """A pytest plugin that says how far the run is.

    Attributes:
        ended: somebody ended the run, by a signal.
        said: what was said of the board: what a killed run had left and was put back, what was not.
    """

    def __init__(self, recorder: Recorder, out: TextIO) -> None:
        self._recorder, self._out = recorder, out
        self._total = 0
        self.ended = False
        self.said: list[str] = []

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that somebody ended the run; a guard that stops it is told by its type."""
        self.ended = "Interrupted" not in {row.__name__ for row in type(excinfo.value).__mro__}

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Take over what was said; it is on standard error, which nobody reads here."""
        self.said += getattr(config.pluginmanager.getplugin("jbd-safety"), "lines", [])

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note how many tests there are."""
        self._total = len(session.items)

    def pytest_runtest_logfinish(self) -> None:
        """Say so, and what was last."""
        tests = self._recorder.tests
        line = {"done": len(tests), "of": self._total, "failed": len(self._recorder.failed)}
        self._out.write(json.dumps(line | {"suite": tests[-1].suite if tests else ""}) + "\n")
        self._out.flush()


def run_job(job: Mapping[str, Any], out: TextIO) -> dict[str, object]:
    """Judge a unit.

    Args:
        job: ``target``, ``allow``, ``judge_as``, ``suites``, ``requirements``, ``plugins``,
            ``journal``, ``limits`` and ``folder``, the last for the reports of pytest, or null.
        out: for lines of progress.
    Returns:
        ``identity``, ``tests``, ``errors``, ``notes``, ``ended`` where somebody ended the run,
        ``started`` and ``seconds``.
    """
    started, start_s = datetime.now(UTC).isoformat(timespec="seconds"), time.monotonic()
    # First of all: a board that does not outlive what comes is to be named all the same.
    identity = identity_of(job["target"])
    recorder, again = Recorder(), RunAgain()
    tell = _Tell(recorder, out)
    status = run_suites(
        [job["target"]],
        job["suites"],
        recorder=recorder,
        allow=job["allow"],
        judge_as=job["judge_as"],
        load=job["plugins"],
        guarding=Guarding(job["journal"], job["limits"]),
        report=None if job["folder"] is None else Path(job["folder"]),
        plugins=[_Only(frozenset(job["requirements"])), tell, again],
    )
    errors = list(recorder.errors)
    if status not in (0, 1) and not tell.ended:
        errors.append(f"the run stopped before its end, pytest status {status}")
    return {
        "identity": identity,
        "tests": [asdict(test) for test in recorder.tests],
        "errors": errors,
        "notes": [*_boards([*tell.said, *board_lines(recorder)], errors), *again.notes()],
        "ended": tell.ended,
        "started": started,
        "seconds": time.monotonic() - start_s,
    }


def _boards(lines: Sequence[str], errors: Sequence[str]) -> list[str]:
    """Return what was said of the board, without what is told as an error already."""
    return [line for line in lines if not any(one in line for one in errors)]


def identity_of(target: str) -> dict[str, int | str]:
    """Return what the board says it is, as far as it says it; empty where it does not answer."""
    try:
        link = open_target(target)
    except OSError:
        return {}
    try:
        return read_identity(BmsClient(link)).to_table()
    except (JbdError, OSError):
        return {}
    finally:
        link.close()


def main() -> int:
    """Do the job on standard input and leave what came of it in its file."""
    job = json.load(sys.stdin)
    with polite_end():
        try:
            came = run_job(job, sys.stdout)
        except KeyboardInterrupt:
            # Before the first test or behind the last: what is not written down did not happen.
            return 130
    Path(job["result"]).write_text(json.dumps(came), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
