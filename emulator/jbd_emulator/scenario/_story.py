"""A scenario under way: which event comes next, what waits for a client, and time that passes."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from ._actions import ACTIONS, Stage, perform
from ._triggers import Trigger

if TYPE_CHECKING:
    from jbd_protocol import Request, Response

    from ._scenario import Event

_NEVER: Final = float("inf")
Step = Callable[[], None]


class _Wait:
    """Something that happens when a client has done something often enough."""

    __slots__ = ("left", "step", "trigger")

    def __init__(self, trigger: Trigger, step: Step) -> None:
        self.trigger, self.step, self.left = trigger, step, trigger.nth


class Story:
    """Lets a device live, and does to it what the scenario says when its time has come.

    An event that is due takes effect before the tick that begins then, or next after it; so the
    same scenario gives the same bytes whether the clock is real or stepped. One that waits for a
    client takes effect behind the exchange that it waited for.

    Args:
        stage: the device and the terminals by name.
        events: in the order of their times.
    Attributes:
        time_s: since the scenario began.
        stage: as given.
        past: the events that have happened.
        due_s: the time of the next one, infinite for none.
    """

    __slots__ = ("_calendar", "_count", "_waiting", "due_s", "events", "past", "stage", "time_s")

    def __init__(self, stage: Stage, events: Sequence[Event] = ()) -> None:
        self.stage, self.events = stage, tuple(events)
        self.past: tuple[Event, ...] = ()
        self.time_s = 0.0
        self._calendar: list[tuple[float, int, Step]] = []
        self._waiting: list[_Wait] = []
        self._count = 0
        self.due_s = _NEVER
        for event in self.events:
            self._enter(event.at_s, self._beginning(event))

    @property
    def listens(self) -> bool:
        """Whether what a client does, or a fault, is part of it."""
        return any(
            event.when is not None or isinstance(event.until, Trigger) or ACTIONS[event.do].wired
            for event in self.events
        )

    def start(self) -> None:
        """Do what happens at its very beginning; the stage has its unit by now."""
        self._catch_up()

    def live(self, dt_s: float) -> None:
        """Let a tick of ``dt_s`` seconds pass."""
        self.stage.device.monitor.tick(dt_s)
        self.time_s += dt_s
        if self.due_s <= self.time_s:
            self._catch_up()

    def client_did(
        self, deed: str, request: Request | None = None, answer: Response | None = None
    ) -> None:
        """Take note of what a client did: ``asks`` with request and answer, or another deed."""
        for wait in tuple(self._waiting):
            if wait.trigger.means(deed, request, answer):
                wait.left -= 1
                if not wait.left:
                    self._waiting.remove(wait)
                    wait.step()

    # -- inside --------------------------------------------------------------------------------

    def _enter(self, at_s: float, step: Step) -> None:
        self._count += 1
        heapq.heappush(self._calendar, (at_s, self._count, step))
        self.due_s = self._calendar[0][0]

    def _later(self, delay_s: float, step: Step) -> None:
        if delay_s:
            self._enter(self.time_s + delay_s, step)
        else:
            step()

    def _catch_up(self) -> None:
        """Do all that is due."""
        while self._calendar and self._calendar[0][0] <= self.time_s:
            _, _, step = heapq.heappop(self._calendar)
            step()
        self.due_s = self._calendar[0][0] if self._calendar else _NEVER

    def _beginning(self, event: Event) -> Step:
        def happen() -> None:
            result = perform(self.stage, event.do, event.fields)
            self.past += (event,)
            self._plan_end(event, result)

        trigger = event.when
        if trigger is None:
            return happen

        def wait() -> None:
            self._waiting.append(_Wait(trigger, lambda: self._later(event.after_s, happen)))

        return wait

    def _plan_end(self, event: Event, result: object) -> None:
        undo = ACTIONS[event.do].undo

        def end() -> None:
            assert undo is not None, "checked when the event was made"
            undo(self.stage, event.fields, result)

        if event.lasts_s is not None:
            self._enter(self.time_s + event.lasts_s, end)
        elif isinstance(event.until, Trigger):
            self._waiting.append(_Wait(event.until, end))
        elif event.until is not None:
            self._enter(event.until, end)
