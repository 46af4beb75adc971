"""Where the reference data lie, how much of it a run checked, and how Hypothesis runs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# No deadline: the machine that runs the tests may be busy. Hypothesis prints what reproduces.
settings.register_profile(
    "jbd-bench",
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors],
)
settings.load_profile("jbd-bench")

SHARED_VARIABLE = "JBD_SHARED"
STATE_PREFIX = "jbd-bench-tests-"
REQUIRE_VARIABLES = ("CI", "JBD_REQUIRE_SHARED")


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with `protocol/` and `captures/`; skips where it is absent, fails in CI."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get(SHARED_VARIABLE) or beside)
    if not (folder / "protocol" / "vectors.json").is_file():
        why = f"no reference data in {folder}: set {SHARED_VARIABLE} to the folder that holds it"
        if any(os.environ.get(name) for name in REQUIRE_VARIABLES):
            pytest.fail(f"{why} ({' or '.join(REQUIRE_VARIABLES)} is set, so it is required)")
        pytest.skip(why)
    return folder


def pytest_configure(config: pytest.Config) -> None:
    """Keep the journals of runs on boards out of the developer's own state folder.

    A run within a run, which tests kill and which then cleans nothing up, and a worker of xdist
    have theirs inside the one of the run that started them.
    """
    outer = Path(os.environ.get("XDG_STATE_HOME") or "/")
    inside = outer.name.startswith(STATE_PREFIX) and outer.is_dir()
    folder = tempfile.TemporaryDirectory(prefix=STATE_PREFIX, dir=outer if inside else None)
    config.add_cleanup(folder.cleanup)
    os.environ["XDG_STATE_HOME"] = folder.name
    _let_children_hear()


def _let_children_hear() -> None:
    """Ignore nothing that tests send to children, who would inherit it; go on all the same.

    Under nohup, in the background of a shell and in a worker of xdist one or the other is ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, lambda *_: None)


Served = tuple["subprocess.Popen[str]", list[dict[str, Any]]]  # Any: values of a JSON object


@pytest.fixture
def serve() -> Iterator[Callable[..., Served]]:
    """Start `jbd-emulator serve --json` with arguments; return the process and its units.

    A process that a test does not end by itself is terminated at the end, and must end well.
    """
    started: list[subprocess.Popen[str]] = []

    def starter(*arguments: object) -> Served:
        process = subprocess.Popen(
            [sys.executable, "-m", "jbd_emulator", "serve", "--json", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            pytest.fail(f"serve did not start: {process.communicate()[1]}")
        ready = json.loads(line)
        assert ready["event"] == "ready"
        return process, ready["units"]

    yield starter
    ends = []
    for process in started:
        if process.poll() is None:
            process.terminate()
        _, errors = process.communicate(timeout=20)
        ends.append((process.returncode, errors))
    assert all(status in (0, -9) and "Traceback" not in errors for status, errors in ends), ends


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what the tests recorded as checked, in the order they ran."""
    checked = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "checked"
    ]
    if checked:
        terminalreporter.write_sep("-", "reference data")
        terminalreporter.write_line("; ".join(checked))
