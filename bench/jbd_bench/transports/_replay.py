"""``replay:FILE``: a recording as a board, on jumping time."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from .._link import Clock, LinkError
from ..recordings import Replay, ReplayReport, read_recording
from ._target import Target


class _JumpingClock:
    """Seconds that pass only when somebody waits for them."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """Return the seconds since the link was made."""
        return self._now_s

    def sleep_until(self, when_s: float) -> None:
        """Jump to ``when_s``."""
        self._now_s = max(self._now_s, when_s)


class ReplayLink:
    """A link to what a board once said; times are the recorded ones."""

    def __init__(self, target: Target) -> None:
        target.check_options("device", "pin", "times")
        times = target.options.get("times", "recorded")
        if times not in ("recorded", "none"):
            raise LinkError(f"target {target.text!r}: times {times!r} must be recorded or none")
        recording = read_recording(Path(target.address), device=target.options.get("device"))
        self.name = target.text
        self.clock: Clock = _JumpingClock()
        self._replay = Replay(recording, same_times=times == "recorded")
        self._arrived: deque[bytes] = deque()
        self._closed = False
        self._replay.connected(0.0)

    @classmethod
    def open(cls, target: Target) -> ReplayLink:
        """Return a link to a recording.

        Raises:
            LinkError: the recording cannot be read, or the target has a bad option.
        """
        return cls(target)

    @property
    def report(self) -> ReplayReport:
        """What became of the recording so far."""
        return self._replay.report()

    def write(self, data: bytes) -> None:
        """Ask; raises LinkError where the link is closed."""
        self._check()
        self._arrived += self._replay.take(self.clock.now_s())
        self._replay.receive(data, self.clock.now_s())

    def read(self, until_s: float) -> bytes:
        """Return the next piece; nothing when the clock jumped to ``until_s``."""
        self._check()
        if not self._arrived:
            due_s = self._replay.due_s
            if due_s is None or due_s > until_s:
                self.clock.sleep_until(until_s)
                return b""
            self.clock.sleep_until(due_s)
            self._arrived += self._replay.take(self.clock.now_s())
        return self._arrived.popleft()

    def reconnect(self) -> None:
        """Leave and come back: what was on its way is lost."""
        self._check()
        self._arrived.clear()
        self._replay.connected(self.clock.now_s())

    def close(self) -> None:
        """Give the link up; a second call does nothing."""
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise LinkError(f"{self.name}: the link is closed")
