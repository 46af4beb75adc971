"""Which cells are bled: the passive balancing that the settings ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ._limits import Limits

SWAP_S: Final = 10.0
"""How long one of two neighbours is bled before the other, in seconds. Assumed."""
_ODD: Final = 0x5555_5555
_EVEN: Final = 0xAAAA_AAAA


class Balancer:
    """Chooses cells once a tick.

    A cell is bled that is at or above the start voltage and above the lowest by the window or
    more (vendor document: JBD, explanation of terms and FAQ). Neighbours are never bled at once:
    the front end's pins would leave their limits (vendor document: TI BQ769x0 data sheet); odd
    and even cells then take turns, the groups of the balance test 0xE2 (the turns: assumed).
    Whether the board bleeds without a charging current is bit 3 of 0x2D; with the bit clear it
    does whatever flows (reported: Overkill manual; JBD's own terms say: only at rest).
    """

    __slots__ = ("_turn_s",)

    def __init__(self) -> None:
        self._turn_s = 0.0

    def mask(
        self, limits: Limits, cell_mv: Sequence[int], low_mv: int, current_ma: int, dt_s: float
    ) -> int:
        """Return the cells to bleed until the next tick, bit 0 is cell 1.

        Called only where the highest cell has reached the start voltage and balancing is on.
        """
        if limits.only_charging and current_ma <= 0:
            return 0
        least_mv = max(limits.balance_start_mv, low_mv + limits.balance_window_mv)
        wanted = 0
        for index, mv in enumerate(cell_mv):
            if mv >= least_mv and mv > low_mv:
                wanted |= 1 << index
        if not wanted & wanted << 1:
            return wanted
        self._turn_s = (self._turn_s + dt_s) % (2 * SWAP_S)
        return wanted & (_ODD if self._turn_s < SWAP_S else _EVEN)
