"""What one charger came to: numbers for the table, series for the pictures."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class FullCharge:
    """One charge that ended full, and what followed until the next.

    Attributes:
        at_h: hours from the start.
        soc, rsoc: the truth 0..1, and what the board believes 0..1, as the charge ended.
        lowest_soc, lowest_rsoc: lowest of each from then on.
        closed: the charger began another charge, so that ``lowest`` is final.
    """

    at_h: float
    soc: float
    rsoc: float
    lowest_soc: float
    lowest_rsoc: float
    closed: bool = False

    @property
    def depth(self) -> float:
        """How far the pack sank after this charge, 0..1."""
        return self.soc - self.lowest_soc


@dataclass(slots=True)
class Trace:
    """Series over time, all of one length.

    Attributes:
        hours: from the start.
        pack_v: at the cells, V.
        low_mv, high_mv: lowest and highest cell.
        current_a: through the shunt, positive charging.
        soc, rsoc: the truth and what the board believes, percent.
        fets: bit 0 charge, bit 1 discharge.
        protection: bits as 0x03 shows them.
    """

    hours: list[float] = field(default_factory=list)
    pack_v: list[float] = field(default_factory=list)
    low_mv: list[int] = field(default_factory=list)
    high_mv: list[int] = field(default_factory=list)
    current_a: list[float] = field(default_factory=list)
    soc: list[float] = field(default_factory=list)
    rsoc: list[float] = field(default_factory=list)
    fets: list[int] = field(default_factory=list)
    protection: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Result:
    """What one charger came to.

    Attributes:
        key, title: of the charger.
        fulls: charges that ended full, in order.
        lowest_soc, lowest_rsoc: lowest while plugged in after the first full charge, 0..1; None
            where the pack was never full.
        cycles_per_week: discharge through the terminals in equivalent full cycles.
        hours_above: hours with the pack above 3.500 V times its cells.
        highest_mv, lowest_mv: of any cell at any time.
        trips: how often each protection tripped, by the field's short name; none with 0.
        charge_off_h: hours with the charge FET off.
        charge_error, energy_error: of the books, shares.
        trace: for the pictures.
    """

    key: str
    title: str
    fulls: list[FullCharge]
    lowest_soc: float | None
    lowest_rsoc: float | None
    cycles_per_week: float
    hours_above: float
    highest_mv: int
    lowest_mv: int
    trips: dict[str, int]
    charge_off_h: float
    charge_error: float
    energy_error: float
    trace: Trace
