"""One charger, one pack, one board, some days: the run, and what is noted on the way."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from jbd_protocol import COUNTERS, Fets

from .._device import Device
from ..board import Monitor
from ..plant import LeadAcidCharger, Pack, Sample, Terminal
from ..profiles import FIRMWARE
from ._books import open_books
from ._chargers import CHARGERS, SPREAD, START_SOC, TAIL_C, Charger, StudyPlan, board_for
from ._result import FullCharge, Result, Trace

LONG_S: Final = 10.0
"""Longest step, in seconds. The plant's books are exact at it (tests/emulator/plant)."""
_STILL_MV: Final = 2
"""A cell that moved no more than this in a long step may take another one. A threshold is then
passed by no more, and seen no later than one long step."""
_NOTE_S: Final = 300.0
_REARMED: Final = 0.01

Progress = Callable[[float], None]
"""Called with the share that is done, 0..1."""


def run_study(plan: StudyPlan, progress: Progress | None = None) -> list[Result]:
    """Return what every charger comes to under the same plan."""
    results = []
    for count, charger in enumerate(CHARGERS):

        def part(share: float, done: int = count) -> None:
            if progress is not None:
                progress((done + share) / len(CHARGERS))

        results.append(run_charger(plan, charger, part))
    return results


def run_charger(
    plan: StudyPlan, charger: Charger, progress: Progress | None = None, *, long_s: float = LONG_S
) -> Result:
    """Return what one charger comes to.

    Args:
        plan: pack, load and days.
        charger: what is plugged in all the time.
        progress: told how far it is.
        long_s: step while nothing moves; 1 steps by the second throughout.
    """
    rng = random.Random(plan.seed)
    pack = _pack(plan, rng)
    device = Device(FIRMWARE[0x21], board_for(plan), rng=rng, pack=pack)
    source = charger.make(plan, charger)
    pack.connect(source, *plan.loads())
    observer = _Observer(plan, charger, source, pack, device.monitor)
    monitor, tick, note = device.monitor, device.monitor.tick, observer.note
    end_s, dt_s, told_s = plan.days * 86_400.0, 1.0, 0.0
    before = monitor.sample
    while pack.time_s < end_s:
        tick(dt_s)
        sample = monitor.sample
        note(sample, dt_s)
        dt_s = long_s if _is_still(before, sample, dt_s) and not pack.time_s % long_s else 1.0
        before = sample
        if progress is not None and pack.time_s - told_s >= 21_600.0:
            told_s = pack.time_s
            progress(told_s / end_s)
    return observer.result()


def _is_still(before: Sample, now: Sample, dt_s: float) -> bool:
    """Tell whether a long step as quiet as the last one would move no cell noticeably."""
    if before.cell_mv == now.cell_mv:
        return True
    if dt_s < LONG_S:
        return False
    moved = max(abs(a - b) for a, b in zip(before.cell_mv, now.cell_mv, strict=True))
    return moved <= _STILL_MV


def _pack(plan: StudyPlan, rng: random.Random) -> Pack:
    """Return a pack whose cells differ and all lack the same charge: they are full together."""
    kit = board_for(plan)
    pack = Pack(
        cells=plan.cells, capacity_mah=plan.capacity_mah, spread=SPREAD, rng=rng, ntcs=kit.ntcs
    )
    missing_mah = (1.0 - START_SOC) * plan.capacity_mah
    for number, cell in enumerate(pack.cells, start=1):
        pack.set_cell(number, soc=1.0 - missing_mah / cell.capacity_mah)
    return pack


class _Observer:
    """Notes what the table and the pictures need."""

    def __init__(
        self, plan: StudyPlan, charger: Charger, source: Terminal, pack: Pack, monitor: Monitor
    ) -> None:
        self._plan, self._charger, self._source = plan, charger, source
        self._pack, self._monitor = pack, monitor
        self._balance = open_books(pack)
        self._trace, self._fulls = Trace(), list[FullCharge]()
        self._noted_s, self._fets = -_NOTE_S, monitor.fets
        self._above_s = self._off_s = 0.0
        self._high, self._low = 0, 1 << 16
        self._above_mv = 3500.0 * plan.cells
        self._full_mv = charger.cell_mv * plan.cells - 20.0
        self._tail_ma = TAIL_C * plan.capacity_mah
        self._stage = ""

    def note(self, sample: Sample, dt_s: float) -> None:
        """Take down one step."""
        fets = self._monitor.fets
        if sample.pack_mv > self._above_mv:
            self._above_s += dt_s
        if not fets & Fets.CHARGE:
            self._off_s += dt_s
        high, low = max(sample.cell_mv), min(sample.cell_mv)
        if high > self._high:
            self._high = high
        if low < self._low:
            self._low = low
        ended = self._follow(sample)
        time_s = self._pack.time_s
        if time_s - self._noted_s >= _NOTE_S or fets != self._fets or ended:
            self._noted_s, self._fets = time_s, fets
            self._write(sample, high, low, fets)

    def result(self) -> Result:
        """Return what it came to."""
        plan, pack = self._plan, self._pack
        discharged_mah = pack.books.discharged_mah - self._balance.totals["discharged_mah"]
        fulls = self._fulls
        names = (name.removesuffix("_err_cnt") for name in COUNTERS)
        trips = {n: c for n, c in zip(names, self._monitor.counters, strict=True) if c}
        return Result(
            key=self._charger.key,
            title=self._charger.title(plan.cells),
            fulls=fulls,
            lowest_soc=min((one.lowest_soc for one in fulls), default=None),
            lowest_rsoc=min((one.lowest_rsoc for one in fulls), default=None),
            cycles_per_week=discharged_mah / plan.capacity_mah * 7.0 / plan.days,
            hours_above=self._above_s / 3600.0,
            highest_mv=self._high,
            lowest_mv=self._low,
            trips=trips,
            charge_off_h=self._off_s / 3600.0,
            charge_error=self._balance.charge_error,
            energy_error=self._balance.energy_error,
            trace=self._trace,
        )

    def _follow(self, sample: Sample) -> bool:
        """See a charge end, and how far the pack sinks after it; tell whether one ended now."""
        soc = self._pack.soc
        fulls = self._fulls
        ended = self._has_ended(sample)
        if fulls and not fulls[-1].closed:
            last = fulls[-1]
            if soc < last.lowest_soc:
                last.lowest_soc = soc
            rsoc = self._rsoc()
            if rsoc < last.lowest_rsoc:
                last.lowest_rsoc = rsoc
        if ended:
            if fulls:
                fulls[-1].closed = True
            rsoc = self._rsoc()
            fulls.append(FullCharge(self._pack.time_s / 3600.0, soc, rsoc, soc, rsoc))
        return ended

    def _has_ended(self, sample: Sample) -> bool:
        """Tell whether a charge ended full with this step, by the charger's own word if it has one.

        A supply's charge has ended at its voltage with the tail current; it begins another one
        when the pack has sunk.
        """
        source = self._source
        if isinstance(source, LeadAcidCharger):
            before, self._stage = self._stage, source.stage
            return before == "absorption" and source.stage == "float"
        if self._fulls and self._fulls[-1].depth < _REARMED:
            return False
        return self._pack.node_mv >= self._full_mv and sample.current_ma <= self._tail_ma

    def _rsoc(self) -> float:
        return self._monitor.remaining_mah / self._monitor.full_mah

    def _write(self, sample: Sample, high: int, low: int, fets: int) -> None:
        trace = self._trace
        trace.hours.append(self._pack.time_s / 3600.0)
        trace.pack_v.append(sample.pack_mv / 1000.0)
        trace.low_mv.append(low)
        trace.high_mv.append(high)
        trace.current_a.append(sample.current_ma / 1000.0)
        trace.soc.append(100.0 * self._pack.soc)
        trace.rsoc.append(100.0 * self._rsoc())
        trace.fets.append(fets)
        trace.protection.append(self._monitor.shown_protection)
