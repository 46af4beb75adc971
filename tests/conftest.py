"""Where the reference data lie, how much of it a run checked, and how Hypothesis runs."""

from __future__ import annotations

import os
from pathlib import Path

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
