"""What the board believes is in the pack: counted charge, corrected at full and at empty."""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import Enum
from typing import Final

from ._limits import Limits

HOLD_S: Final = 10.0
"""How long full or empty must be seen. Assumed: shorter than an absorption, longer than a load."""
TAIL_SHARE: Final = 0.05
"""Charge current below which full voltage means full, as a share of nominal. Assumed: C/20."""
GAIN_DEVIATION: Final = 0.002
OFFSET_DEVIATION_MA: Final = 2.0
"""Spread of the error of a board's charge counter. Assumed, of the order of a calibrated 0.1 mOhm
shunt with the TI front end's counter (8.44 uV a count)."""
_DEVIATIONS: Final = 3.0


class _Anchor(Enum):
    """The last point at which the board knew the charge."""

    NONE = "none"
    FULL = "full"
    EMPTY = "empty"


class Gauge:
    """Counts charge and learns capacity.

    Rules, all assumed where not said otherwise: a mean cell voltage of 0x12 with no more than
    the tail current flowing in means full; a lowest cell at 0x13 while discharging means empty;
    from one to the other what was counted is the capacity, held within 20 % of nominal (vendor
    document). The board's own consumption, 0x14, is taken off (vendor V11 in mA; BMS-Tools reads
    the same word as 0.1 % of self-discharge).

    Args:
        remaining_mah: what the board believes at first.
        learned: called with a new capacity in mAh.
        rng: where this board's counting error comes from; None counts without one.
    Attributes:
        remaining_mah: what the board believes is left.
        cycles_mah: discharge counted since the counter was new.
        gain, offset_ma: the counting error, a factor and a current.
    """

    __slots__ = (
        "_anchor", "_held_s", "_learned", "_since_mah", "cycles_mah", "gain", "offset_ma",
        "remaining_mah",
    )  # fmt: skip

    def __init__(
        self, remaining_mah: float, learned: Callable[[float], None], rng: random.Random | None
    ) -> None:
        self.remaining_mah = remaining_mah
        self.cycles_mah = 0.0
        self.gain, self.offset_ma = 1.0, 0.0
        if rng is not None:
            self.gain += GAIN_DEVIATION * _within(rng)
            self.offset_ma = OFFSET_DEVIATION_MA * _within(rng)
        self._learned = learned
        self.lose_track()

    def lose_track(self) -> None:
        """Forget when the pack was last full or empty, as a loss of power does."""
        self._anchor = _Anchor.NONE
        self._since_mah = self._held_s = 0.0

    def count(
        self, limits: Limits, current_ma: int, pack_mv: int, low_mv: int, dt_s: float
    ) -> None:
        """Count one tick."""
        hours = dt_s / 3600.0
        mah = (current_ma * self.gain + self.offset_ma - limits.drain_ma) * hours
        self._since_mah += mah
        left = self.remaining_mah + mah
        if left < 0.0:
            left = 0.0
        elif left > limits.full_mah:
            left = limits.full_mah
        self.remaining_mah = left
        if current_ma < 0:
            self.cycles_mah -= current_ma * hours
            if low_mv <= limits.empty_mv:
                self._end(_Anchor.EMPTY, limits, dt_s)
                return
        elif (
            pack_mv >= limits.full_mv * limits.cells
            and current_ma <= limits.nominal_mah * TAIL_SHARE
        ):
            self._end(_Anchor.FULL, limits, dt_s)
            return
        self._held_s = 0.0

    def estimate(self, limits: Limits, mean_mv: float) -> None:
        """Set the remaining capacity by voltage, along the 0, 10 .. 100 % points.

        Boards up to 0x16 have only the 20 % ones; theirs is the same line as long as the points
        between lie on it.
        """
        points = limits.points_mv
        share = 1.0
        if mean_mv < points[0]:
            share = 0.0
        elif mean_mv < points[-1]:
            step = max(n for n, mv in enumerate(points) if mv <= mean_mv)
            share = (step + (mean_mv - points[step]) / (points[step + 1] - points[step])) / 10
        self.remaining_mah = limits.full_mah * share
        self.lose_track()

    def _end(self, anchor: _Anchor, limits: Limits, dt_s: float) -> None:
        """Take the pack for full or empty, once it has looked so long enough."""
        self._held_s += dt_s
        if self._held_s < HOLD_S:
            return
        full_mah = limits.full_mah
        if _Anchor.NONE is not self._anchor is not anchor:
            least, most = limits.learn_mah
            full_mah = min(max(abs(self._since_mah), least), most)
            self._learned(full_mah)
        self.remaining_mah = full_mah if anchor is _Anchor.FULL else 0.0
        self._anchor, self._since_mah = anchor, 0.0


def _within(rng: random.Random) -> float:
    return min(max(rng.gauss(0.0, 1.0), -_DEVIATIONS), _DEVIATIONS)
