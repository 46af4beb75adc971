"""The part of the pytest plugin that guards boards; loaded where a board is under test."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jbd_protocol import JbdError, LocalError

from .._signals import end, heeded
from ..records import Recorder
from ._errors import NotSafe
from ._journal import default_folder
from ._options import REPLUG_S, SafetyOptions
from ._watchdog import parse_limit

if TYPE_CHECKING:
    from .._under_test import TargetUnderTest


def safety_options(
    journal: str | os.PathLike[str] | None, limits: Iterable[str], replug: str | float | None
) -> SafetyOptions:
    """Return what the options of a command line say.

    Raises:
        LocalError: a bad limit or time.
    """
    try:
        replug_s = REPLUG_S if replug is None else float(replug)
    except ValueError:
        replug_s = -1.0
    if not 0 <= replug_s <= 86_400:
        raise LocalError(f"replug {replug!r}: must be 0 to 86400 seconds")
    return SafetyOptions(
        folder=default_folder() if journal is None else Path(journal),
        limits=tuple(map(parse_limit, limits)),
        replug_s=replug_s,
    )


class SafetyPlugin:
    """Skips what is not safe, ends the run where a board is in danger, puts boards back at the end.

    Args:
        config: of the session.
    Attributes:
        lines: what was said of the boards.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._targets: list[TargetUnderTest] = []
        self._stopped: list[str] = []
        self._rows: list[dict[str, object]] = []
        self._handlers: dict[int, Any] = {}  # Any: signal's own type
        self.lines: list[str] = []

    def guard(self, targets: list[TargetUnderTest]) -> None:
        """Take the targets of the session over."""
        self._targets = targets
        if threading.current_thread() is threading.main_thread():
            self._handlers = {
                number: signal.signal(number, end)
                for number in heeded()
                # pytest has its own way with Ctrl-C.
                if number != signal.SIGINT
            }

    def say(self, line: str) -> None:
        """Tell a person now, and once more at the end."""
        self.lines.append(line)
        capture = self._config.pluginmanager.getplugin("capturemanager")
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            sys.stderr.write(f"jbd-bench: {line}\n")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Put back what a killed run left, though no test of this one may look at the board."""
        controller = bool(self._config.getoption("tx", None))
        if not (controller or session.config.option.collectonly):
            for target in self._targets:
                if not target.embedded and target.board.has_open_journal():
                    try:
                        target.board.open()
                    except (JbdError, OSError) as error:
                        self._stopped.append(str(error))
                        raise session.Failed(str(error)) from None
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self) -> Generator[None]:
        """Skip a test whose fixtures would write what cannot be taken back."""
        with _skipping():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Generator[None]:
        """Skip a test that would write what cannot be taken back."""
        with _skipping():
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None]:
        """End the run where a board must not be spoken to any more."""
        try:
            yield
        finally:
            for target in self._targets:
                why = None if target.embedded else target.board.stopped
                if why is not None and why not in self._stopped:
                    self._stopped.append(why)
                    item.session.shouldstop = why

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Put the boards back when the last fixture is gone, and say what came of it."""
        for target in self._targets:
            if not target.embedded and target.board.opened:
                board = target.board
                target.close()
                self._rows.append(board.to_json())
                if board.stopped is not None and board.stopped not in self._stopped:
                    self._stopped.append(board.stopped)
        if self._stopped and session.exitstatus == 0:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        output: dict[str, object] | None = getattr(self._config, "workeroutput", None)
        if output is not None:
            output["jbd_safety"] = {"rows": self._rows, "stopped": self._stopped}
            return
        for recorder in self._config.pluginmanager.get_plugins():
            if isinstance(recorder, Recorder):
                recorder.extra["safety"] = self._rows
                recorder.errors += self._stopped
                if recorder.path is not None:
                    recorder.write(recorder.path)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """Take what a worker of pytest-xdist says of its boards."""
        output = getattr(node, "workeroutput", {}).get("jbd_safety")
        if output is not None:
            self._rows += output["rows"]
            self._stopped += output["stopped"]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say once more what was said of the boards."""
        if self.lines:
            terminalreporter.write_sep("=", "boards")
            for line in self.lines:
                terminalreporter.write_line(line)

    def pytest_unconfigure(self) -> None:
        """Give the signals back."""
        for number, handler in self._handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        self._handlers = {}


@contextlib.contextmanager
def _skipping() -> Generator[None]:
    try:
        yield
    except NotSafe as error:
        pytest.skip(str(error))
