"""The board's own view of its pack: samples, RSOC, FETs, protection bits, counters."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Final

from jbd_protocol import COUNTERS, Fets, Protection

from .._store import SettingsStore
from ..plant import Pack
from ._balancer import Balancer
from ._calibration import Calibration, finite
from ._gauge import Gauge
from ._limits import LEARNED_CAPACITY, Limits, limits_of
from ._protections import COUNTER_MOST, Protections
from ._rows import Measured

TICK_S: Final = 1.0
"""How often the board measures, in seconds. Assumed: the TI front end converts every 250 ms,
captured values change once a second."""
_BOTH: Final = int(Fets.CHARGE | Fets.DISCHARGE)
_DISCHARGE: Final = int(Fets.DISCHARGE)
_WORD: Final = 0xFFFF
_NO_PROBE_DK: Final = 2431  # what an input without a probe reads, -30.0 degC; captured
_NEVER_HOT_DK, _NEVER_COLD_DK = 0, 1 << 20
_MOST_MAH: Final = 1e10


class Monitor:
    """Measures the plant once a tick and decides on FETs and balancing.

    Settings are taken as they stand at each tick: one that is written is in force at the next.

    Args:
        pack: the plant.
        settings: thresholds, capacities and functions.
        remaining_mah: what the board believes at first; None estimates it from the voltage.
        rng: where the error of this board's charge counter comes from; None for none.
    Attributes:
        sample: what the board takes for measured, calibration included.
        protections: the automata of all protections, with bits and counters.
        fet_lock: bits written to 0xE1: 0 turns the charge FET off, 1 the discharge FET.
        balance_mask: cells that are bled since the last tick, bit 0 is cell 1.
        bleed_override: cells that a balance test bleeds instead, None for no test.
        front_end_fault: the bench's hand: the front end does not answer.
        switch_closed: the bench's hand: the external switch, where 0x2D bit 0 enables one. Open
            it turns the discharge FET off (reported: Overkill manual, 3.4.1).
        stuck_on, stuck_off: the bench's hand: FET bits that conduct, or do not, whatever the board
            drives. It shows what it drives (assumed: nothing on a board measures a FET).
    """

    __slots__ = (
        "_balancer", "_calibration", "_gauge", "_limits", "_pack", "_raw", "_revision",
        "_settings", "balance_mask", "bleed_override", "fet_lock", "front_end_fault",
        "protections", "sample", "stuck_off", "stuck_on", "switch_closed",
    )  # fmt: skip

    def __init__(
        self,
        pack: Pack,
        settings: SettingsStore,
        *,
        remaining_mah: float | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._pack, self._settings = pack, settings
        self.sample = self._raw = pack.sample()
        self.protections = Protections(self._load_present)
        self._balancer = Balancer()
        self._gauge = Gauge(remaining_mah or 0.0, self._learn, rng)
        self._calibration: Calibration | None = None
        self.fet_lock = 0
        self.balance_mask = 0
        self.bleed_override: int | None = None
        self.front_end_fault = False
        self.switch_closed = True
        self.stuck_on = self.stuck_off = 0
        self._limits: Limits = limits_of(settings, self.protections.rows)
        self._revision = settings.revision
        if remaining_mah is None:
            self.estimate_from_voltage()

    # -- one tick ----------------------------------------------------------------------------

    def tick(self, dt_s: float) -> None:
        """Let the plant live for ``dt_s`` seconds, measure it, and decide."""
        fets = (self.fets | self.stuck_on) & ~self.stuck_off
        raw = self._pack.step(
            dt_s,
            charge_fet=bool(fets & 1),
            discharge_fet=bool(fets & 2),
            bleed_mask=self.balance_mask if self.bleed_override is None else self.bleed_override,
        )
        self._raw = raw
        self.sample = sample = raw if self._calibration is None else self._calibration.apply(raw)
        limits = self._in_force()
        cell_mv, pack_mv, current_ma, ntc_dk = sample
        if len(cell_mv) != limits.cells:
            cell_mv = _fitted(cell_mv, limits.cells, 0)
        if len(ntc_dk) != limits.ntcs:
            ntc_dk = _fitted(ntc_dk, limits.ntcs, _NO_PROBE_DK)
        high_mv, low_mv = max(cell_mv), min(cell_mv)
        self._protect(
            limits,
            (
                high_mv,
                low_mv,
                pack_mv,
                max(ntc_dk, default=_NEVER_HOT_DK),
                min(ntc_dk, default=_NEVER_COLD_DK),
                current_ma,
                int(self.front_end_fault),
            ),
            dt_s,
        )
        self._gauge.count(limits, self._recognised(current_ma), pack_mv, low_mv, dt_s)
        if limits.balancing and high_mv >= limits.balance_start_mv:
            self.balance_mask = self._balancer.mask(limits, cell_mv, low_mv, current_ma, dt_s)
        else:
            self.balance_mask = 0

    def _protect(self, limits: Limits, readings: tuple[int, ...], dt_s: float) -> None:
        """Hand the readings to the protections, unless all are calm and no threshold is near."""
        protections = self.protections
        if protections.calm:
            high, low = limits.calm, limits.calm_low
            cell_high, cell_low, pack, ntc_high, ntc_low, current, front_end = readings
            if (
                cell_high < high[0]
                and cell_low > low[1]
                and low[2] < pack < high[2]
                and ntc_high < high[3]
                and ntc_low > low[4]
                and low[5] < current < high[5]
                and not front_end
            ):
                return
        protections.update(readings, dt_s, limits)

    def _recognised(self, current_ma: int) -> int:
        """Return the current, or nothing where it is too small for the board to see."""
        least = self._limits.least_ma
        return 0 if -least < current_ma < least else current_ma

    def _in_force(self) -> Limits:
        settings = self._settings
        if self._revision != settings.revision:
            self._limits = limits_of(settings, self.protections.rows)
            self._revision = settings.revision
        return self._limits

    # -- what 0x03 and 0xAA show -------------------------------------------------------------

    @property
    def fets(self) -> int:
        """FET bits as 0x03 shows them, without the unit flag."""
        off = self.fet_lock | self.protections.cut
        if not self.switch_closed and self._in_force().switch:
            off |= _DISCHARGE
        return _BOTH & ~off

    @property
    def protection_bits(self) -> int:
        """Protections that stand, without the software lock."""
        return self.protections.bits

    @property
    def shown_protection(self) -> int:
        """Protection bits as 0x03 shows them, the software lock included."""
        return self.protections.bits | (int(Protection.SOFTWARE_LOCK) if self.fet_lock else 0)

    @property
    def shown_balance(self) -> int:
        """Cells whose bleed resistor is on, bit 0 is cell 1."""
        return self.balance_mask if self.bleed_override is None else self.bleed_override

    @property
    def counters(self) -> list[int]:
        """Words of 0xAA."""
        return self.protections.counters

    @counters.setter
    def counters(self, words: list[int]) -> None:
        self.protections.counters = words

    @property
    def nominal_mah(self) -> int:
        """The capacity the settings claim."""
        return self._in_force().nominal_mah

    @property
    def full_mah(self) -> int:
        """The full-charge capacity: what the board has learned, nominal before."""
        return int(self._in_force().full_mah)

    @property
    def remaining_mah(self) -> float:
        """What the board believes is left; ``Pack.stored_mah`` is the truth."""
        return self._gauge.remaining_mah

    @remaining_mah.setter
    def remaining_mah(self, mah: float) -> None:
        self._gauge.remaining_mah = mah

    @property
    def rsoc_percent(self) -> int:
        """What the board believes, 0 to 100; ``Pack.soc`` is the truth."""
        full = self._in_force().full_mah
        return max(0, min(100, round(100 * self._gauge.remaining_mah / full))) if full else 0

    @property
    def cycles_mah(self) -> float:
        """Discharge counted since the board was new."""
        return self._gauge.cycles_mah

    @cycles_mah.setter
    def cycles_mah(self, mah: float) -> None:
        self._gauge.cycles_mah = mah

    @property
    def cycles(self) -> int:
        """Whole cycles, by the cycle capacity of the settings."""
        cycle_mah = self._in_force().cycle_mah
        return int(self._gauge.cycles_mah // cycle_mah) if cycle_mah else 0

    # -- commands ----------------------------------------------------------------------------

    def calibrate(self, address: int, raw: int) -> bool:
        """Take a written value for what is measured; False where nothing is there to calibrate.

        A current is taken for what flows; where none flows nothing changes (assumed).

        Args:
            address: 0xAD to 0xAF currents, 0xB0 on cells, 0xD0 on NTCs, 0xE0 remaining capacity.
            raw: in the register's counts.
        """
        limits = self._in_force()
        if address == 0xE0:
            self._gauge.remaining_mah = min(limits.full_mah, float(raw * limits.count_mah))
            self._gauge.lose_track()
            return True
        if 0xB0 <= address <= 0xCF and address - 0xB0 >= len(self._raw.cell_mv):
            return False
        if 0xD0 <= address <= 0xD7 and address - 0xD0 >= len(self._raw.ntc_dk):
            return False
        calibration = self._calibration or Calibration()
        if address >= 0xD0:
            calibration.ntc(address - 0xD0, self._raw, raw)
        elif address >= 0xB0:
            calibration.cell(address - 0xB0, self._raw, raw)
        elif address == 0xAD:
            calibration.idle(self._raw, raw * limits.count_ma)
            self._gauge.offset_ma = 0.0
        else:
            correct = calibration.charge if address == 0xAE else calibration.discharge
            if correct(self._raw, raw * limits.count_ma):
                self._gauge.gain = 1.0
        self._calibration = calibration
        self.sample = calibration.apply(self._raw)
        return True

    def restart(self) -> None:
        """Come up after a loss of power: locks and protection states are gone, counters stay."""
        self.fet_lock = 0
        self.protections.clear()
        self._gauge.lose_track()
        self.balance_mask = 0
        self.bleed_override = None
        self.protections.add_one(len(self.counters) - 1)

    def clear_counters(self) -> None:
        """Zero the error counters, the restart counter included."""
        self.counters = [0] * len(COUNTERS)

    def clear_protection(self) -> None:
        """Forget every protection state; what still holds comes back after its delay."""
        self.protections.clear()

    def estimate_from_voltage(self) -> None:
        """Set the remaining capacity from the mean cell voltage and the 0, 10 .. 100 % points."""
        cells = self.sample.cell_mv
        self._gauge.estimate(self._in_force(), sum(cells) / len(cells))

    def install(self, protections: Protections) -> None:
        """Put other protections in, with the counters they bring: the bench's hand.

        For tests of tests: a subclass or a table with a fault in it takes the place of the good
        one, and a suite is shown to notice.
        """
        self.protections = protections
        self._limits = limits_of(self._settings, protections.rows)

    def _load_present(self) -> bool:
        return self._pack.load_ma > 0.0

    def _learn(self, full_mah: float) -> None:
        """Keep a learned capacity where parameter 112 shows it; it survives power-off."""
        counts = min(round(full_mah / self._limits.count_mah), _WORD)
        self._settings.burn(LEARNED_CAPACITY, counts.to_bytes(2, "big"))

    # -- over a restart ----------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """Return what must survive power-off, as JSON takes it; settings keep the rest."""
        return {
            "counters": list(self.counters),
            "remaining_mah": self._gauge.remaining_mah,
            "cycles_mah": self._gauge.cycles_mah,
            "gain": self._gauge.gain,
            "offset_ma": self._gauge.offset_ma,
            "calibration": self._calibration.state() if self._calibration is not None else None,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Take over what :meth:`state` gave.

        Raises:
            ValueError: a field is missing or out of its limits; it is named. Nothing has been
                changed then.
        """
        counters = state.get("counters")
        if not isinstance(counters, (list, tuple)) or len(counters) != len(COUNTERS):
            raise ValueError(f"counters: must be {len(COUNTERS)} numbers")
        words = {f"counters {n}": word for n, word in enumerate(counters)}
        new_counters = [int(finite(words, n, 0, COUNTER_MOST)) for n in words]
        remaining_mah = finite(state, "remaining_mah", 0.0, _MOST_MAH)
        cycles_mah = finite(state, "cycles_mah", 0.0, _MOST_MAH)
        gain = finite(state, "gain", 0.5, 2.0)
        offset_ma = finite(state, "offset_ma", -1e6, 1e6)
        saved = state.get("calibration")
        if saved is not None and not isinstance(saved, Mapping):
            raise ValueError("calibration: must be a table or nothing")
        self._calibration = Calibration.restored(saved) if saved is not None else None
        self.counters = new_counters
        gauge = self._gauge
        gauge.remaining_mah, gauge.cycles_mah = remaining_mah, cycles_mah
        gauge.gain, gauge.offset_ma = gain, offset_ma
        if self._calibration is not None:
            self.sample = self._calibration.apply(self._raw)


def _fitted(values: tuple[int, ...], count: int, missing: int) -> tuple[int, ...]:
    """Return as many values as the settings ask for; an input that nothing is wired to reads so."""
    return values[:count] + (missing,) * (count - len(values))


assert tuple(Measured) == tuple(range(7)), "Monitor.tick hands the readings over in this order"
