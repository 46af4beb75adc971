"""Charging LiFePO4 as the field note has it: full at 3.500 V, and why 13.2 V is no float."""

from collections.abc import Callable

import pytest

from jbd_emulator.plant import CcCvSupply, LeadAcidCharger, Pack, Sample, daily_load

Run = Callable[..., Sample]
TAIL_MA = 5_000  # a twentieth of the capacity


def charge(cells: int, cell_mv: int) -> Pack:
    pack = Pack(cells=cells, soc=0.9)
    pack.connect(CcCvSupply(cell_mv * cells, 30_000))
    for _ in range(20_000):
        pack.step(1.0, charge_fet=True, discharge_fet=True)
        if pack.time_s > 60 and pack.current_ma < TAIL_MA:
            return pack
    raise AssertionError("never full")


@pytest.mark.parametrize("cells", [4, 8])
def test_3500_mv_a_cell_reaches_97_percent_of_what_3650_mv_reaches(cells: int) -> None:
    gentle, hard = charge(cells, 3_500), charge(cells, 3_650)
    assert 0.97 < gentle.soc / hard.soc < 1.0


def test_charge_ends_in_a_steep_knee() -> None:
    assert 0.985 < charge(4, 3_400).soc < charge(4, 3_450).soc < charge(4, 3_500).soc


def test_one_percent_below_full_a_pack_rests_on_the_plateau(run: Run) -> None:
    pack = charge(4, 3_650)
    pack.disconnect(*pack.terminals)
    pack.hold_current(-10_000)
    run(pack, 2 * 3600 / 10)  # 2 Ah
    pack.hold_current(0)
    rested = run(pack, 3600)
    assert 3_330 < min(rested.cell_mv) <= max(rested.cell_mv) < 3_360


def lowest_soc(pack: Pack, days: int) -> float:
    lowest = 1.0
    for _ in range(int(days * 8_640)):
        pack.step(10.0, charge_fet=True, discharge_fet=True)
        lowest = min(lowest, pack.soc)
    return lowest


@pytest.mark.slow
@pytest.mark.parametrize("cells", [4, 8])
def test_float_at_3300_mv_a_cell_empties_a_plugged_pack(cells: int) -> None:
    pack = Pack(cells=cells, soc=0.95)
    source = LeadAcidCharger(
        30_000, 3_650 * cells, 3_300 * cells, tail_ma=TAIL_MA, rebulk_after_s=86_400
    )
    pack.connect(source, daily_load(10_000, 18, 23))
    tops, lowest = [], 1.0
    for _ in range(4 * 8_640):
        stage = source.stage
        pack.step(10.0, charge_fet=True, discharge_fet=True)
        lowest = min(lowest, pack.soc)
        if source.stage != stage == "absorption":
            tops.append(pack.soc)
    assert len(tops) >= 3
    assert min(tops) - lowest > 0.20
    # The charger, and not the pack, then carries the load: the circuit settles, nothing trips.
    assert abs(pack.current_ma) < 1_000


@pytest.mark.slow
@pytest.mark.parametrize("cells", [4, 8])
def test_a_supply_at_3500_mv_a_cell_keeps_the_pack_full(cells: int) -> None:
    pack = charge(cells, 3_500)
    pack.connect(daily_load(10_000, 18, 23))
    assert lowest_soc(pack, 4) > 0.95
