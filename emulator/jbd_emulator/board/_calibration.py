"""Calibration: what the board makes of what its front end gives, channel by channel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..plant import Sample

_MOST: Final = 0xFFFF
_LIMITS: Final = {"gain": (0.0, 1e6), "offset": (-1e7, 1e7)}


class Calibration:
    """Corrections of one board; a new one changes nothing.

    Cells and currents are corrected by a factor, NTCs and the current at rest by a difference
    (assumed; that a written value is what is measured from then on: reported, BMS-Tools).
    """

    __slots__ = ("_cell_gains", "_charge_gain", "_discharge_gain", "_idle_ma", "_ntc_offsets")

    def __init__(self) -> None:
        self._cell_gains: dict[int, float] = {}
        self._ntc_offsets: dict[int, float] = {}
        self._idle_ma = 0.0
        self._charge_gain = self._discharge_gain = 1.0

    def apply(self, raw: Sample) -> Sample:
        """Return what the board takes for measured."""
        cell_mv, pack_mv, ntc_dk = raw.cell_mv, raw.pack_mv, raw.ntc_dk
        if self._cell_gains:
            gains = self._cell_gains
            cell_mv = tuple(_held(mv * gains.get(n, 1.0)) for n, mv in enumerate(cell_mv))
            pack_mv = sum(cell_mv)
        if self._ntc_offsets:
            offsets = self._ntc_offsets
            ntc_dk = tuple(_held(dk + offsets.get(n, 0.0)) for n, dk in enumerate(ntc_dk))
        ma = raw.current_ma + self._idle_ma
        ma *= self._charge_gain if ma > 0 else self._discharge_gain
        return Sample(cell_mv, pack_mv, round(ma), ntc_dk)

    def cell(self, index: int, raw: Sample, mv: int) -> None:
        """Take ``mv`` for what cell ``index`` has; without effect where either is nothing."""
        if mv and raw.cell_mv[index]:
            self._cell_gains[index] = mv / raw.cell_mv[index]

    def ntc(self, index: int, raw: Sample, dk: int) -> None:
        """Take ``dk`` for what NTC ``index`` has."""
        self._ntc_offsets[index] = float(dk - raw.ntc_dk[index])

    def idle(self, raw: Sample, ma: int) -> None:
        """Take ``ma``, usually nothing, for the current that flows."""
        self._idle_ma = float(ma - raw.current_ma)

    def charge(self, raw: Sample, ma: int) -> bool:
        """Take ``ma`` for the charge current; return False where none flows."""
        flows = raw.current_ma + self._idle_ma
        if flows <= 0 or not ma:
            return False
        self._charge_gain = ma / flows
        return True

    def discharge(self, raw: Sample, ma: int) -> bool:
        """Take ``ma``, positive, for the discharge current; return False where none flows."""
        flows = raw.current_ma + self._idle_ma
        if flows >= 0 or not ma:
            return False
        self._discharge_gain = ma / -flows
        return True

    def state(self) -> dict[str, object]:
        """Return what must survive power-off, as JSON takes it."""
        return {
            "cell_gains": {str(n): gain for n, gain in self._cell_gains.items()},
            "ntc_offsets": {str(n): offset for n, offset in self._ntc_offsets.items()},
            "idle_ma": self._idle_ma,
            "charge_gain": self._charge_gain,
            "discharge_gain": self._discharge_gain,
        }

    @classmethod
    def restored(cls, state: Mapping[str, object]) -> Calibration:
        """Return what :meth:`state` gave.

        Raises:
            ValueError: a field is missing or out of its limits; it is named.
        """
        new = cls()
        new._cell_gains = _by_channel(state, "cell_gains", "gain")
        new._ntc_offsets = _by_channel(state, "ntc_offsets", "offset")
        new._idle_ma = finite(state, "idle_ma", *_LIMITS["offset"])
        new._charge_gain = finite(state, "charge_gain", *_LIMITS["gain"])
        new._discharge_gain = finite(state, "discharge_gain", *_LIMITS["gain"])
        return new


def finite(state: Mapping[str, object], name: str, low: float, high: float) -> float:
    """Return a number of a saved state.

    Raises:
        ValueError: missing, not a number, or not within ``low`` and ``high``; it is named.
    """
    value = state.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise ValueError(f"{name} {value!r}: must be a number, {low:g} to {high:g}")
    return float(value)


def _by_channel(state: Mapping[str, object], name: str, kind: str) -> dict[int, float]:
    channels = state.get(name)
    if not isinstance(channels, Mapping) or not all(str(n).isdecimal() for n in channels):
        raise ValueError(f"{name}: must be numbers by channel")
    return {int(n): finite(channels, n, *_LIMITS[kind]) for n in channels}


def _held(value: float) -> int:
    return min(max(round(value), 0), _MOST)
