"""Asleep, normal, factory mode: one automaton, one table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, auto
from types import MappingProxyType
from typing import Final


class Mode(Enum):
    """What the board is in."""

    ASLEEP = auto()
    NORMAL = auto()
    FACTORY = auto()


class Trigger(Enum):
    """What moves it."""

    ANY_FRAME = auto()
    ENTER_FACTORY = auto()
    EXIT_DISCARD = auto()
    EXIT_SAVE = auto()
    FALL_ASLEEP = auto()
    POWER_ON = auto()


class Effect(Enum):
    """What the board does about it."""

    NOTHING = auto()
    SWALLOW = auto()
    COMMIT = auto()


TRANSITIONS: Final[Mapping[tuple[Mode, Trigger], tuple[Mode, Effect]]] = MappingProxyType(
    {
        # Captured on 0x80 and 0x44, vendor V11 section 1: the first frame only wakes.
        (Mode.ASLEEP, Trigger.ANY_FRAME): (Mode.NORMAL, Effect.SWALLOW),
        (Mode.NORMAL, Trigger.ENTER_FACTORY): (Mode.FACTORY, Effect.NOTHING),
        # Captured on 0x44: entering again is answered 00.
        (Mode.FACTORY, Trigger.ENTER_FACTORY): (Mode.FACTORY, Effect.NOTHING),
        # Vendor V11 knows this exit alone; that it commits: register map, BMS-Tools.
        (Mode.FACTORY, Trigger.EXIT_SAVE): (Mode.NORMAL, Effect.COMMIT),
        # Captured; that it keeps what was written until power-off: the clients that rely on it.
        (Mode.FACTORY, Trigger.EXIT_DISCARD): (Mode.NORMAL, Effect.NOTHING),
        # Captured on 0x80 and 0x44: leaving without having entered is answered 00.
        (Mode.NORMAL, Trigger.EXIT_SAVE): (Mode.NORMAL, Effect.NOTHING),
        (Mode.NORMAL, Trigger.EXIT_DISCARD): (Mode.NORMAL, Effect.NOTHING),
        (Mode.NORMAL, Trigger.FALL_ASLEEP): (Mode.ASLEEP, Effect.NOTHING),
        (Mode.FACTORY, Trigger.FALL_ASLEEP): (Mode.ASLEEP, Effect.NOTHING),
        (Mode.ASLEEP, Trigger.POWER_ON): (Mode.NORMAL, Effect.NOTHING),
        (Mode.FACTORY, Trigger.POWER_ON): (Mode.NORMAL, Effect.NOTHING),
    }
)


def step(mode: Mode, trigger: Trigger) -> tuple[Mode, Effect]:
    """Return the next mode and what to do; an unlisted pair stays and does nothing."""
    return TRANSITIONS.get((mode, trigger), (mode, Effect.NOTHING))
