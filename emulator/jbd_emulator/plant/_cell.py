"""One cell: the truth about it, and the numbers that make it this cell and not another."""

import math
from typing import Final

from ._chemistry import (
    COLDEST_DK,
    COOLING_AT_MAH,
    COOLING_W_PER_K,
    GRID,
    HEAT_FACTOR,
    HEAT_J_PER_K_AH,
    RC_S,
    SELF_DISCHARGE_PER_H,
    SOC_FLOOR,
    STEPS_PER_SOC,
    stored_mv,
)

STATE_FIELDS: Final = (
    "soc",
    "hysteresis",
    "rc_mv",
    "temp_dk",
    "capacity_mah",
    "resistance_factor",
    "leak_ma",
)


class Cell:
    """A LiFePO4 cell. Read it freely; change it through the pack, which keeps the books.

    Attributes:
        soc: state of charge, the truth; 0 empty, 1 full, within SOC_FLOOR..SOC_CEILING.
        hysteresis: -1 on the discharge branch .. +1 on the charge branch.
        rc_mv: voltage across the RC pair, positive after charging.
        emf_mv: open-circuit voltage on the present branch.
        voltage_mv: terminal voltage at the end of the last step.
        temp_dk: temperature, tenths of a kelvin.
        capacity_mah: what it holds between 0 and 1.
        resistance_factor: 1 for a cell as tabled.
        leak_ma: discharge inside beyond the usual self-discharge.
        held_mv: what a cell simulator holds in its place, or None.

    Source: tables in _chemistry, published.
    """

    __slots__ = (
        "capacity_mah",
        "cooling",
        "drain_ma",
        "emf_mv",
        "heating",
        "held_mv",
        "hysteresis",
        "leak_ma",
        "ohm",
        "polar_ohm",
        "rc_mv",
        "resistance_factor",
        "scale",
        "shelf_ma",
        "soc",
        "soc_per_ma",
        "temp_dk",
        "voltage_mv",
    )

    def __init__(self, *, soc: float, capacity_mah: float, temp_dk: float) -> None:
        self.soc = soc
        self.hysteresis = 0.0
        self.rc_mv = 0.0
        self.temp_dk = temp_dk
        self.capacity_mah = capacity_mah
        self.resistance_factor = 1.0
        self.leak_ma = 0.0
        self.held_mv: float | None = None
        self.drain_ma = self.shelf_ma = self.scale = self.soc_per_ma = 0.0
        self.heating = self.cooling = 0.0
        self.emf_mv = self.voltage_mv = self.ohm = self.polar_ohm = 0.0
        self.prime(1.0)

    @property
    def stored_mah(self) -> float:
        """Charge above empty, mAh; negative below empty."""
        return self.soc * self.capacity_mah

    @property
    def stored_mwh(self) -> float:
        """Energy in the cell, mWh: on the mean curve from SOC_FLOOR, and in the RC pair."""
        # C v^2 / 2 with C = RC_S / R; mV^2 / Ohm is uW.
        pair = RC_S / 3600.0 * self.rc_mv * self.rc_mv / (2.0 * self.polar_ohm)
        return (stored_mv(self.soc) * self.capacity_mah + pair) / 1000.0

    def prime(self, dt_s: float) -> float:
        """Work out what a step of `dt_s` needs and return the slope of the knee, Ohm.

        The pack's step does the same at its end; both must give the same numbers to the last
        bit, or a restored pack would drift from the one it was saved from.
        """
        capacity = self.capacity_mah
        self.drain_ma = self.shelf_ma = capacity * SELF_DISCHARGE_PER_H + self.leak_ma
        self.scale = self.resistance_factor / capacity
        self.soc_per_ma = dt_s / 3600.0 / capacity
        heat_j_per_k = HEAT_J_PER_K_AH * capacity / 1000.0
        cooling_w_per_k = COOLING_W_PER_K * (capacity / COOLING_AT_MAH) ** (2 / 3)
        self.cooling = 1.0 - math.exp(-dt_s * cooling_w_per_k / heat_j_per_k)
        self.heating = 1e-5 * dt_s / heat_j_per_k  # uW to tenths of a kelvin
        x = (self.soc - SOC_FLOOR) * STEPS_PER_SOC
        index = int(x)
        ocv, step, reach, ohmic, polar = GRID[index]
        factor = HEAT_FACTOR[int((self.temp_dk - COLDEST_DK) * 0.1)] * self.scale
        self.ohm = ohmic * factor
        self.polar_ohm = polar * factor
        self.emf_mv = ocv + step * (x - index) + reach * self.hysteresis
        return step * STEPS_PER_SOC * self.soc_per_ma

    def state(self) -> dict[str, float]:
        """Return what must be kept over a restart; `held_mv` is a bench's and is not."""
        return {name: getattr(self, name) for name in STATE_FIELDS}
