"""The board's own view of its pack: samples, RSOC, FETs, protection bits, counters."""

from __future__ import annotations

from typing import Final

from jbd_protocol import COUNTERS, Fets, Protection

from .._store import SettingsStore
from ..plant import Pack, Sample

TICK_S: Final = 1.0
"""How often the board measures, in seconds. Assumed: the TI front end converts every 250 ms,
captured values change once a second."""


class Monitor:
    """Measures the plant once a tick and decides on FETs and balancing.

    Args:
        pack: the plant.
        settings: thresholds, capacities and functions, read each tick as they are in force.
        rsoc_percent: what the board believes at first.
    """

    __slots__ = (
        "_pack", "_settings", "balance_mask", "bleed_override", "counters", "cycles_mah",
        "fet_lock", "protection_bits", "remaining_mah", "sample",
    )  # fmt: skip

    def __init__(self, pack: Pack, settings: SettingsStore, *, remaining_mah: float) -> None:
        self._pack, self._settings = pack, settings
        self.sample: Sample = pack.sample()
        self.remaining_mah = remaining_mah
        self.cycles_mah = 0.0
        self.counters = [0] * len(COUNTERS)
        self.fet_lock = 0
        """Bits written to 0xE1: 0 turns the charge FET off, 1 the discharge FET."""
        self.protection_bits = 0
        self.balance_mask = 0
        self.bleed_override: int | None = None

    @property
    def fets(self) -> int:
        """FET bits as 0x03 shows them, without the unit flag."""
        bits = 0
        if not self.fet_lock & 1:
            bits |= Fets.CHARGE
        if not self.fet_lock & 2:
            bits |= Fets.DISCHARGE
        return int(bits)

    @property
    def shown_protection(self) -> int:
        """Protection bits as 0x03 shows them, the software lock included."""
        return self.protection_bits | (int(Protection.SOFTWARE_LOCK) if self.fet_lock else 0)

    @property
    def nominal_mah(self) -> int:
        """The capacity the settings claim."""
        return self._settings.word(0x10) * 10

    @property
    def rsoc_percent(self) -> int:
        """What the board believes, 0 to 100."""
        nominal = self.nominal_mah
        return max(0, min(100, round(100 * self.remaining_mah / nominal))) if nominal else 0

    def tick(self, dt_s: float) -> None:
        """Let the plant live for ``dt_s`` seconds and take what it says."""
        fets = self.fets
        mask = self.balance_mask if self.bleed_override is None else self.bleed_override
        self.sample = self._pack.step(
            dt_s,
            charge_fet=bool(fets & Fets.CHARGE),
            discharge_fet=bool(fets & Fets.DISCHARGE),
            bleed_mask=mask,
        )
        self._count(self.sample.current_ma * dt_s / 3600)

    @property
    def shown_balance(self) -> int:
        """Cells whose bleed resistor is on, bit 0 is cell 1."""
        return self.balance_mask if self.bleed_override is None else self.bleed_override

    @property
    def cycles(self) -> int:
        """Whole cycles since power-on, by the cycle capacity of the settings."""
        cycle_mah = self._settings.word(0x11) * 10
        return int(self.cycles_mah // cycle_mah) if cycle_mah else 0

    def restart(self) -> None:
        """Come up after a loss of power: locks and protection states are gone."""
        self.fet_lock = 0
        self.protection_bits = 0
        self.balance_mask = 0
        self.bleed_override = None
        self.counters[-1] = self.counters[-1] + 1 & 0xFFFF

    def calibrate(self, address: int, raw: int) -> bool:
        """Take a written value for what is measured; False where nothing is there to calibrate.

        Args:
            address: 0xAD to 0xAF currents, 0xB0 on cells, 0xD0 on NTCs, 0xE0 remaining capacity.
            raw: in the register's counts.
        """
        if address == 0xE0:
            self.remaining_mah = min(float(self.nominal_mah), raw * 10.0)
            return True
        if 0xB0 <= address <= 0xCF:
            return address - 0xB0 < len(self.sample.cell_mv)
        if 0xD0 <= address <= 0xD7:
            return address - 0xD0 < len(self.sample.ntc_dk)
        return True

    def clear_counters(self) -> None:
        """Zero the error counters, the restart counter included."""
        self.counters = [0] * len(COUNTERS)

    def clear_protection(self) -> None:
        """Forget every protection state; what still holds comes back after its delay."""
        self.protection_bits = 0

    def estimate_from_voltage(self) -> None:
        """Set the remaining capacity from the cell voltages and the 0 and 100 % points."""
        full, empty = self._settings.word(0x12), self._settings.word(0x13)
        mean = sum(self.sample.cell_mv) / len(self.sample.cell_mv)
        share = (mean - empty) / (full - empty) if full > empty else 0.0
        self.remaining_mah = self.nominal_mah * max(0.0, min(1.0, share))

    def _count(self, mah: float) -> None:
        self.remaining_mah = max(0.0, min(float(self.nominal_mah), self.remaining_mah + mah))
        if mah < 0:
            self.cycles_mah -= mah
