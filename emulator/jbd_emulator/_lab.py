"""The board's second door: what a person at the bench does to the pack, not over the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .plant import CcCvSupply, ConstantCurrentLoad, Terminal

if TYPE_CHECKING:
    from ._device import Device


class Lab:
    """Loads, chargers and faults of the pack behind one board."""

    __slots__ = ("_charger", "_device", "_load", "charger", "load_ma")

    def __init__(self, device: Device) -> None:
        self._device = device
        self._load: Terminal | None = None
        self._charger: Terminal | None = None
        self.load_ma = 0.0
        """What :meth:`set_load` draws, 0 for nothing."""
        self.charger: tuple[float, float] | None = None
        """Voltage in mV and current in mA of :meth:`set_charger`, None where none is connected."""

    def set_load(self, current_ma: float) -> None:
        """Draw ``current_ma`` from the pack's terminals; 0 disconnects.

        Raises:
            ValueError: the current is negative or beyond what the model holds.
        """
        load = ConstantCurrentLoad(current_ma) if current_ma else None
        self._swap(self._load, load)
        self._load, self.load_ma = load, current_ma

    def set_charger(self, voltage_mv: float, current_ma: float) -> None:
        """Connect a supply limited in voltage and current; a current of 0 disconnects.

        Raises:
            ValueError: a value is out of range.
        """
        charger = CcCvSupply(voltage_mv, current_ma) if current_ma else None
        self._swap(self._charger, charger)
        self._charger = charger
        self.charger = (voltage_mv, current_ma) if charger is not None else None

    def set_front_end_fault(self, present: bool) -> None:
        """Let the front-end chip fail, or work again: protection bit 11."""
        self._device.monitor.front_end_fault = present

    def set_switch(self, closed: bool) -> None:
        """Close or open the external switch that function bit 0 lets the board obey."""
        self._device.monitor.switch_closed = closed

    def hold_cell(self, number: int, mv: float) -> None:
        """Hold cell ``number``, counted from 1, at a voltage, as a cell simulator does."""
        self._device.pack.hold_cell(number, mv=mv)

    def release_cell(self, number: int) -> None:
        """Let the cell live by itself again."""
        self._device.pack.release_cell(number)

    def _swap(self, old: Terminal | None, new: Terminal | None) -> None:
        pack = self._device.pack
        if old is not None:
            pack.disconnect(old)
        if new is not None:
            pack.connect(new)
