"""A scenario under way: which event comes next, and time that passes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ._actions import Stage, perform

if TYPE_CHECKING:
    from ._scenario import Event

_NEVER: Final = float("inf")


class Story:
    """Lets a device live, and does to it what the scenario says when its time has come.

    An event that is due takes effect before the tick that begins then, or next after it; so the
    same scenario gives the same bytes whether the clock is real or stepped.

    Args:
        stage: the device and the terminals by name.
        events: in the order of their times.
    Attributes:
        time_s: since the scenario began.
        stage: as given.
    """

    __slots__ = ("_due_s", "_events", "_next", "stage", "time_s")

    def __init__(self, stage: Stage, events: Sequence[Event] = ()) -> None:
        self.stage = stage
        self._events = tuple(events)
        self._next = 0
        self.time_s = 0.0
        self._due_s = self._events[0].at_s if self._events else _NEVER
        self._catch_up()

    @property
    def past(self) -> tuple[Event, ...]:
        """The events that have happened."""
        return self._events[: self._next]

    def live(self, dt_s: float) -> None:
        """Let a tick of ``dt_s`` seconds pass."""
        self.stage.device.monitor.tick(dt_s)
        self.time_s += dt_s
        if self._due_s <= self.time_s:
            self._catch_up()

    def _catch_up(self) -> None:
        """Do all that is due."""
        while self._due_s <= self.time_s:
            event = self._events[self._next]
            self._next += 1
            more = self._next < len(self._events)
            self._due_s = self._events[self._next].at_s if more else _NEVER
            perform(self.stage, event.do, event.fields)
