"""The field note on charging LiFePO4, each statement as it makes it, from model and board."""

from __future__ import annotations

import pytest

from jbd_emulator.study import CHARGERS, Result, StudyPlan, run_charger

DAYS = 2.1
BOTH = pytest.mark.parametrize("cells", [4, 8])


@pytest.fixture(scope="module")
def results() -> dict[int, dict[str, Result]]:
    """Return what each charger came to in two days, by cells and charger."""
    return {
        cells: {
            charger.key: run_charger(StudyPlan(cells=cells, days=DAYS), charger)
            for charger in CHARGERS
        }
        for cells in (4, 8)
    }


Results = dict[int, dict[str, Result]]


@BOTH
def test_3500_mv_a_cell_with_tail_current_reaches_97_percent_of_what_3650_mv_reaches(
    results: Results, cells: int
) -> None:
    gentle, hard = results[cells]["supply-3500"], results[cells]["supply-3650"]
    assert gentle.title == f"supply {3.5 * cells:.1f} V"
    assert hard.highest_mv > 3_620
    assert gentle.highest_mv < 3_510
    assert gentle.fulls[0].soc >= 0.97 * hard.fulls[0].soc


@BOTH
def test_a_float_of_3300_mv_a_cell_leaves_a_plugged_pack_cycling_20_points_after_every_full_charge(
    results: Results, cells: int
) -> None:
    result = results[cells]["lead-acid-3300"]
    assert result.title == f"lead-acid charger, float {3.3 * cells:.1f} V"
    followed = [full for full in result.fulls if full.closed]
    assert len(followed) >= 2
    assert all(full.soc > 0.97 for full in result.fulls)
    assert all(full.depth >= 0.20 for full in followed)
    assert result.cycles_per_week > 2.0


@BOTH
def test_a_supply_of_3500_mv_a_cell_keeps_the_pack_within_5_points_of_full_under_the_same_load(
    results: Results, cells: int
) -> None:
    result = results[cells]["supply-3500"]
    assert result.fulls[0].at_h < 6.0
    assert result.lowest_soc is not None
    assert result.lowest_soc >= result.fulls[0].soc - 0.05
    assert result.cycles_per_week < 0.1


@BOTH
def test_the_lead_acid_charger_fills_the_pack_and_trips_nothing(
    results: Results, cells: int
) -> None:
    result = results[cells]["lead-acid-3300"]
    assert result.trips == {}
    assert result.charge_off_h == 0.0
    assert result.highest_mv < 3_650


@BOTH
def test_3650_mv_a_cell_ends_at_the_board_s_own_limit(results: Results, cells: int) -> None:
    result = results[cells]["supply-3650"]
    assert sum(result.trips.values()) >= 1
    assert set(result.trips) <= {"covp", "povp"}
    assert result.charge_off_h > 24.0


@BOTH
def test_only_3500_mv_a_cell_keeps_every_hour_below_3500_mv(results: Results, cells: int) -> None:
    above = {key: result.hours_above for key, result in results[cells].items()}
    assert above["supply-3500"] < 0.1
    assert above["supply-3550"] > 46.0
    assert above["supply-3650"] > 46.0
    assert 0.0 < above["lead-acid-3300"] < 12.0


@BOTH
def test_the_board_believes_what_is_true_within_3_points(results: Results, cells: int) -> None:
    for result in results[cells].values():
        late = zip(result.trace.hours, result.trace.soc, result.trace.rsoc, strict=True)
        apart = [abs(soc - rsoc) for hour, soc, rsoc in late if hour > 4.0]
        assert max(apart) < 3.0


@BOTH
def test_charge_and_energy_add_up(results: Results, cells: int) -> None:
    for result in results[cells].values():
        assert abs(result.charge_error) < 1e-3
        assert abs(result.energy_error) < 1e-3
