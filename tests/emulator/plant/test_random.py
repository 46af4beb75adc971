"""Whatever is done to a pack for days, its numbers stay numbers and its FETs stay FETs."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jbd_emulator.plant import (
    SOC_CEILING,
    SOC_FLOOR,
    CcCvSupply,
    ConstantCurrentLoad,
    ConstantPowerLoad,
    Pack,
    ResistanceLoad,
    Sample,
    Terminal,
)
from jbd_emulator.plant._circuit import LEAK, Branch, branch_ma, solve_node

STRETCH = st.tuples(
    st.floats(-300_000, 300_000),  # current, mA
    st.integers(2_331, 3_531),  # ambient, -40..80 degC
    st.booleans(),
    st.booleans(),
    st.integers(0, 15),
    st.sampled_from([0.1, 1.0, 10.0, 60.0]),
)
SOURCES = st.one_of(
    st.builds(CcCvSupply, st.floats(1, 60_000), st.floats(0, 200_000)),
    st.builds(ConstantCurrentLoad, st.floats(0, 200_000)),
    st.builds(ConstantPowerLoad, st.floats(0, 5_000_000)),
    st.builds(ResistanceLoad, st.floats(0.001, 1_000)),
)


def check(pack: Pack, sample: Sample, charge: bool, discharge: bool) -> None:
    if not charge:
        assert pack.current_ma <= 0.0
    if not discharge:
        assert pack.current_ma >= 0.0
    assert all(0 <= mv < 1_000_000 for mv in sample.cell_mv)
    assert math.isfinite(pack.node_mv)
    for cell in pack.cells:
        assert math.isfinite(cell.voltage_mv)
        assert SOC_FLOOR <= cell.soc <= SOC_CEILING
        assert -1.0 <= cell.hysteresis <= 1.0
        assert 2_000 <= cell.temp_dk <= 5_000


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STRETCH, min_size=1, max_size=30), st.floats(0.0, 1.0))
def test_random_currents_and_temperatures_for_days_stay_in_bounds(
    stretches: list[tuple[float, int, bool, bool, int, float]], soc: float
) -> None:
    pack = Pack(soc=soc)
    for ma, ambient_dk, charge, discharge, mask, dt_s in stretches:
        pack.hold_current(ma)
        pack.ambient_dk = ambient_dk
        for _ in range(120):
            sample = pack.step(dt_s, charge_fet=charge, discharge_fet=discharge, bleed_mask=mask)
            check(pack, sample, charge, discharge)


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(SOURCES, st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.floats(SOC_FLOOR, SOC_CEILING),
)
def test_random_sources_and_loads_stay_in_bounds(
    stretches: list[tuple[Terminal, bool, bool]], soc: float
) -> None:
    pack = Pack(soc=soc)
    for terminal, charge, discharge in stretches:
        pack.connect(terminal)
        for _ in range(60):
            sample = pack.step(1.0, charge_fet=charge, discharge_fet=discharge)
            check(pack, sample, charge, discharge)


BRANCHES = st.builds(
    lambda mv, siemens, low, high: Branch(mv, siemens, -low, high),
    st.floats(0, 100_000),
    st.floats(0, 10_000),
    st.floats(0, 1e7),
    st.floats(0, 1e7),
)


@given(st.lists(BRANCHES, max_size=6), st.floats(-1e5, 1e5))
def test_currents_at_the_node_add_up_to_nothing(branches: list[Branch], guess: float) -> None:
    node = solve_node([*branches, LEAK], guess)
    currents = [branch_ma(branch, node) for branch in [*branches, LEAK]]
    steepest = sum(branch.siemens for branch in branches)
    assert abs(sum(currents)) <= 1e-5 + 1e-9 * steepest * max(abs(node), 1.0)
