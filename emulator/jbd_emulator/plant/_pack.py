"""The pack: made, read, put out of order and held by hand, saved and restored."""

import random
from collections.abc import Mapping, Sequence
from typing import Final

from ._cell import STATE_FIELDS, Cell
from ._chemistry import (
    BLEED_OHM,
    COLDEST_DK,
    HOTTEST_DK,
    NTC_OPEN_DK,
    NTC_SHORT_DK,
    SOC_CEILING,
    SOC_FLOOR,
)
from ._circuit import branch_ma
from ._limits import items, number, table, text, whole
from ._string import DK_LIMITS, CellString
from ._terminals import Terminal

SOC_LIMITS: Final = (SOC_FLOOR, SOC_CEILING)
CELL_LIMITS: Final = {
    "soc": SOC_LIMITS,
    "hysteresis": (-1.0, 1.0),
    "rc_mv": (-1e9, 1e9),
    "temp_dk": (COLDEST_DK, HOTTEST_DK),
    "capacity_mah": (1.0, 1e8),
    "resistance_factor": (0.01, 1000.0),
    "leak_ma": (0.0, 1e6),
}
NTC_STATES: Final = ("ok", "open", "short")


class Pack(CellString):
    """Cells in series behind two FETs, with terminals outside; the truth stays readable.

    Args:
        cells: 3..32 in series.
        capacity_mah: nominal, 1..100,000,000 mAh.
        soc: of every cell at the start.
        ambient_dk: temperature of the air, and of the cells at the start; settable later.
        rng: where `spread` comes from; not kept.
        spread: standard deviation of capacity between cells, 0..0.2; of resistance three times
            that (assumed). Three deviations are the most.
        ntcs: 0..8, on cells spread evenly from the first to the last.
        bleed_ohm: bleed resistor with its switch, 1..10,000 Ohm.
        start_s: time of day at the start, seconds after midnight.

    Raises:
        ValueError: a number out of its limits; one line names the field and the limit.

    Source: cells published (_chemistry); bleed published; FETs, diode, leads assumed.
    """

    __slots__ = ("_ntc_held_dk", "_ntc_states", "capacity_mah")

    def __init__(
        self,
        cells: int = 4,
        capacity_mah: float = 100_000,
        soc: float = 0.5,
        ambient_dk: float = 2981,
        rng: random.Random | None = None,
        spread: float = 0.0,
        ntcs: int = 2,
        bleed_ohm: float = BLEED_OHM,
        start_s: float = 0.0,
    ) -> None:
        count = whole("cells", cells, 3, 32)
        self.capacity_mah = number("capacity_mah", capacity_mah, *CELL_LIMITS["capacity_mah"])
        number("soc", soc, *SOC_LIMITS)
        number("ambient_dk", ambient_dk, *DK_LIMITS)
        number("spread", spread, 0.0, 0.2)
        if spread and rng is None:
            raise ValueError("rng: needed where spread is not 0")
        row = [
            Cell(soc=float(soc), capacity_mah=self.capacity_mah, temp_dk=float(ambient_dk))
            for _ in range(count)
        ]
        if rng is not None and spread:
            for cell in row:
                cell.capacity_mah *= 1.0 + spread * _within_three(rng)
                cell.resistance_factor = max(0.1, 1.0 + 3.0 * spread * _within_three(rng))
        probes = whole("ntcs", ntcs, 0, 8)
        super().__init__(
            row,
            float(ambient_dk),
            number("bleed_ohm", bleed_ohm, 1.0, 10_000.0),
            number("start_s", start_s, 0.0, 1e12),
            [row[index * (count - 1) // max(probes - 1, 1)] for index in range(probes)],
        )
        self._ntc_states = ["ok"] * probes
        self._ntc_held_dk: list[int | None] = [None] * probes

    # -- the truth ---------------------------------------------------------------------------

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells, cell 1 first."""
        return self._cells

    @property
    def soc(self) -> float:
        """Charge of all cells over capacity of all cells; the truth, not what a board believes."""
        return sum(cell.stored_mah for cell in self._cells) / sum(
            cell.capacity_mah for cell in self._cells
        )

    @property
    def stored_mah(self) -> float:
        """Charge above empty, summed over cells, mAh."""
        return sum(cell.stored_mah for cell in self._cells)

    @property
    def stored_mwh(self) -> float:
        """Energy in the cells, mWh, counted from SOC_FLOOR."""
        return sum(cell.stored_mwh for cell in self._cells)

    @property
    def ntcs(self) -> tuple[tuple[str, int | None], ...]:
        """Of each NTC whether it is ok, open or short, and the tenths of a kelvin it is held at."""
        return tuple(zip(self._ntc_states, self._ntc_held_dk, strict=True))

    @property
    def held_ma(self) -> float | None:
        """What :meth:`hold_current` drives, None where the terminals decide."""
        return self._forced_ma

    @property
    def bleed_ohm(self) -> float:
        """Bleed resistor with its switch, Ohm."""
        return self._bleed_ohm

    # -- terminals, faults, the bench's hands -------------------------------------------------

    @property
    def terminals(self) -> tuple[Terminal, ...]:
        """What is connected at the node behind the FETs."""
        return self._terminals

    def connect(self, *terminals: Terminal) -> None:
        """Connect sources and loads, all in parallel."""
        self._terminals += terminals

    def disconnect(self, *terminals: Terminal) -> None:
        """Take sources and loads off again.

        Raises:
            ValueError: one of them is not connected.
        """
        for terminal in terminals:
            if terminal not in self._terminals:
                raise ValueError(f"terminal: {terminal!r} is not connected")
        self._terminals = tuple(one for one in self._terminals if one not in terminals)

    def cell(self, n: int) -> Cell:
        """Return cell `n`, the first is 1.

        Raises:
            ValueError: no such cell.
        """
        return self._cells[whole("cell", n, 1, len(self._cells)) - 1]

    def set_cell(
        self,
        n: int,
        *,
        soc: float | None = None,
        capacity_factor: float | None = None,
        resistance_factor: float | None = None,
        leak_ma: float | None = None,
    ) -> None:
        """Make cell `n` another cell: unbalanced, weak, or leaking; what is not given stays.

        Args:
            n: the first is 1.
            soc: its charge, SOC_FLOOR..SOC_CEILING.
            capacity_factor: of the pack's nominal capacity, 0.01..2; a weak cell has less.
            resistance_factor: of the tabled resistance, 0.01..1000; a weak cell has more.
            leak_ma: extra self-discharge, 0..1,000,000 mA.

        Raises:
            ValueError: no such cell, or a number out of its limits; the field is named.
        """
        cell = self.cell(n)
        mah, mwh = cell.stored_mah, cell.stored_mwh
        new_soc = cell.soc if soc is None else number("soc", soc, *SOC_LIMITS)
        capacity = cell.capacity_mah
        if capacity_factor is not None:
            capacity = self.capacity_mah * number("capacity_factor", capacity_factor, 0.01, 2.0)
        resistance = cell.resistance_factor
        if resistance_factor is not None:
            resistance = number(
                "resistance_factor", resistance_factor, *CELL_LIMITS["resistance_factor"]
            )
        leak = cell.leak_ma
        if leak_ma is not None:
            leak = number("leak_ma", leak_ma, *CELL_LIMITS["leak_ma"])
        cell.soc, cell.capacity_mah = new_soc, capacity
        cell.resistance_factor, cell.leak_ma = resistance, leak
        self._prime(self._dt_s)
        self.books.bench_mah += cell.stored_mah - mah
        self.books.bench_mwh += cell.stored_mwh - mwh

    def set_ntc(self, n: int, state: str) -> None:
        """Make NTC `n` `ok`, `open` or `short`; the first is 1.

        Raises:
            ValueError: no such NTC or state.
        """
        index = whole("ntc", n, 1, len(self._ntc_states)) - 1
        self._ntc_states[index] = text("ntc state", state, NTC_STATES)
        self._pin_ntcs()

    def set_temperatures(self, ntc_dk: Sequence[int]) -> None:
        """Warm the cells under the NTCs to what these read, air and other cells to their mean.

        What an input without a probe reads opens that NTC; a reading that no cell can have is
        held. Fewer readings than NTCs leave the rest as they are.

        Raises:
            ValueError: more readings than NTCs.
        """
        if len(ntc_dk) > len(self._ntc_cells):
            raise ValueError(f"ntc_dk: {len(ntc_dk)} readings, there are {len(self._ntc_cells)}")
        warm = [dk for dk in ntc_dk if dk != NTC_OPEN_DK and DK_LIMITS[0] <= dk <= DK_LIMITS[1]]
        if warm:
            self.ambient_dk = sum(warm) / len(warm)
            for cell in self._cells:
                cell.temp_dk = self.ambient_dk
        for n, dk in enumerate(ntc_dk, start=1):
            if dk == NTC_OPEN_DK:
                self.set_ntc(n, "open")
            elif dk in warm:
                self._ntc_cells[n - 1].temp_dk = float(dk)
            else:
                self.hold_ntc(n, dk=dk)
        self._prime(self._dt_s)

    def hold_cell(self, n: int, *, mv: float) -> None:
        """Put a cell simulator in the place of cell `n`: exactly `mv`, whatever flows.

        The cell itself is disconnected meanwhile and keeps its charge.

        Raises:
            ValueError: no such cell, or a voltage outside 0..10,000 mV.
        """
        self.cell(n).held_mv = number("mv", mv, 0.0, 10_000.0)
        self._prime(self._dt_s)

    def release_cell(self, n: int) -> None:
        """Put cell `n` back in its place; without effect where it is not held.

        Raises:
            ValueError: no such cell.
        """
        self.cell(n).held_mv = None
        self._prime(self._dt_s)

    def hold_ntc(self, n: int, *, dk: int) -> None:
        """Let NTC `n` read `dk`, tenths of a kelvin, whatever the cells do.

        Raises:
            ValueError: no such NTC, or a reading outside 0..65,535.
        """
        index = whole("ntc", n, 1, len(self._ntc_states)) - 1
        self._ntc_held_dk[index] = whole("dk", dk, 0, 0xFFFF)
        self._pin_ntcs()

    def release_ntc(self, n: int) -> None:
        """Let NTC `n` follow its cell again.

        Raises:
            ValueError: no such NTC.
        """
        self._ntc_held_dk[whole("ntc", n, 1, len(self._ntc_states)) - 1] = None
        self._pin_ntcs()

    def _pin_ntcs(self) -> None:
        """Gather what each NTC reads whatever its cell does: held first, then open and shorted."""
        pinned = {"ok": None, "open": NTC_OPEN_DK, "short": NTC_SHORT_DK}
        self._ntc_pinned_dk = tuple(
            held if held is not None else pinned[state]
            for held, state in zip(self._ntc_held_dk, self._ntc_states, strict=True)
        )

    def hold_current(self, ma: float) -> None:
        """Drive this current, positive charging, instead of what the terminals would.

        FETs and diodes still have their say: a current that neither lets through is nothing.

        Raises:
            ValueError: outside -10,000,000..10,000,000 mA.
        """
        self._forced_ma = number("ma", ma, -1e7, 1e7)

    def release_current(self) -> None:
        """Give the pack back to its terminals."""
        self._forced_ma = None

    @property
    def load_ma(self) -> float:
        """What the outside would draw from the pack if its FETs were on, mA; 0 for nothing.

        What a board's load detection looks for while its FETs are off; a charger beside the load
        does not hide it.
        """
        if self._forced_ma is not None:
            return max(-self._forced_ma, 0.0)
        voltage_mv = self._emf_mv
        return sum(
            max(-branch_ma(terminal.branch(self.time_s, voltage_mv), voltage_mv), 0.0)
            for terminal in self._terminals
        )

    # -- over a restart ------------------------------------------------------------------------

    def state(self) -> dict[str, object]:
        """Return what must be kept over a restart, as JSON takes it.

        Cells with their faults, clock, books and NTC faults; not what a bench holds, and not the
        terminals, which have a `state` of their own.
        """
        return {
            "time_s": self.time_s,
            "ambient_dk": self.ambient_dk,
            "node_mv": self.node_mv,
            "cells": [cell.state() for cell in self._cells],
            "ntcs": list(self._ntc_states),
            "books": self.books.as_dict(),
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Take over what `state` gave; the same steps then give the same numbers to the last bit.

        Raises:
            ValueError: a field is missing, of another pack, or out of its limits; it is named.
                Nothing has been changed then.
        """
        cells = items("cells", state.get("cells"))
        if len(cells) != len(self._cells):
            raise ValueError(f"cells: {len(cells)} saved, the pack has {len(self._cells)}")
        saved = [_cell_state(index, cell) for index, cell in enumerate(cells, start=1)]
        ntcs = [text("ntcs", one, NTC_STATES) for one in items("ntcs", state.get("ntcs"))]
        if len(ntcs) != len(self._ntc_states):
            raise ValueError(f"ntcs: {len(ntcs)} saved, the pack has {len(self._ntc_states)}")
        totals = {
            name: number(f"books {name}", value, -1e300, 1e300)
            for name, value in table("books", state.get("books")).items()
        }
        time_s = number("time_s", state.get("time_s"), 0.0, 1e12)
        ambient_dk = number("ambient_dk", state.get("ambient_dk"), *DK_LIMITS)
        node_mv = number("node_mv", state.get("node_mv"), -1e9, 1e9)
        for target, values in zip(self._cells, saved, strict=True):
            for name, value in values.items():
                setattr(target, name, value)
        self.time_s, self.ambient_dk, self.node_mv = time_s, ambient_dk, node_mv
        self.current_ma = 0.0
        self._ntc_states = ntcs
        self._pin_ntcs()
        self.books.load(totals)
        self._prime(self._dt_s)


def _cell_state(index: int, state: object) -> dict[str, float]:
    values = table(f"cell {index}", state)
    return {
        name: number(f"cell {index} {name}", values.get(name), *CELL_LIMITS[name])
        for name in STATE_FIELDS
    }


def _within_three(rng: random.Random) -> float:
    return min(max(rng.gauss(0.0, 1.0), -3.0), 3.0)
