"""A test runs again where the machine stalled, and only there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from jbd_bench.acceptance._pulse import STALL_S, TRIES, Pulse, RunAgain

pytest_plugins = ["pytester"]
FAILS_TWICE = """
import itertools

turns = itertools.count(1)


def test_late(tmp_path):
    assert next(turns) > 2
"""
FAILS = "def test_wrong(): assert False"


class Told(Pulse):
    """Says what it is told, and waits for nothing."""

    def __init__(self, longest_s: float) -> None:
        super().__init__()
        self.told_s = longest_s

    @contextmanager
    def felt(self) -> Iterator[None]:
        yield
        self.longest_s = self.told_s

    def wait_for_calm(self) -> None:
        pass


def ran(pytester: pytest.Pytester, source: str, stall_s: float) -> tuple[dict[str, int], RunAgain]:
    again = RunAgain(Told(stall_s))
    pytester.makepyfile(source)
    result = pytester.inline_run("-p", "no:cacheprovider", plugins=[again])
    passed, _, failed = result.countoutcomes()
    return {"passed": passed, "failed": failed}, again


def test_a_failure_on_a_machine_that_stalled_is_tried_again(pytester: pytest.Pytester) -> None:
    outcome, again = ran(pytester, FAILS_TWICE, 0.8)
    assert outcome == {"passed": 1, "failed": 0}
    assert again.notes() == ["1 test was run again, for this machine stalled, by up to 0.8 s"]


def test_a_failure_on_a_machine_that_keeps_up_is_one(pytester: pytest.Pytester) -> None:
    outcome, again = ran(pytester, FAILS_TWICE, STALL_S / 2)
    assert (outcome, again.notes()) == ({"passed": 0, "failed": 1}, [])


def test_what_fails_every_time_has_failed(pytester: pytest.Pytester) -> None:
    outcome, again = ran(pytester, FAILS, 0.8)
    assert outcome == {"passed": 0, "failed": 1}
    assert len(again.notes()) == 1
    assert TRIES == 3


def test_the_pulse_feels_a_machine_that_does_not_wake_it() -> None:
    pulse = Pulse()
    with pulse.felt():
        pass
    assert pulse.longest_s >= 0.0
