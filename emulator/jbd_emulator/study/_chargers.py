"""The chargers, the pack and the daily load that the study compares; every choice has a reason.

PD      vendor document. Progressive Dynamics, Charge Wizard (progressivedyn.com/rv/charge-wizard):
        boost 14.4 V, normal 13.6 V, storage 13.2 V; in storage 14.4 V again every 21 hours. The
        converter of very many American caravans.
WFCO    vendor document. WFCO, "Operating your converter": bulk 14.4 V for at most four hours,
        absorption 13.6 V, float 13.2 V. A second maker with the same three voltages.
VICTRON vendor document. Victron Blue Smart IP22 manual, "Commencing a new charge cycle": bulk
        again when the output is at its current limit for four seconds, or by choice below a
        voltage for one minute. The load here is a third of the charger's current, so neither
        happens; what brings this converter back to 14.4 V is its clock.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jbd_protocol import encode_setting

from .._config import ConfigError
from ..plant import CcCvSupply, ConstantCurrentLoad, LeadAcidCharger, Terminal, daily_load
from ..profiles import BOARDS, BoardKit

CHARGE_C: Final = 0.3
"""Current limit of every charger, as a share of capacity: 30 A for 100 Ah, a usual converter."""
TAIL_C: Final = 0.05
"""A charge has ended when the current has sunk to this share: what cell makers write (assumed to
be the field note's tail current; EVE, Lishen and others specify 0.05 C)."""
BASE_C: Final = 0.02
"""Load around the clock: 2 A for 100 Ah, a compressor fridge and its neighbours. Assumed."""
EVENING_C: Final = 0.08
"""More of it from 18 to 23 h: 8 A for 100 Ah, lights, a fan, a screen. Assumed."""
EVENING_H: Final = (18.0, 23.0)
START_SOC: Final = 0.5
SPREAD: Final = 0.01
"""Between cells of one batch; the pack is top-balanced, as a pack is made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """What is the same for every charger.

    Attributes:
        cells: 3..32 in series.
        capacity_ah: 5..600 Ah; chargers and loads grow with it.
        days: 0.1..365.
        seed: of the spread between cells and of the board's counting error.

    Raises:
        ConfigError: a number out of its limits; the field is named.
    """

    cells: int = 4
    capacity_ah: float = 100.0
    days: float = 7.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, low, high in (("cells", 3, 32), ("capacity_ah", 5, 600), ("days", 0.1, 365)):
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f"{name} {getattr(self, name)}: must be {low} to {high}")

    @property
    def capacity_mah(self) -> float:
        """Nominal capacity in mAh."""
        return self.capacity_ah * 1000.0

    def loads(self) -> tuple[Terminal, ...]:
        """Return what is drawn every day, new terminals each time."""
        return (
            ConstantCurrentLoad(BASE_C * self.capacity_mah),
            daily_load(EVENING_C * self.capacity_mah, *EVENING_H),
        )


@dataclass(frozen=True, slots=True)
class Charger:
    """One charger of the comparison.

    Attributes:
        key: short name.
        words: what it is, without its voltage.
        cell_mv: what it charges to, per cell.
        float_mv: what it holds afterwards, per cell; 0 where it holds the same.
        make: returns the terminal for a plan.
    """

    key: str
    words: str
    cell_mv: float
    float_mv: float
    make: Callable[[StudyPlan, Charger], Terminal]

    def title(self, cells: int) -> str:
        """Return what it is called for a pack of so many cells."""
        if self.float_mv:
            return f"{self.words}, float {self.float_mv * cells / 1000:.1f} V"
        return f"{self.words} {self.cell_mv * cells / 1000:.1f} V"


def _supply(plan: StudyPlan, charger: Charger) -> Terminal:
    return CcCvSupply(charger.cell_mv * plan.cells, CHARGE_C * plan.capacity_mah)


def _converter(plan: StudyPlan, charger: Charger) -> Terminal:
    """Return the lead-acid converter.

    Bulk and absorption at 3.600 V a cell: PD's and WFCO's 14.4 V, under the board's 3.650 V. The
    absorption ends at the tail current or after one hour: assumed, for PD's 15 minutes would not
    fill the pack at all. The 13.6 V stage that both makers have in between is left out: it lasts
    until the load has been quiet for 30 (PD) or 44 (WFCO) hours, and the study asks what the
    13.2 V do. Boost again after 21 h of float: PD.
    """
    return LeadAcidCharger(
        CHARGE_C * plan.capacity_mah,
        absorption_mv=charger.cell_mv * plan.cells,
        float_mv=charger.float_mv * plan.cells,
        absorption_s=3600.0,
        # The charger sees the base load too.
        tail_ma=(TAIL_C + BASE_C) * plan.capacity_mah,
        rebulk_after_s=21 * 3600.0,
    )


CHARGERS: Final = (
    Charger("supply-3500", "supply", 3500.0, 0.0, _supply),
    Charger("supply-3550", "supply", 3550.0, 0.0, _supply),
    Charger("supply-3650", "supply", 3650.0, 0.0, _supply),
    Charger("lead-acid-3300", "lead-acid charger", 3600.0, 3300.0, _converter),
)
"""For four cells: supplies of 14.0, 14.2 and 14.6 V, and a converter that floats at 13.2 V."""

_NEAREST: Final[Mapping[int, str]] = MappingProxyType({4: "4s", 8: "8s", 16: "16s"})


def board_for(plan: StudyPlan) -> BoardKit:
    """Return a board that fits the pack.

    The kit of so many cells where there is one, else the 4S kit with its pack thresholds in
    proportion. Over-currents are widened where the chargers of a large pack would pass them: who
    builds such a pack buys such a board.
    """
    kit = BOARDS[_NEAREST.get(plan.cells, "4s")]
    words = {0x10: round(plan.capacity_mah / 10), 0x11: round(plan.capacity_mah * 0.8 / 10)}
    if kit.cells != plan.cells:
        for address in (0x20, 0x21, 0x22, 0x23):
            words[address] = _word(kit, address) * plan.cells // kit.cells
        words[0x2F] = plan.cells
    settings = {**kit.settings, **{a: w.to_bytes(2, "big") for a, w in words.items()}}
    least = 10 * round(1.3 * CHARGE_C * plan.capacity_mah / 10)
    if _word(kit, 0x28) * 10 < least:
        settings[0x28] = encode_setting(0x28, {"chgoc": least})
        settings[0x29] = encode_setting(0x29, {"dsgoc": -least})
    return kit._replace(
        key=f"{plan.cells}s",
        cells=plan.cells,
        capacity_mah=round(plan.capacity_mah),
        settings=MappingProxyType(settings),
    )


def _word(kit: BoardKit, address: int) -> int:
    return int.from_bytes(kit.settings[address], "big")
