"""The hooks that the pytest plugin asks other plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ._cell_simulator import CellSimulator, PowerSwitch


@pytest.hookspec(firstresult=True)
def pytest_jbd_cell_simulator(target: str) -> CellSimulator | None:
    """Return the equipment that drives the cells of a board, or None where there is none.

    Asked once for each test that needs it; not asked on the embedded emulator. The equipment is
    released after the test.

    Args:
        target: the target string, ``serial:/dev/ttyUSB0``.
    """


@pytest.hookspec(firstresult=True)
def pytest_jbd_power_switch(target: str) -> PowerSwitch | None:
    """Return what can take the supply of a board away, or None where there is nothing.

    Asked once for each test that needs it; not asked on the embedded emulator.

    Args:
        target: the target string, ``serial:/dev/ttyUSB0``.
    """
