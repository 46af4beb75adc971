"""What each protection is said to do, in the sources' words and not the emulator's.

Rows name fields of the settings; :func:`bind` puts in the numbers that a unit holds, so that a
check is made of the unit's own thresholds and delays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from jbd_protocol import COUNTERS, UNIT_X10, Fets, Protection, Quantity

READ: Final = (*range(0x18, 0x2E), 0x2F, *range(0x36, 0x40))
"""Settings that protections and balancing are made of."""
_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_CELL, _PACK, _NTC, _CURRENT = "cell", "pack", "ntc", "current"
COUNT: Final[Mapping[str, int]] = {_CELL: 1, _PACK: 10, _NTC: 1, _CURRENT: 10}
"""One count of register 0x03 or 0x04: mV, mV, tenths of a kelvin, mA."""


class Row(NamedTuple):
    """One protection.

    Attributes:
        name: the field of its threshold.
        title: in plain English.
        bit: in 0x03.
        counter: word of 0xAA.
        quantity: ``cell``, ``pack``, ``ntc`` or ``current``.
        side: +1 trips above its threshold, -1 below.
        release: field of the release threshold; empty where time alone releases.
        release_delay: field of the release time; empty where there is none.
        cut: the FETs that it turns off.
        hardware: a level of the front end.
    """

    name: str
    title: str
    bit: Protection
    counter: str
    quantity: str
    side: int
    release: str
    release_delay: str
    cut: Fets
    hardware: bool = False


_BOTH = Fets.CHARGE | Fets.DISCHARGE
ROWS: Final = (
    Row("covp", "cell over-voltage", Protection.CELL_OVERVOLTAGE, "covp", _CELL, +1,
        "covp_rel", "", Fets.CHARGE),
    Row("cuvp", "cell under-voltage", Protection.CELL_UNDERVOLTAGE, "cuvp", _CELL, -1,
        "cuvp_rel", "", Fets.DISCHARGE),
    Row("povp", "pack over-voltage", Protection.PACK_OVERVOLTAGE, "povp", _PACK, +1,
        "povp_rel", "", Fets.CHARGE),
    Row("puvp", "pack under-voltage", Protection.PACK_UNDERVOLTAGE, "puvp", _PACK, -1,
        "puvp_rel", "", Fets.DISCHARGE),
    Row("chgot", "charge over-temperature", Protection.CHARGE_OVERTEMPERATURE, "chgot", _NTC, +1,
        "chgot_rel", "", Fets.CHARGE),
    Row("chgut", "charge under-temperature", Protection.CHARGE_UNDERTEMPERATURE, "chgut", _NTC,
        -1, "chgut_rel", "", Fets.CHARGE),
    Row("dsgot", "discharge over-temperature", Protection.DISCHARGE_OVERTEMPERATURE, "dsgot",
        _NTC, +1, "dsgot_rel", "", Fets.DISCHARGE),
    Row("dsgut", "discharge under-temperature", Protection.DISCHARGE_UNDERTEMPERATURE, "dsgut",
        _NTC, -1, "dsgut_rel", "", Fets.DISCHARGE),
    Row("chgoc", "charge over-current", Protection.CHARGE_OVERCURRENT, "chgoc", _CURRENT, +1,
        "", "chgoc_rel", Fets.CHARGE),
    Row("dsgoc", "discharge over-current", Protection.DISCHARGE_OVERCURRENT, "dsgoc", _CURRENT,
        -1, "", "dsgoc_rel", Fets.DISCHARGE),
    Row("dsgoc2", "second discharge over-current", Protection.DISCHARGE_OVERCURRENT, "dsgoc",
        _CURRENT, -1, "", "dsgoc_rel", Fets.DISCHARGE, hardware=True),
    Row("sc", "short circuit", Protection.SHORT_CIRCUIT, "sc", _CURRENT, -1,
        "", "sc_rel", _BOTH, hardware=True),
    Row("covp_high", "hardware cell over-voltage", Protection.CELL_OVERVOLTAGE, "covp", _CELL,
        +1, "covp_rel", "", Fets.CHARGE, hardware=True),
    Row("cuvp_high", "hardware cell under-voltage", Protection.CELL_UNDERVOLTAGE, "cuvp", _CELL,
        -1, "cuvp_rel", "", Fets.DISCHARGE, hardware=True),
)  # fmt: skip
BY_NAME: Final[Mapping[str, Row]] = {row.name: row for row in ROWS}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A row with the numbers of one unit.

    Attributes:
        row: what it is.
        threshold, release: mV, mA or tenths of a kelvin; release is the threshold where time
            alone releases.
        delay_s, release_delay_s: seconds.
        counter: place in 0xAA.
        count: one count of its quantity on this unit.
    """

    row: Row
    threshold: int
    release: int
    delay_s: float
    release_delay_s: float
    counter: int
    count: int

    def passed(self, value: int) -> bool:
        """Return whether a value is at or past the threshold."""
        return self.row.side * value >= self.row.side * self.threshold

    def released(self, value: int) -> bool:
        """Return whether a value is at the release threshold or on its good side."""
        return self.row.side * value <= self.row.side * self.release

    @property
    def short(self) -> int:
        """One count short of the threshold."""
        return self.threshold - self.row.side * self.count

    @property
    def held(self) -> int:
        """One count short of the release threshold."""
        return self.release + self.row.side * self.count


@dataclass(frozen=True, slots=True)
class UnitSettings:
    """What a unit holds.

    Attributes:
        values: every field of :data:`READ`, in integer units.
        flags: names of the set bits of 0x2D.
        guarded: its protections, by name.
    """

    values: Mapping[str, int]
    flags: frozenset[str]
    guarded: Mapping[str, Guarded]

    def cut_by(self, bits: Protection) -> Fets:
        """Return the FETs that the protections of these bits turn off."""
        cut = Fets(0)
        for one in self.guarded.values():
            if one.row.bit & bits:
                cut |= one.row.cut
        return cut


def bind(quantities: Mapping[str, Quantity]) -> UnitSettings:
    """Return the protections that the settings of a unit describe.

    Args:
        quantities: values of the settings in :data:`READ` by field name.
    """
    values, delays = {}, {}
    for name, (value, unit) in quantities.items():
        if isinstance(value, int):
            values[name] = int(value)
            delays[name] = value * _SECONDS.get(unit, 1.0)
    set_bits = quantities["bits_set"].value
    flags = frozenset(str(one) for one in set_bits) if isinstance(set_bits, tuple) else frozenset()
    raw = int(str(quantities["func_config"].value), 16)
    wide = bool(raw & UNIT_X10)
    guarded = {row.name: _guarded(row, values, delays, wide) for row in ROWS}
    return UnitSettings(values, flags, guarded)


def _guarded(
    row: Row, values: Mapping[str, int], delays: Mapping[str, float], wide: bool
) -> Guarded:
    count = COUNT[row.quantity] * (10 if wide and row.quantity == _CURRENT else 1)
    threshold = values[row.name]
    if row.hardware and row.quantity == _CURRENT:
        # mV over the shunt; bit 15 of the shunt, or the wide unit, counts it finer (V11).
        counts = values["shunt_res"] // 100
        micro_ohm = (counts & 0x7FFF) * (10 if counts & 0x8000 or wide else 100)
        factor = 2 if values["sc_dsgoc_x2"] else 1
        threshold = -threshold * factor * 1_000_000 // max(micro_ohm, 1)
    elif row.quantity == _CURRENT and wide:
        threshold *= 10
    return Guarded(
        row=row,
        threshold=threshold,
        release=values[row.release] if row.release else threshold,
        delay_s=delays[f"{row.name}_delay"],
        release_delay_s=delays[row.release_delay] if row.release_delay else 0.0,
        counter=COUNTERS.index(f"{row.counter}_err_cnt"),
        count=count,
    )
