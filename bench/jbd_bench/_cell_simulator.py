"""What drives a board's cells, probes and current: a lab's cell simulator, or the plant.

A suite that trips protections says what the board shall measure, and leaves to this seam how
that comes about. On the emulator the plant does it. A lab with a cell simulator, an NTC decade
and a current source writes a class with the four methods and hands it out from the hook
``pytest_jbd_cell_simulator`` (see ``_hooks.py``)::

    # mylab.py, used as: pytest -p mylab --pyargs jbd_bench.suites.protections --target serial:...
    def pytest_jbd_cell_simulator(target):
        return MyCellSimulator("GPIB0::5")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from jbd_emulator import Device, Pack

    from ._link import Clock


class NotPossible(Exception):
    """The equipment cannot do what was asked; the message says what. The test is skipped."""


class CellSimulator(Protocol):
    """Equipment in the place of the pack.

    Attributes:
        cells: how many cells it gives the board.
        ntcs: how many probes.
        settle_s: seconds from a call until the board can have measured it, 0 for none. Delays
            are judged with that much slack.

    Equipment around an emulated board that lives faster than the clock (``jbd-emulator serve
    --speed 10``) may have an attribute ``pace``, 10 then: every wait is shortened by it, and
    ``settle_s`` counts in the board's seconds.
    """

    @property
    def cells(self) -> int: ...
    @property
    def ntcs(self) -> int: ...
    @property
    def settle_s(self) -> float: ...

    def hold_cells(self, mv: Sequence[int]) -> None:
        """Give every cell its voltage, cell 1 first, all at once; raises NotPossible."""

    def hold_ntcs(self, dk: Sequence[int]) -> None:
        """Give every probe its temperature, tenths of a kelvin; raises NotPossible."""

    def hold_current(self, ma: int) -> None:
        """Drive a current, charging positive, as far as the FETs let it; raises NotPossible.

        A discharge current is a load that stays connected until the next call.
        """

    def release(self) -> None:
        """Go back to a state in which nothing can happen to the board."""


class PowerSwitch(Protocol):
    """What can take the supply of a board away."""

    def cycle(self) -> None:
        """Take it away and give it back; return when the board is up again."""


class PlantSimulator:
    """The emulator's own plant as the equipment.

    Args:
        device: the emulated board, ``unit.device``.
        clock: of the link to it. The board lives up to the present before anything is held: it
            would otherwise meet what is held now in the time before.
    """

    settle_s = 0.0

    def __init__(self, device: Device, clock: Clock) -> None:
        self._device, self._clock = device, clock

    @property
    def _pack(self) -> Pack:
        self._device.advance_to(self._clock.now_s())
        return self._device.pack

    @property
    def cells(self) -> int:
        """How many cells the pack has."""
        return len(self._device.pack.cells)

    @property
    def ntcs(self) -> int:
        """How many probes it has."""
        return len(self._device.pack.sample().ntc_dk)

    def hold_cells(self, mv: Sequence[int]) -> None:
        """Hold every cell at its voltage."""
        pack = self._pack
        for number, one in enumerate(mv, start=1):
            pack.hold_cell(number, mv=one)

    def hold_ntcs(self, dk: Sequence[int]) -> None:
        """Hold every probe at its temperature."""
        pack = self._pack
        for number, one in enumerate(dk, start=1):
            pack.hold_ntc(number, dk=one)

    def hold_current(self, ma: int) -> None:
        """Drive a current."""
        self._pack.hold_current(ma)

    def release(self) -> None:
        """Give the pack back to itself."""
        pack = self._pack
        for number in range(1, self.cells + 1):
            pack.release_cell(number)
        for number in range(1, self.ntcs + 1):
            pack.release_ntc(number)
        pack.release_current()
