"""Makes records of tests, and what came of running them, as the judge takes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jbd_bench.acceptance._judge import Ran
from jbd_bench.records import TestRecord

Make = Callable[..., Ran]


def record(
    requirement: str, outcome: str = "passed", reason: str | None = None, **more: Any
) -> TestRecord:  # Any: fields of the record
    """Return what became of one test of a requirement."""
    return TestRecord(
        id=f"conformance/test_x.py::test_{requirement}[serial:x]",
        suite="conformance",
        target="serial:x",
        title="x",
        outcome=outcome,
        requirements=[{"id": requirement, "text": "", "source": "", "grade": "assumed"}],
        reason=reason,
        failure="expected 1, got 2" if outcome == "failed" else None,
        **more,
    )


@pytest.fixture
def ran() -> Make:
    """``ran(record(...), ...)``: what came out of a unit."""

    def make(*tests: TestRecord, identity: dict[str, int | str] | None = None,
             errors: tuple[str, ...] = ()) -> Ran:  # fmt: skip
        return Ran(
            target="serial:x",
            tests=tests,
            identity=identity or {},
            allowed=("settings",),
            started="2026-01-02T03:04:05+00:00",
            seconds=1.0,
            errors=errors,
        )

    return make


@pytest.fixture(name="record")
def record_fixture() -> Callable[..., TestRecord]:
    """``record("CONF-FRAME-01", "failed")``."""
    return record
