"""The circuit of a pack and its step: cells in series, FETs with body diodes, bleed resistors."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from ._books import Books
from ._cell import Cell
from ._chemistry import (
    COLDEST_DK,
    DIODE_MV,
    GRID,
    HEAT_FACTOR,
    HOTTEST_DK,
    HYSTERESIS_RATE,
    PATH_OHM,
    RC_S,
    SOC_CEILING,
    SOC_FLOOR,
    STEPS_PER_SOC,
    ocv_mv,
)
from ._circuit import INFINITY, LEAK, Branch, branch_ma, solve_node
from ._limits import number
from ._terminals import Terminal

DK_LIMITS: Final = (2231.0, 4231.0)  # -50..150 degC

_TURNS: Final = 20
_AGREED_MV: Final = 0.01
_BOILING_DK: Final = HOTTEST_DK - 10.0  # where the temperature model ends; 225 degC


class Sample(NamedTuple):
    """What the board's front end measures, in its own integers.

    Attributes:
        cell_mv: cell 1 first; a cell driven below nothing reads 0.
        pack_mv: sum of the cells.
        current_ma: through the shunt, positive when charging.
        ntc_dk: tenths of a kelvin; 2731 is 0 degC. Open reads 2431, shorted 4231.

    Source: units vendor document; open NTC captured; shorted NTC assumed.
    """

    cell_mv: tuple[int, ...]
    pack_mv: int
    current_ma: int
    ntc_dk: tuple[int, ...]


class CellString:
    """Cells in series between two FETs and the terminals outside; Pack adds hands and memory.

    Args:
        cells: cell 1 first.
        ambient_dk: temperature of the air.
        bleed_ohm: bleed resistor with its switch.
        start_s: where the clock starts.
        ntc_cells: the cells that NTCs sit on, NTC 1 first.
    """

    __slots__ = (
        "_ambient_dk",
        "_bleed_ohm",
        "_bleeding",
        "_cells",
        "_dt_s",
        "_emf_mv",
        "_forced_ma",
        "_free",
        "_give",
        "_held_mv",
        "_keep",
        "_ntc_cells",
        "_ntc_pinned_dk",
        "_ohm",
        "_terminals",
        "books",
        "current_ma",
        "node_mv",
        "time_s",
    )

    def __init__(
        self,
        cells: Sequence[Cell],
        ambient_dk: float,
        bleed_ohm: float,
        start_s: float,
        ntc_cells: Sequence[Cell],
    ) -> None:
        self._cells = tuple(cells)
        self._ambient_dk = ambient_dk
        self._bleed_ohm = bleed_ohm
        self.time_s = start_s
        self._ntc_cells = tuple(ntc_cells)
        self._ntc_pinned_dk: tuple[int | None, ...] = (None,) * len(self._ntc_cells)
        self._terminals: tuple[Terminal, ...] = ()
        self._forced_ma: float | None = None
        self._free: tuple[Cell, ...] = self._cells
        self._bleeding = 0
        self._dt_s = self._keep = self._give = 0.0
        self._emf_mv = self._ohm = self._held_mv = 0.0
        self.books = Books()
        self.current_ma = 0.0
        self._prime(1.0)
        self.node_mv = self._emf_mv

    @property
    def voltage_mv(self) -> float:
        """Voltage across the cells at the end of the last step, mV."""
        return sum(cell.voltage_mv for cell in self._cells)

    @property
    def ambient_dk(self) -> float:
        """Temperature of the air, tenths of a kelvin; settable within 2231..4231.

        Raises:
            ValueError: set outside -50..150 degC; Celsius and kelvin are caught by that.
        """
        return self._ambient_dk

    @ambient_dk.setter
    def ambient_dk(self, ambient_dk: float) -> None:
        self._ambient_dk = number("ambient_dk", ambient_dk, *DK_LIMITS)

    def step(
        self, dt_s: float, *, charge_fet: bool, discharge_fet: bool, bleed_mask: int = 0
    ) -> Sample:
        """Advance by `dt_s` seconds and return what the front end measures at the end.

        Args:
            dt_s: above 0, at most 3600 s; a second or less where the knees matter.
            charge_fet: on; off it blocks charging, its body diode still lets discharge through.
            discharge_fet: on; off it blocks discharge, its body diode still lets charging through.
            bleed_mask: bit 0 is cell 1; its bleed resistor is across the cell.

        Raises:
            ValueError: a step out of its limits.

        Source: circuit and tables; body diode drop assumed.
        """
        if dt_s != self._dt_s:
            self._prime(number("dt_s", dt_s, 1e-6, 3600.0))
        if bleed_mask or self._bleeding:
            self._bleed(bleed_mask)
        current, drop = self._flow(dt_s, charge_fet, discharge_fet)
        self._advance(current, dt_s)
        voltage = 0.0
        for cell in self._cells:
            voltage += cell.voltage_mv
        self.time_s += dt_s
        self.current_ma = current
        if current:
            across = current * PATH_OHM
            self.node_mv = voltage + across + drop
            self._post(current, across * current, drop * current, dt_s / 3_600_000.0)
        return self._measure(voltage)

    def sample(self) -> Sample:
        """Return what the front end measures now, without a step."""
        return self._measure(self.voltage_mv)

    def _measure(self, voltage_mv: float) -> Sample:
        cell_mv = tuple([int(cell.voltage_mv + 0.5) for cell in self._cells])
        if min(cell_mv) < 0:
            cell_mv = tuple([max(mv, 0) for mv in cell_mv])
        ntc_dk = tuple(
            [
                int(cell.temp_dk + 0.5) if pinned is None else pinned
                for cell, pinned in zip(self._ntc_cells, self._ntc_pinned_dk, strict=True)
            ]
        )
        return Sample(cell_mv, max(int(voltage_mv + 0.5), 0), round(self.current_ma), ntc_dk)

    def _flow(self, dt_s: float, charge_fet: bool, discharge_fet: bool) -> tuple[float, float]:
        """Return the current, mA, and the diode drop on its way, mV with the current's sign."""
        if charge_fet and discharge_fet:
            drop, low, high = 0.0, -INFINITY, INFINITY
        elif discharge_fet:
            drop, low, high = -DIODE_MV, 0.0, INFINITY  # out only, through the charge FET's diode
        elif charge_fet:
            drop, low, high = DIODE_MV, -INFINITY, 0.0  # in only, through the discharge FET's
        else:
            drop, low, high = 0.0, 0.0, 0.0
        forced = self._forced_ma
        if forced is not None:
            self.node_mv = self._emf_mv + drop
            return -min(max(-forced, low), high), drop
        pack = Branch(self._emf_mv + drop, 1.0 / self._ohm, low, high)
        terminals = self._terminals
        time_s = self.time_s
        node = self.node_mv
        follows = False
        branches = [pack, LEAK]
        for terminal in terminals:
            branches.append(terminal.branch(time_s, node))
            follows = follows or terminal.follows_node
        node = solve_node(branches, node)
        if follows:
            node = self._agree(branches, node)
        self.node_mv = node
        for index, terminal in enumerate(terminals, start=2):
            terminal.settle(time_s, dt_s, node, branch_ma(branches[index], node))
        # `+ 0.0` turns the -0.0 of a blocked path into nothing.
        return -branch_ma(pack, node) + 0.0, drop

    def _agree(self, branches: list[Branch], node_mv: float) -> float:
        """Solve again until terminals that ask for the node voltage have been given the right one.

        A load beyond what the pack can give never agrees; the turns then end it as it stands.
        """
        for _ in range(_TURNS):
            for index, terminal in enumerate(self._terminals, start=2):
                if terminal.follows_node:
                    branches[index] = terminal.branch(self.time_s, node_mv)
            before, node_mv = node_mv, solve_node(branches, node_mv)
            if abs(node_mv - before) < _AGREED_MV:
                break
        return node_mv

    def _advance(self, current: float, dt_s: float) -> None:
        """Move every cell by one step and gather what the next solution needs.

        One long loop without calls: it runs for every cell of every simulated second. Each cell
        starts from the resistances of its last state, ends with those of its new one.
        """
        keep, give, ambient = self._keep, self._give, self._ambient_dk
        grid, heat_factor = GRID, HEAT_FACTOR
        emf_sum, ohm_sum = self._held_mv, PATH_OHM
        ohmic = paired = hysteretic = drained = drained_ma = 0.0
        for cell in self._free:
            drain = cell.drain_ma
            through = current - drain
            per_ma = cell.soc_per_ma
            old = cell.soc
            soc = old + through * per_ma
            if not SOC_FLOOR <= soc <= SOC_CEILING:
                soc = self._overrun(cell, soc)
            x = (soc - SOC_FLOOR) * STEPS_PER_SOC
            index = int(x)
            ocv, step, reach, ohm_mah, polar_mah = grid[index]
            # Implicit, so that h stays within -1..1 for a step of any size.
            turn = HYSTERESIS_RATE * (soc - old)
            h = (cell.hysteresis + turn) / (1.0 + (turn if turn > 0.0 else -turn))
            over = reach * h
            emf = ocv + step * (x - index) + over
            ohm = cell.ohm
            polar = cell.polar_ohm
            rc = cell.rc_mv * keep + through * polar * give
            voltage = emf + rc + through * ohm
            heat = through * through * ohm
            pair = rc * rc / polar
            temp = cell.temp_dk
            temp += (heat + pair) * cell.heating + (ambient - temp) * cell.cooling
            if temp > _BOILING_DK:
                temp = _BOILING_DK
            factor = heat_factor[int((temp - COLDEST_DK) * 0.1)] * cell.scale
            cell.soc = soc
            cell.hysteresis = h
            cell.rc_mv = rc
            cell.emf_mv = emf
            cell.voltage_mv = voltage
            cell.temp_dk = temp
            cell.ohm = ohm = ohm_mah * factor
            cell.polar_ohm = polar = polar_mah * factor
            emf_sum += emf + rc * keep
            ohm_sum += ohm + polar * give + step * STEPS_PER_SOC * per_ma
            ohmic += heat
            paired += pair
            hysteretic += over * through
            drained += voltage * drain
            drained_ma += drain
        self._emf_mv, self._ohm = emf_sum, ohm_sum
        hours = dt_s / 3600.0
        books = self.books
        to_mwh = hours / 1000.0
        books.ohmic_mwh += ohmic * to_mwh
        books.rc_mwh += paired * to_mwh
        books.hysteresis_mwh += hysteretic * to_mwh
        books.self_discharge_mwh += drained * to_mwh
        books.self_discharge_mah += drained_ma * hours
        if self._bleeding:
            self._post_bleed(hours)
        if len(self._free) != len(self._cells):
            self._post_held(current, hours)

    def _overrun(self, cell: Cell, soc: float) -> float:
        """Hold a state of charge within its bounds; what goes beyond them is a side reaction."""
        bound = min(max(soc, SOC_FLOOR), SOC_CEILING)
        excess_mah = (soc - bound) * cell.capacity_mah
        self.books.side_mah += excess_mah
        # On the mean curve: the step books the hysteresis of the whole current by itself.
        self.books.side_mwh += excess_mah * ocv_mv(bound) / 1000.0
        return bound

    def _bleed(self, mask: int) -> None:
        """Put the bleed resistors across the masked cells.

        At the voltage without the ohmic drop: it follows from what `state` keeps, the drop of
        the last step does not.
        """
        for index, cell in enumerate(self._cells):
            if mask >> index & 1:
                cell.drain_ma = cell.shelf_ma + max(cell.emf_mv + cell.rc_mv, 0.0) / self._bleed_ohm
            else:
                cell.drain_ma = cell.shelf_ma
        self._bleeding = mask

    def _post_bleed(self, hours: float) -> None:
        """Move what the bleed resistors took from one account to the other."""
        books = self.books
        for cell in self._free:
            bled_ma = cell.drain_ma - cell.shelf_ma
            if bled_ma:
                mah, mwh = bled_ma * hours, cell.voltage_mv * bled_ma * hours / 1000.0
                books.self_discharge_mah -= mah
                books.bleed_mah += mah
                books.self_discharge_mwh -= mwh
                books.bleed_mwh += mwh

    def _post_held(self, current: float, hours: float) -> None:
        """Book what cell simulators gave; they take it from nowhere in the pack."""
        held = len(self._cells) - len(self._free)
        self.books.bench_mah -= current * hours * held
        self.books.bench_mwh -= current * hours * self._held_mv / 1000.0

    def _post(self, current: float, path_uw: float, diode_uw: float, to_mwh: float) -> None:
        """Book what passed the terminals, and the heat on its way."""
        books = self.books
        books.path_mwh += path_uw * to_mwh
        books.diode_mwh += diode_uw * to_mwh
        if current > 0.0:
            books.charged_mah += current * to_mwh * 1000.0
            books.charged_mwh += current * self.node_mv * to_mwh
        else:
            books.discharged_mah -= current * to_mwh * 1000.0
            books.discharged_mwh -= current * self.node_mv * to_mwh

    def _prime(self, dt_s: float) -> None:
        """Work out from the cells what the next step of `dt_s` needs."""
        self._keep = math.exp(-dt_s / RC_S)
        self._give = 1.0 - self._keep
        self._free = tuple(cell for cell in self._cells if cell.held_mv is None)
        self._held_mv = 0.0
        for cell in self._cells:
            if cell.held_mv is not None:
                self._held_mv += cell.held_mv
                cell.voltage_mv = cell.held_mv
        emf_sum, ohm_sum = self._held_mv, PATH_OHM
        for cell in self._free:
            knee_ohm = cell.prime(dt_s)
            emf_sum += cell.emf_mv + cell.rc_mv * self._keep
            ohm_sum += cell.ohm + cell.polar_ohm * self._give + knee_ohm
            cell.voltage_mv = cell.emf_mv + cell.rc_mv
        self._emf_mv, self._ohm = emf_sum, ohm_sum
        self._dt_s = dt_s
        self._bleeding = 0  # priming puts the drains back to the shelf's
