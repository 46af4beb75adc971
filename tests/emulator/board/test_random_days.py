"""Days of random currents and temperatures: what must hold whatever happens."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jbd_emulator import BOARDS
from jbd_emulator._store import SettingsStore
from jbd_emulator.board import ROWS, Monitor, State
from jbd_emulator.plant import SOC_CEILING, SOC_FLOOR, Pack

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]

BOARD: Final = "4s"

segments = st.lists(
    st.tuples(
        st.integers(60, 4 * 3600),
        st.one_of(st.floats(-60_000, 60_000), st.floats(-2_500_000, 200_000), st.just(0.0)),
        st.floats(2431, 3431),
    ),
    min_size=4,
    max_size=12,
)


def least_apart(monitor: Monitor) -> dict[str, float]:
    """Return the least seconds between two trips of one row that its settings allow."""
    levels = monitor._in_force().levels
    return {
        row.name: max(1.0, level.delay_s) + level.release_delay_s
        for row, level in zip(ROWS, levels, strict=True)
    }


@pytest.mark.slow
@settings(max_examples=12)
@given(segments=segments, soc=st.floats(0.0, 1.0), spread=st.floats(-0.05, 0.05))
def test_no_days_of_any_weather_and_load_bring_a_board_out_of_its_bounds(
    segments: list[tuple[int, float, float]], soc: float, spread: float
) -> None:
    kit = BOARDS[BOARD]
    pack = Pack(cells=kit.cells, capacity_mah=kit.capacity_mah, ntcs=kit.ntcs, soc=soc)
    pack.set_cell(2, soc=min(1.0, max(0.0, soc + spread)))
    monitor = Monitor(pack, SettingsStore(kit.settings), remaining_mah=soc * kit.capacity_mah)
    apart = least_apart(monitor)
    states = dict.fromkeys((row.name for row in ROWS), State.CLEAR)
    last_trip = dict.fromkeys(states, -math.inf)
    now_s = 0
    for seconds, current_ma, ambient_dk in segments:
        pack.hold_current(current_ma)
        pack.ambient_dk = ambient_dk
        for _ in range(seconds):
            fets = monitor.fets
            monitor.tick(1.0)
            now_s += 1
            through = pack.current_ma
            assert fets & 1 or through <= 0, "a charge FET that is off carried a charge"
            assert fets & 2 or through >= 0, "a discharge FET that is off carried a load"
            if monitor.protections.calm and not any(states.values()):
                continue
            for row, state in zip(ROWS, monitor.protections._states, strict=True):
                if state is State.TRIPPED and states[row.name] < State.TRIPPED:
                    assert now_s - last_trip[row.name] >= apart[row.name], row.name
                    last_trip[row.name] = now_s
                states[row.name] = state
        for cell in pack.cells:
            assert math.isfinite(cell.voltage_mv)
            assert math.isfinite(cell.temp_dk)
            assert SOC_FLOOR <= cell.soc <= SOC_CEILING
        assert 0 <= monitor.remaining_mah <= monitor.full_mah
        assert 0 <= monitor.rsoc_percent <= 100


@pytest.mark.slow
def test_the_same_days_give_the_same_bytes(rig: Make) -> None:
    seen = []
    for _ in range(2):
        board = rig(free=True, seed=5)
        trail = []
        for hour in range(12):
            board.pack.hold_current(40_000 if hour % 3 else -70_000)
            board.run(3600, dt_s=2.0)
            trail.append((board.monitor.sample, board.monitor.state(), board.monitor.fets))
        seen.append(repr(trail))
    assert seen[0] == seen[1]
