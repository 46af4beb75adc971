"""When a protection trips and when it lets go: one automaton, run for every row of the table.

A row that is clear becomes pending when its threshold is passed, tripped when it has been for
the row's delay, releasing when its release condition is met, and clear again when that has been
for the release delay. A tick in which a condition is seen counts in full: the board saw the end
of it, and a delay of 2 s is over with the second measurement.

Several rows may share a bit (the software and the hardware level of cell over-voltage). The bit
stands while one of them is tripped, and is counted when it appears.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType
from typing import Final

from jbd_protocol import COUNTERS

from ._limits import Level, Limits
from ._rows import ROWS, Measured, ProtectionRow

COUNTER_MOST: Final = 0xFFFF
"""Counters stop here. Assumed: a word that wraps would hide what it counts."""


class State(IntEnum):
    """Where one protection is."""

    CLEAR = 0
    PENDING = 1
    TRIPPED = 2
    RELEASING = 3


class Trigger(IntEnum):
    """What one measurement says to one protection."""

    PASSED = 0
    """The threshold is passed."""
    KEPT = 1
    """It is not."""
    RELEASED = 2
    """The release condition is met."""
    HELD = 3
    """It is not."""
    DUE = 4
    """The delay of the state is over."""


TRANSITIONS: Final[Mapping[tuple[State, Trigger], State]] = MappingProxyType(
    {
        (State.CLEAR, Trigger.PASSED): State.PENDING,
        (State.CLEAR, Trigger.KEPT): State.CLEAR,
        (State.PENDING, Trigger.PASSED): State.PENDING,
        (State.PENDING, Trigger.KEPT): State.CLEAR,
        (State.PENDING, Trigger.DUE): State.TRIPPED,
        (State.TRIPPED, Trigger.HELD): State.TRIPPED,
        (State.TRIPPED, Trigger.RELEASED): State.RELEASING,
        (State.RELEASING, Trigger.RELEASED): State.RELEASING,
        (State.RELEASING, Trigger.HELD): State.TRIPPED,
        (State.RELEASING, Trigger.DUE): State.CLEAR,
    }
)
"""The whole automaton; a pair that is not listed is a fault of the program."""


class Protections:
    """All protections of one board.

    Args:
        load_present: tells whether something still draws on the pack, for load detection.
        rows: the table.
    Attributes:
        rows: the table.
        bits: of word 16 of 0x03, without the software lock.
        cut: FETs that are turned off.
        counters: words of 0xAA; the last counts restarts.
        calm: no row is pending, tripped or releasing.
        wrapping: the bench's hand: counters that begin again at 0 behind their highest value.
    """

    __slots__ = (
        "_elapsed_s", "_load_present", "_states", "bits", "calm", "counters", "cut", "rows",
        "wrapping",
    )  # fmt: skip

    def __init__(
        self, load_present: Callable[[], bool], rows: tuple[ProtectionRow, ...] = ROWS
    ) -> None:
        self._load_present = load_present
        self.rows = rows
        self.counters = [0] * len(COUNTERS)
        self.wrapping: frozenset[int] = frozenset()
        self.clear()

    def clear(self) -> None:
        """Forget every state; what still holds comes back after its delay."""
        self._states = [State.CLEAR] * len(self.rows)
        self._elapsed_s = [0.0] * len(self.rows)
        self.bits = self.cut = 0
        self.calm = True

    def state(self, name: str) -> State:
        """Return where the protection of a row's name is.

        Raises:
            KeyError: no such row.
        """
        return dict(zip((row.name for row in self.rows), self._states, strict=True))[name]

    def update(self, readings: Sequence[float], dt_s: float, limits: Limits) -> None:
        """Judge one measurement.

        Args:
            readings: by :class:`Measured`.
            dt_s: what it stands for, in seconds.
            limits: of the settings in force.
        """
        seen = list(readings)
        states = self._states
        for index, (row, level) in enumerate(zip(self.rows, limits.levels, strict=True)):
            value = seen[row.measured] if row.over else -seen[row.measured]
            passed = value >= level.threshold
            state = states[index]
            if state >= State.TRIPPED:
                self._move(index, self._release(row, level, value, limits), dt_s, level)
            elif passed:
                self._move(index, Trigger.PASSED, dt_s, level)
                if states[index] is State.TRIPPED and level.delay_s < dt_s:
                    self._end_current(row, seen)
            elif state:
                self._move(index, Trigger.KEPT, dt_s, level)
        self.calm = not any(states)

    def _release(self, row: ProtectionRow, level: Level, value: float, limits: Limits) -> Trigger:
        """Return whether the release condition is met; a passed threshold never is."""
        if value > level.release or value >= level.threshold:
            return Trigger.HELD
        if row.waits_for_load and limits.load_detection and self._load_present():
            return Trigger.HELD
        return Trigger.RELEASED

    def _end_current(self, row: ProtectionRow, seen: list[float]) -> None:
        """Hide from the slower rows a current that ended within the tick."""
        if row.measured is Measured.CURRENT:
            seen[Measured.CURRENT] = 0

    def _move(self, index: int, trigger: Trigger, dt_s: float, level: Level) -> None:
        """Take one row a step on, and another one where its delay is over."""
        before = self._states[index]
        state = TRANSITIONS[before, trigger]
        elapsed_s = self._elapsed_s[index] + dt_s if state is before else dt_s
        if state is State.PENDING and elapsed_s >= level.delay_s:
            state = TRANSITIONS[state, Trigger.DUE]
            self._count(self.rows[index])
        elif state is State.RELEASING and elapsed_s >= level.release_delay_s:
            state = TRANSITIONS[state, Trigger.DUE]
        self._elapsed_s[index] = elapsed_s
        if state is not before:
            self._states[index] = state
            self._show()

    def _count(self, row: ProtectionRow) -> None:
        """Count a trip, unless another row has raised the bit already."""
        if row.counter is not None and not self.bits & row.bit:
            self.add_one(row.counter)

    def add_one(self, index: int) -> None:
        """Count one in a word of 0xAA."""
        count = self.counters[index] + 1
        if count > COUNTER_MOST:
            count = 0 if index in self.wrapping else COUNTER_MOST
        self.counters[index] = count

    def _show(self) -> None:
        """Work out bits and FETs from the rows that stand."""
        bits = cut = 0
        for row, state in zip(self.rows, self._states, strict=True):
            if state >= State.TRIPPED:
                bits |= row.bit
                cut |= row.cut
        self.bits, self.cut = int(bits), int(cut)
