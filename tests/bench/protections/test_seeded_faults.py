"""The protections suite notices: faults put into the emulator's protections, one at a time.

The checks of the suite are called as its tests call them, over the wire of an emulated unit
whose protections were replaced through ``Monitor.install``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest

from jbd_bench import BmsClient
from jbd_bench._cell_simulator import PlantSimulator
from jbd_bench._under_test import EmulatedUnit
from jbd_bench.suites.protections._bench import Bench
from jbd_bench.suites.protections._checks import (
    check_balancing,
    check_protection,
    check_settings,
    check_turns,
    check_what_it_shows,
)
from jbd_bench.suites.protections._table import BY_NAME
from jbd_bench.transports import parse_target
from jbd_emulator.board import ROWS, Monitor, ProtectionRow, Protections, State, Trigger
from jbd_emulator.board._balancer import Balancer
from jbd_emulator.board._limits import Level, Limits
from jbd_protocol import COUNTERS, Fets, Protection

BOARDS: Final = ("4s", "8s", "16s")
BOTH: Final = Fets.CHARGE | Fets.DISCHARGE

Install = Callable[[Monitor], None]


@contextmanager
def unit_on_the_bench(board: str, fault: Install | None = None) -> Iterator[Bench]:
    unit = EmulatedUnit(parse_target(f"emulator:0x21?board={board}"))
    try:
        if fault is not None:
            fault(unit.device.monitor)
        link = unit.link()
        yield Bench(BmsClient(link), PlantSimulator(unit.device, link.clock), exact=True)
    finally:
        unit.close()


def rows(name: str, **changes: Any) -> Install:
    """Return a fault in the table: the row of a name with other fields."""  # of many types

    def install(monitor: Monitor) -> None:
        changed = tuple(row._replace(**changes) if row.name == name else row for row in ROWS)
        monitor.install(Protections(monitor._load_present, changed))

    return install


def swapped(one: str, other: str, field: str) -> Install:
    """Return a fault in the table: two rows that have each other's field."""

    def install(monitor: Monitor) -> None:
        held = {row.name: getattr(row, field) for row in ROWS}
        exchange = {one: held[other], other: held[one]}
        changed = tuple(
            row._replace(**{field: exchange[row.name]}) if row.name in exchange else row
            for row in ROWS
        )
        monitor.install(Protections(monitor._load_present, changed))

    return install


def without(name: str) -> Install:
    """Return a fault in the table: a row is missing."""

    def install(monitor: Monitor) -> None:
        left = tuple(row for row in ROWS if row.name != name)
        monitor.install(Protections(monitor._load_present, left))

    return install


def of(kind: type[Protections]) -> Install:
    """Return a fault in the automaton."""
    return lambda monitor: monitor.install(kind(monitor._load_present))


def balancing(kind: type[Balancer]) -> Install:
    """Return a fault in the balancer."""

    def install(monitor: Monitor) -> None:
        monitor._balancer = kind()

    return install


class NeverReleases(Protections):
    def _release(self, row: ProtectionRow, level: Level, value: float, limits: Limits) -> Trigger:
        return Trigger.HELD


class ReleasesOneCountEarly(Protections):
    def _release(self, row: ProtectionRow, level: Level, value: float, limits: Limits) -> Trigger:
        return super()._release(row, level, value - 10, limits)


class CounterStuck(Protections):
    def _count(self, row: ProtectionRow) -> None:
        pass


class CountsTwice(Protections):
    def _count(self, row: ProtectionRow) -> None:
        super()._count(row)
        super()._count(row)


class CountsEveryTick(Protections):
    def update(self, readings: Sequence[float], dt_s: float, limits: Limits) -> None:
        before = [state is State.TRIPPED for state in self._states]
        super().update(readings, dt_s, limits)
        for row, was, state in zip(self.rows, before, self._states, strict=True):
            if was and state is State.TRIPPED and row.counter is not None:
                self.counters[row.counter] += 1


class Shifted(Protections):
    """Thresholds off by a count of the wire, one way or the other."""

    by: float

    def update(self, readings: Sequence[float], dt_s: float, limits: Limits) -> None:
        shifted = tuple(
            level._replace(threshold=level.threshold + self.by) for level in limits.levels
        )
        super().update(readings, dt_s, limits._replace(levels=shifted))


class OneCountLate(Shifted):
    by = 1


class OneCountEarly(Shifted):
    by = -1

    def update(self, readings: Sequence[float], dt_s: float, limits: Limits) -> None:
        self.calm = False
        super().update(readings, dt_s, limits)
        self.calm = False  # the monitor would not ask where no threshold is reached


class DelayRunsOn(Protections):
    """A delay that does not start anew when the threshold is left."""

    def _move(self, index: int, trigger: Trigger, dt_s: float, level: Level) -> None:
        if trigger is Trigger.KEPT:
            return
        super()._move(index, trigger, dt_s, level)


class ForgetsTheFets(Protections):
    def _show(self) -> None:
        super()._show()
        self.cut = 0


class FetsStayOff(Protections):
    def _show(self) -> None:
        before = self.cut
        super()._show()
        self.cut |= before


class NextCell(Balancer):
    def mask(self, *args: Any) -> int:  # whatever the balancer is given
        return super().mask(*args) << 1


class AllAtOnce(Balancer):
    def mask(
        self, limits: Limits, cell_mv: Sequence[int], low_mv: int, current_ma: int, dt_s: float
    ) -> int:
        least = low_mv + limits.balance_window_mv
        return sum(1 << n for n, mv in enumerate(cell_mv) if mv >= least and current_ma > 0)


class OnlyOdd(Balancer):
    def mask(self, *args: Any) -> int:  # whatever the balancer is given
        return super().mask(*args) & 0x5555_5555


class WhateverFlows(Balancer):
    def mask(
        self, limits: Limits, cell_mv: Sequence[int], low_mv: int, current_ma: int, dt_s: float
    ) -> int:
        return super().mask(limits, cell_mv, low_mv, 1, dt_s)


def calls_every_tick(kind: type[Protections]) -> Install:
    """Return a fault that must be asked at every tick."""

    def install(monitor: Monitor) -> None:
        protections = kind(monitor._load_present)
        protections.calm = False
        monitor.install(protections)

    return install


# What is wrong, how it is put in, and the protections whose check must notice.
FAULTS: Final[dict[str, tuple[Install, tuple[str, ...]]]] = {
    "delay of another protection": (rows("covp", delay="chgoc_delay"), ("covp",)),
    "delay a second short": (rows("chgoc", delay="sc_rel"), ("chgoc",)),
    "no delay": (rows("cuvp", delay=None), ("cuvp",)),
    "no delay of a temperature": (rows("dsgut", delay=None), ("dsgut",)),
    "delay runs on when the threshold is left": (of(DelayRunsOn), ("covp", "dsgoc", "chgut")),
    "wrong bit": (rows("covp", bit=Protection.PACK_OVERVOLTAGE), ("covp",)),
    "bit of the other direction": (
        rows("dsgoc", bit=Protection.CHARGE_OVERCURRENT), ("dsgoc",)),
    "wrong FET": (rows("covp", cut=Fets.DISCHARGE), ("covp",)),
    "both FETs": (rows("cuvp", cut=BOTH), ("cuvp",)),
    "short circuit leaves the charge FET on": (rows("sc", cut=Fets.DISCHARGE), ("sc",)),
    "FETs do not follow": (of(ForgetsTheFets), tuple(BY_NAME)),
    "FETs stay off": (of(FetsStayOff), ("covp", "chgot", "dsgoc")),
    "threshold of another protection": (swapped("chgot", "dsgot", "threshold"), ("chgot", "dsgot")),
    "charge and discharge swapped": (swapped("chgut", "dsgut", "cut"), ("chgut", "dsgut")),
    "trips one count late": (calls_every_tick(OneCountLate), ("covp", "cuvp", "chgot", "sc")),
    "trips one count early": (calls_every_tick(OneCountEarly), ("covp", "cuvp", "chgot")),
    "never releases": (of(NeverReleases), tuple(BY_NAME)),
    "releases as soon as the threshold is left": (rows("covp", release=None), ("covp",)),
    "releases early": (of(ReleasesOneCountEarly), ("covp", "povp", "dsgot")),
    "releases at another threshold": (rows("dsgot", release="chgot_rel"), ("dsgot",)),
    "release time ignored": (rows("chgoc", release_delay=None), ("chgoc",)),
    "release time of another protection": (rows("dsgoc", release_delay="sc_rel"), ("dsgoc",)),
    "load not waited for": (rows("sc", waits_for_load=False), ("sc",)),
    "short circuit at the level of over-current": (rows("sc", threshold="dsgoc2"), ("sc",)),
    "counter stuck": (of(CounterStuck), tuple(BY_NAME)),
    "counter counts double": (of(CountsTwice), tuple(BY_NAME)),
    "counter runs while the protection stands": (of(CountsEveryTick), ("covp", "dsgut")),
    "counter of another protection": (
        rows("chgut", counter=COUNTERS.index("dsgut_err_cnt")), ("chgut",)),
    "no hardware over-voltage": (without("covp_high"), ("covp_high",)),
    "no hardware under-voltage": (without("cuvp_high"), ("cuvp_high",)),
    "no second over-current": (without("dsgoc2"), ("dsgoc2",)),
    "no short circuit": (without("sc"), ("sc",)),
}  # fmt: skip

BALANCE_FAULTS: Final[dict[str, tuple[type[Balancer], Callable[[Bench], None]]]] = {
    "the next cell is bled": (NextCell, check_balancing),
    "bled without charging": (WhateverFlows, check_balancing),
    "neighbours at once": (AllAtOnce, check_turns),
    "even cells never": (OnlyOdd, check_turns),
}


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("name", BY_NAME)
def test_the_checks_pass_on_a_good_unit(board: str, name: str) -> None:
    with unit_on_the_bench(board) as bench:
        check_protection(bench, bench.settings.guarded[name])


@pytest.mark.parametrize("board", BOARDS)
def test_the_checks_without_a_protection_of_their_own_pass_on_a_good_unit(board: str) -> None:
    with unit_on_the_bench(board) as bench:
        check_settings(bench.settings)
        check_what_it_shows(bench.client, bench.settings)
        check_balancing(bench)
        check_turns(bench)


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_noticed(board: str, fault: str) -> None:
    install, names = FAULTS[fault]
    for name in names:
        with unit_on_the_bench(board, install) as bench, pytest.raises(AssertionError) as noticed:
            check_protection(bench, bench.settings.guarded[name])
        assert str(noticed.value), "a failure must say what was expected"


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("fault", BALANCE_FAULTS)
def test_a_fault_in_balancing_is_noticed(board: str, fault: str) -> None:
    kind, check = BALANCE_FAULTS[fault]
    with unit_on_the_bench(board, balancing(kind)) as bench, pytest.raises(AssertionError):
        check(bench)


def test_a_bit_that_does_not_fit_the_reading_is_noticed() -> None:
    with unit_on_the_bench("4s", of(NeverReleases)) as bench:
        bench.calm()
        bench.hold("ntc", bench.settings.guarded["chgot"].threshold)
        bench.wait(3)
        bench.hold("ntc", 2981)
        bench.wait(1)
        with pytest.raises(AssertionError, match="charge over-temperature"):
            check_what_it_shows(bench.client, bench.settings)


def test_a_release_on_the_wrong_side_is_noticed() -> None:
    with unit_on_the_bench("4s") as bench:
        bench.write_settings({"covp_rel": (0x25, 3650)})
        with pytest.raises(AssertionError, match="cell over-voltage"):
            check_settings(bench.settings)
