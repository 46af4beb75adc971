"""Tells a board that is late from a machine that is: a test runs again where that stalled."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from _pytest.runner import runtestprotocol

if TYPE_CHECKING:
    import pytest

STALL_S: Final = 0.15
"""So late a thread came to wake: a machine that keeps up is not, and answers are judged by less."""
TRIES: Final = 3
_BEAT_S: Final = 0.05
_CALM_S: Final = 1.0
_PATIENCE_S: Final = 30.0


class Pulse:
    """A thread that wants to wake twenty times a second, and knows how late it came to it."""

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._stop = threading.Event()

    @contextmanager
    def felt(self) -> Iterator[None]:
        """Feel it for as long as the body takes; ``longest_s`` is the longest stall in it."""
        self.longest_s = 0.0
        self._stop.clear()
        thread = threading.Thread(target=self._beat, name="pulse", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()

    def wait_for_calm(self) -> None:
        """Return when the machine kept up for a second, or after half a minute."""
        give_up_s = time.monotonic() + _PATIENCE_S
        while time.monotonic() < give_up_s:
            with self.felt():
                time.sleep(_CALM_S)
            if self.longest_s < STALL_S:
                return

    def _beat(self) -> None:
        last_s = time.monotonic()
        while not self._stop.wait(_BEAT_S):
            now_s = time.monotonic()
            self.longest_s = max(self.longest_s, now_s - last_s - _BEAT_S)
            last_s = now_s


class RunAgain:
    """A pytest plugin: a test that failed while the machine stalled is run again, up to twice.

    A gate must not refuse a firmware because the machine that judges it had other things to do.
    A test that fails while the machine keeps up has failed.
    """

    def __init__(self, pulse: Pulse | None = None) -> None:
        self._pulse = Pulse() if pulse is None else pulse
        self._again: dict[str, float] = {}

    def notes(self) -> list[str]:
        """Return what a reader should know."""
        if not self._again:
            return []
        count, longest_s = len(self._again), max(self._again.values())
        what = "1 test was" if count == 1 else f"{count} tests were"
        return [f"{what} run again, for this machine stalled, by up to {longest_s:.1f} s"]

    def pytest_runtest_protocol(self, item: pytest.Function, nextitem: pytest.Item | None) -> bool:
        """Run a test, and again where that says nothing of the board."""
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for tries_left in reversed(range(TRIES)):
            with self._pulse.felt():
                reports = runtestprotocol(item, nextitem=nextitem, log=False)
            failed = any(report.failed for report in reports)
            # A run that the guard of the board has ended is not to be gone on with.
            over = item.session.shouldstop or not tries_left
            if over or not failed or self._pulse.longest_s < STALL_S:
                break
            self._again[item.nodeid] = self._pulse.longest_s
            self._pulse.wait_for_calm()
            item.user_properties.clear()
            # What pytest does before a test; its own plugin for repeats does it so, too.
            item._initrequest()
        for report in reports:
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True
