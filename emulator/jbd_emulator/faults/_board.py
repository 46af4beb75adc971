"""What the kinds in the board do: one row per kind."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from jbd_protocol import COUNTERS, EXIT_SAVE, Fets, WriteRequest

from ..board._protections import COUNTER_MOST
from ._fault import Fault
from ._passing import HangUp

if TYPE_CHECKING:
    from jbd_protocol import Request

    from .._unit import Unit

_EXIT: Final = 0x01
_LINK_LOST: Final = 0x08


class Done(NamedTuple):
    """What came of a strike.

    Attributes:
        did: in words.
        dead_s: how long the board is deaf and mute.
    """

    did: str
    dead_s: float = 0.0


def _any(unit: Unit, request: Request) -> bool:
    return True


def _passes(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    """A moment leaves no state to hold."""


class BoardKind(NamedTuple):
    """How one kind strikes.

    Attributes:
        strike: does it once; of a state, says what it is.
        hold: puts the unit into the state that all standing faults of this kind make, after
            ``changed`` was added to them or taken away.
        means: whether an exchange is one that it can strike at.
        resets: whether the exchange that it strikes at is lost.
    """

    strike: Callable[[Unit, Fault, random.Random, float], Done]
    hold: Callable[[Unit, Sequence[Fault], Fault], None] = _passes
    means: Callable[[Unit, Request], bool] = _any
    resets: bool = False


def _sleep(unit: Unit, fault: Fault, rng: random.Random, now_s: float) -> Done:
    unit.device.sleep()
    return Done("falls asleep")


def _watchdog(unit: Unit, fault: Fault, rng: random.Random, now_s: float) -> Done:
    unit.device.restart()
    return Done(f"resets, back in {fault.down_s:g} s", dead_s=fault.down_s or 0.0)


def _brown_out(unit: Unit, fault: Fault, rng: random.Random, now_s: float) -> Done:
    device = unit.device
    device.restart()
    device.monitor.estimate_from_voltage()
    device.changed()
    for port in tuple(unit.ports):
        if port.fed_by_board:
            port.hang_up(HangUp(_LINK_LOST, fault.down_s or 0.0), now_s)
    return Done(f"loses power, back in {fault.down_s:g} s", dead_s=fault.down_s or 0.0)


def _saves(unit: Unit, request: Request) -> bool:
    return (
        isinstance(request, WriteRequest)
        and (request.register, request.data) == (_EXIT, EXIT_SAVE)
        and unit.device.settings_open
    )


def _torn_write(unit: Unit, fault: Fault, rng: random.Random, now_s: float) -> Done:
    device = unit.device
    changed = device.settings.unsaved
    whole = rng.randrange(changed + 1) if fault.settings is None else fault.settings
    torn = device.settings.tear(whole, half=bool(fault.half))
    device.restart()
    device.changed()
    unit.save()
    half = f", 0x{torn:02X} half" if torn is not None else ""
    return Done(
        f"loses power with {min(whole, changed)} of {changed} settings saved{half}",
        dead_s=fault.down_s or 0.0,
    )


def _says(words: Callable[[Fault], str]) -> Callable[[Unit, Fault, random.Random, float], Done]:
    return lambda unit, fault, rng, now_s: Done(words(fault))


def _hold_factory(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    unit.device.factory_stuck = bool(standing)


def _hold_ntc(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    number = changed.ntc or 1
    states = [one.state for one in standing if one.ntc == number]
    unit.device.pack.set_ntc(number, states[-1] or "ok" if states else "ok")


def _hold_front_end(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    unit.device.lab.set_front_end_fault(bool(standing))


def _hold_fets(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    on = off = 0
    for one in standing:
        bit = int(Fets.CHARGE if one.fet == "charge" else Fets.DISCHARGE)
        on, off = (on | bit, off & ~bit) if one.state == "on" else (on & ~bit, off | bit)
    unit.device.monitor.stuck_on, unit.device.monitor.stuck_off = on, off


def _counters(fault: Fault) -> tuple[int, ...]:
    if fault.counter == "all":
        return tuple(range(len(COUNTERS)))
    return (COUNTERS.index(fault.counter or ""),)


def _counter_overflow(unit: Unit, fault: Fault, rng: random.Random, now_s: float) -> Done:
    monitor = unit.device.monitor
    counters = list(monitor.counters)
    for index in _counters(fault):
        counters[index] = COUNTER_MOST
    monitor.counters = counters
    return Done(f"{fault.counter} at {COUNTER_MOST}, next is 0")


def _hold_counters(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    wrapping = frozenset(index for one in standing for index in _counters(one))
    unit.device.monitor.protections.wrapping = wrapping


def _hold_link(unit: Unit, standing: Sequence[Fault], changed: Fault) -> None:
    # At the board it is the cable behind the adapter: the client's port stays, and is silent.
    # Healing a fault does not put in what a hand has pulled.
    unit.unplugged = unit.pulled or any(one.end == "board" for one in standing)
    unit.set_plugged(not any(one.end == "client" for one in standing))


BOARD: Final[Mapping[str, BoardKind]] = MappingProxyType(
    {
        "sleep": BoardKind(_sleep),
        "watchdog": BoardKind(_watchdog, resets=True),
        "brown_out": BoardKind(_brown_out, resets=True),
        "torn_write": BoardKind(_torn_write, means=_saves, resets=True),
        "stuck_factory": BoardKind(_says(lambda one: "cannot leave factory mode"), _hold_factory),
        "ntc": BoardKind(_says(lambda one: f"NTC {one.ntc} is {one.state}"), _hold_ntc),
        "front_end": BoardKind(_says(lambda one: "does not answer"), _hold_front_end),
        "fet_stuck": BoardKind(_says(lambda one: f"{one.fet} FET stays {one.state}"), _hold_fets),
        "counter_overflow": BoardKind(_counter_overflow, _hold_counters),
        "unplugged": BoardKind(_says(lambda one: "no link"), _hold_link),
    }
)
"""What each kind in the board, or on its link, does."""
