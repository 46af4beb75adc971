"""The bench's language: hold something, let time pass, look at 0x03 and 0xAA over the wire."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from jbd_protocol import Fets, Protection, Quantity

from ..._cell_simulator import CellSimulator
from ..._client import BmsClient
from ._table import READ, Guarded, UnitSettings, bind

TICK_S: Final = 1.0
"""How often a board measures and decides, in seconds. Captured values change once a second."""
BOTH: Final = Fets.CHARGE | Fets.DISCHARGE
_GUARDS: Final = Protection(0x0FFF)  # what protections raise; the software lock is a command
_CALM_S: Final = 80


class Seen(NamedTuple):
    """What a board says at one moment.

    Attributes:
        bits: protections of 0x03, the software lock and above left out.
        fets: which of the two are on.
        balancing: cells that are bled, counted from 1.
        counts: words of 0xAA.
    """

    bits: Protection
    fets: Fets
    balancing: tuple[int, ...]
    counts: tuple[int, ...]


def settings_of(client: BmsClient) -> UnitSettings:
    """Read what a unit holds, in factory mode."""
    values: dict[str, Quantity] = {}
    with client.factory_mode():
        for address in READ:
            values |= client.setting(address)
    return bind(values)


def look(client: BmsClient) -> Seen:
    """Read 0x03 and 0xAA."""
    info = client.basic_info()
    counts = client.error_counters().counts
    return Seen(info.protections & _GUARDS, info.fets & BOTH, info.balancing_cells, counts)


class Bench:
    """A board, its settings, and hands on its cells.

    Args:
        client: the board, its PIN presented where it has one.
        cells: what drives cells, probes and current.
    Attributes:
        settings: the unit's own, read over the wire.
        slack_s: how much later or earlier than its delay something may happen: nothing on the
            emulator, whose time is exact; a tick and the settling of the equipment elsewhere.
    """

    def __init__(self, client: BmsClient, cells: CellSimulator, *, exact: bool) -> None:
        self.client, self.cells = client, cells
        self.slack_s = 0.0 if exact else TICK_S + cells.settle_s
        self.settings = settings_of(client)
        self._pace = float(getattr(cells, "pace", 1.0))
        self._standing: set[str] = set()
        self._cell_mv = [0] * cells.cells
        self._ntc_dk = [0] * cells.ntcs
        self._current_ma = 0

    def write_settings(self, fields: Mapping[str, tuple[int, int]]) -> None:
        """Write fields of settings, ``{name: (address, value)}``, unsaved, and read them back."""
        with self.client.factory_mode():
            for name, (address, value) in fields.items():
                self.client.write_setting(address, **{name: value})
        self.settings = settings_of(self.client)

    # -- hands -------------------------------------------------------------------------------

    def calm(self) -> None:
        """Bring everything to where no protection minds, and wait until the board agrees."""
        for quantity in ("cell", "ntc"):
            low, high = self._calm_range(quantity)
            assert low < high, f"the settings leave no calm {quantity}: {low} to {high}"
            self._hold(quantity, (low + high) // 2)
        self.hold("current", 0)
        for _ in range(_CALM_S):
            self.wait(TICK_S)
            seen = self.look()
            if not seen.bits and seen.fets == BOTH:
                self._standing.clear()
                return
        raise AssertionError(f"the board does not calm down: {seen}")

    def hold(self, quantity: str, value: int) -> None:
        """Bring one quantity to a value, of several cells or probes the last one's."""
        if quantity == "pack":
            each, rest = divmod(value, len(self._cell_mv))
            self._cell_mv = [each + (n < rest) for n in range(len(self._cell_mv))]
            self.cells.hold_cells(self._cell_mv)
        elif quantity == "cell":
            self._cell_mv[-1] = value
            self.cells.hold_cells(self._cell_mv)
        elif quantity == "ntc":
            self._ntc_dk[-1] = value
            self.cells.hold_ntcs(self._ntc_dk)
        else:
            self._current_ma = value
            self.cells.hold_current(value)
        self._note()

    def hold_cells(self, mv: Sequence[int]) -> None:
        """Bring all cells to voltages."""
        self._cell_mv = list(mv)
        self.cells.hold_cells(self._cell_mv)
        self._note()

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        clock = self.client.link.clock
        clock.sleep_until(clock.now_s() + seconds / self._pace)

    def align(self) -> None:
        """Go to the end of a tick, where that can be known: on the emulator."""
        if not self.slack_s:
            clock = self.client.link.clock
            clock.sleep_until(float(math.ceil(clock.now_s())))

    # -- eyes --------------------------------------------------------------------------------

    def look(self) -> Seen:
        """Read 0x03 and 0xAA."""
        return look(self.client)

    def explained(self) -> Protection:
        """Return the bits that what was held is a reason for: passed and not released since."""
        bits = Protection(0)
        for name in self._standing:
            bits |= self.settings.guarded[name].row.bit
        return bits

    def overtaken_s(self, one: Guarded) -> float:
        """Return when another level of the same bit would trip at what is held, in seconds."""
        return min(
            (
                other.delay_s
                for other in self.settings.guarded.values()
                if other is not one
                and other.row.bit == one.row.bit
                and any(other.passed(value) for value in self._values(other.row.quantity))
            ),
            default=math.inf,
        )

    def _note(self) -> None:
        """Remember which protections have a reason to stand."""
        for name, one in self.settings.guarded.items():
            values = self._values(one.row.quantity)
            if any(one.passed(value) for value in values):
                self._standing.add(name)
            elif one.row.release and all(one.released(value) for value in values):
                self._standing.discard(name)

    def _values(self, quantity: str) -> Sequence[int]:
        if quantity == "cell":
            return self._cell_mv
        if quantity == "ntc":
            return self._ntc_dk
        return (sum(self._cell_mv),) if quantity == "pack" else (self._current_ma,)

    def _hold(self, quantity: str, value: int) -> None:
        if quantity == "cell":
            self.hold_cells([value] * len(self._cell_mv))
        else:
            self._ntc_dk = [value] * len(self._ntc_dk)
            self.cells.hold_ntcs(self._ntc_dk)

    def _calm_range(self, quantity: str) -> tuple[int, int]:
        """Return the bounds within which all protections of a quantity are released."""
        low, high = 0, 0xFFFF
        share = {quantity: 1, "pack": len(self._cell_mv)} if quantity == "cell" else {quantity: 1}
        for one in self.settings.guarded.values():
            if one.row.quantity not in share:
                continue
            bound = one.release // share[one.row.quantity]
            if one.row.side > 0:
                high = min(high, bound - 1)
            else:
                low = max(low, bound + 1)
        if quantity == "cell":
            high = min(high, self.settings.values["bal_start"] - 1)
        return low, high
