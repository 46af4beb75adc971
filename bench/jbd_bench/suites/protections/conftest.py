"""Fixtures of the protections suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient
from jbd_bench._cell_simulator import CellSimulator, PlantSimulator
from jbd_bench.suites.protections._bench import Bench

if TYPE_CHECKING:
    from jbd_bench._under_test import EmulatedUnit, TargetUnderTest


@pytest.fixture
def cells(request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> Iterator[CellSimulator]:
    """What drives the cells: the emulator's plant, or a lab's equipment."""
    found: CellSimulator | None
    if jbd_target.embedded:
        unit: EmulatedUnit = request.getfixturevalue("jbd_unit")
        found = PlantSimulator(unit.device, unit.link().clock)
    else:
        found = request.config.hook.pytest_jbd_cell_simulator(target=jbd_target.name)
    if found is None:
        pytest.skip(
            f"needs a cell simulator at {jbd_target.name}: a plugin with the hook "
            "pytest_jbd_cell_simulator, loaded with -p"
        )
    yield found
    found.release()


@pytest.fixture
def bench(open_board: BmsClient, cells: CellSimulator, jbd_target: TargetUnderTest) -> Bench:
    """The board under test with its own settings, and hands on its cells."""
    return Bench(open_board, cells, exact=jbd_target.embedded)
