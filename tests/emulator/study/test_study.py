"""The study itself: its plan, its steps, its books over a week, its tables."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from jbd_emulator import ConfigError
from jbd_emulator.study import (
    CHARGERS,
    Charger,
    FullCharge,
    Result,
    StudyPlan,
    Trace,
    results_json,
    run_charger,
    run_study,
    table_text,
)
from jbd_emulator.study._chargers import board_for

SHORT = StudyPlan(days=0.25)


@pytest.fixture(scope="module")
def week() -> list[Result]:
    """Return the study as it is run without options."""
    return run_study(StudyPlan())


@pytest.mark.slow
def test_the_books_of_a_week_balance(week: list[Result]) -> None:
    for result in week:
        assert abs(result.charge_error) < 1e-3
        assert abs(result.energy_error) < 1e-3
        assert result.trace.hours[-1] == pytest.approx(168.0, abs=0.1)


@pytest.mark.slow
def test_the_document_shows_what_the_command_prints(week: list[Result]) -> None:
    document = Path(__file__).parents[3] / "docs" / "charge-study.md"
    assert table_text(StudyPlan(), week) in document.read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("charger", [CHARGERS[2], CHARGERS[3]], ids=lambda charger: charger.key)
def test_long_steps_where_nothing_moves_change_nothing_that_matters(charger: Charger) -> None:
    plan = StudyPlan(days=1.1)
    quick, slow = run_charger(plan, charger), run_charger(plan, charger, long_s=1.0)
    assert quick.trips == slow.trips
    assert quick.highest_mv == pytest.approx(slow.highest_mv, abs=3)
    assert quick.cycles_per_week == pytest.approx(slow.cycles_per_week, abs=0.01)
    assert len(quick.fulls) == len(slow.fulls)
    for one, other in zip(quick.fulls, slow.fulls, strict=True):
        assert one.at_h == pytest.approx(other.at_h, abs=0.05)
        assert one.soc == pytest.approx(other.soc, abs=1e-3)
        assert one.lowest_soc == pytest.approx(other.lowest_soc, abs=1e-3)


def test_the_same_seed_gives_the_same_study() -> None:
    once, twice = run_study(SHORT), run_study(SHORT)
    assert once == twice
    other = run_charger(StudyPlan(days=0.25, seed=2), CHARGERS[0])
    assert other.trace != once[0].trace


def test_progress_rises_to_the_end() -> None:
    shares: list[float] = []
    run_study(StudyPlan(days=0.5), shares.append)
    assert shares == sorted(shares)
    assert 0.0 < shares[0] < shares[-1] <= 1.0


def test_every_charger_is_scaled_with_cells_and_capacity() -> None:
    titles = [charger.title(8) for charger in CHARGERS]
    assert titles == [
        "supply 28.0 V",
        "supply 28.4 V",
        "supply 29.2 V",
        "lead-acid charger, float 26.4 V",
    ]
    plan = StudyPlan(cells=5, capacity_ah=50.0)
    assert CHARGERS[0].make(plan, CHARGERS[0]).branch(0.0, 0.0).voltage_mv == 17_500
    assert CHARGERS[3].make(plan, CHARGERS[3]).branch(0.0, 0.0).high_ma == 15_000
    assert [load.branch(19 * 3600.0, 0.0).low_ma for load in plan.loads()] == [-1_000, -4_000]


@pytest.mark.parametrize("cells", [3, 4, 5, 8, 16, 32])
def test_a_board_fits_every_pack(cells: int) -> None:
    kit = board_for(StudyPlan(cells=cells, capacity_ah=600.0))
    words = {address: int.from_bytes(kit.settings[address], "big") for address in (0x20, 0x28)}
    assert kit.cells == cells
    assert words[0x20] * 10 >= 3_600 * cells
    assert words[0x28] * 10 >= 180_000
    result = run_charger(StudyPlan(cells=cells, days=0.1), CHARGERS[0])
    assert result.trips == {}


@pytest.mark.parametrize(
    ("field", "value"),
    [("cells", 2), ("cells", 33), ("capacity_ah", 4.9), ("capacity_ah", 601.0), ("days", 0.0)],
)
def test_a_plan_out_of_its_limits_is_refused(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"^{field} {value}: must be "):
        StudyPlan(**{field: value})  # type: ignore[arg-type]  # cells as float is the point


def made_up(*, full: bool, deep: float = 0.0, trips: dict[str, int] | None = None) -> Result:
    fulls = [FullCharge(2.0, 1.0, 0.99, 1.0 - deep, 0.98, closed=True)] if full else []
    lowest = 1.0 - deep if full else None
    return Result(
        key="k", title="a charger", fulls=fulls, lowest_soc=lowest, lowest_rsoc=lowest,
        cycles_per_week=1.25, hours_above=3.0, highest_mv=3600, lowest_mv=3100,
        trips=trips or {}, charge_off_h=1.0, charge_error=0.0, energy_error=0.0, trace=Trace(),
    )  # fmt: skip


def test_the_table_says_who_was_never_full_who_stays_full_and_who_sinks() -> None:
    text = table_text(
        SHORT, [made_up(full=False), made_up(full=True), made_up(full=True, deep=0.3)]
    )
    assert "a charger: never full." in text
    assert "a charger: stays within 0.0 points of full." in text
    assert "a charger: sinks at least 30 points after each of 1 full charges, plugged in." in text


def test_the_table_names_the_protections_that_tripped() -> None:
    text = table_text(SHORT, [made_up(full=True, trips={"covp": 2, "povp": 1})])
    assert "covp 2x, povp 1x" in text
    assert "nothing" not in text
    assert "nothing" in table_text(SHORT, [made_up(full=True)])


def test_the_numbers_are_json() -> None:
    document = json.loads(json.dumps(results_json(SHORT, [made_up(full=True, deep=0.3)])))
    (row,) = document["chargers"]
    assert (row["soc_after_full"], row["lowest_soc"]) == (1.0, 0.7)
    assert row["full_charges"][0]["followed_by_another"] is True
    assert document["cells"] == 4
    (empty,) = results_json(SHORT, [made_up(full=False)])["chargers"]
    assert empty["soc_after_full"] is None
