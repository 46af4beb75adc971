"""Passive balancing: when it starts, whom it bleeds, and that it cures."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_emulator.plant import CcCvSupply, ConstantCurrentLoad, daily_load

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]

START, WINDOW = 3400, 15


@pytest.fixture
def board(rig: Make) -> Rig:
    """A 4S board that is being charged, its cells at 3300 mV."""
    one = rig()
    one.hold("current", 5_000)
    return one


@pytest.mark.parametrize(
    ("mv", "wanted"),
    [(START - 1, 0), (START, 1 << 3), (START + 100, 1 << 3)],
)
def test_a_cell_is_bled_from_the_start_voltage_on(board: Rig, mv: int, wanted: int) -> None:
    board.hold("cell", mv)
    board.run(1)
    assert board.monitor.shown_balance == wanted


@pytest.mark.parametrize(
    ("above", "wanted"), [(WINDOW - 1, 0), (WINDOW, 1 << 3), (WINDOW + 1, 1 << 3)]
)
def test_a_cell_is_bled_from_the_window_on(board: Rig, above: int, wanted: int) -> None:
    board.hold_cells(3420)
    board.hold("cell", 3420 + above)
    board.run(1)
    assert board.monitor.shown_balance == wanted


def test_cells_of_one_voltage_are_not_bled_even_with_no_window(board: Rig) -> None:
    board.settings.write(0x2B, b"\x00\x00")
    board.hold_cells(3450)
    board.run(1)
    assert board.monitor.shown_balance == 0


def test_nothing_is_bled_without_the_function(board: Rig) -> None:
    board.hold("cell", 3450)
    board.flag(2, False)
    board.run(1)
    assert board.monitor.shown_balance == 0
    board.flag(2, True)
    board.run(1)
    assert board.monitor.shown_balance == 1 << 3


@pytest.mark.parametrize("current_ma", [0, -5_000])
def test_without_charging_only_the_bit_decides(board: Rig, current_ma: int) -> None:
    board.hold("cell", 3450)
    board.hold("current", current_ma)
    board.run(1)
    assert board.monitor.shown_balance == 0
    board.flag(3, False)
    board.run(1)
    assert board.monitor.shown_balance == 1 << 3


def test_neighbours_take_turns_and_others_do_not_wait(board: Rig) -> None:
    board.pack.hold_cell(1, mv=3450)
    board.pack.hold_cell(3, mv=3450)
    seen = set()
    for _ in range(60):
        board.run(1)
        seen.add(board.monitor.shown_balance)
    assert seen == {0b0101}
    board.pack.hold_cell(4, mv=3450)
    seen = set()
    for _ in range(60):
        board.run(1)
        mask = board.monitor.shown_balance
        assert not mask & mask << 1, f"neighbours at once: {mask:04b}"
        seen.add(mask)
    assert seen == {0b0101, 0b1000}


def test_the_balance_test_bleeds_what_it_says_and_nothing_else(board: Rig) -> None:
    board.hold("cell", 3450)
    board.run(1)
    board.monitor.bleed_override = 0b0101
    assert board.monitor.shown_balance == 0b0101
    board.run(10)
    before = board.pack.books.bleed_mah
    board.monitor.bleed_override = 0
    board.run(10)
    assert (board.monitor.shown_balance, board.pack.books.bleed_mah) == (0, before)


def test_bleeding_moves_charge(rig: Make) -> None:
    board = rig(free=True, soc=0.5)
    board.monitor.bleed_override = 0b1000
    board.run(86_400)
    others, bled = board.pack.cell(1).stored_mah, board.pack.cell(4).stored_mah
    assert others - bled == pytest.approx(board.pack.books.bleed_mah, rel=0.01)
    # 3.3 V over 33 Ohm and the switch for a day.
    assert 2_000 < others - bled < 2_500


def spread_after(board: Rig, days: int, charger_mv: int, imbalance: float) -> float:
    """Return the spread of charge after days of one charger and an evening load."""
    board.pack.set_cell(3, soc=0.9 + imbalance)
    board.pack.connect(CcCvSupply(charger_mv, 20_000), daily_load(30_000, 18.0, 22.0))
    board.run(days * 86_400, dt_s=5.0)
    socs = [cell.soc for cell in board.pack.cells]
    return max(socs) - min(socs)


@pytest.mark.slow
def test_an_imbalance_is_cured_in_days_and_without_balancing_it_is_not(rig: Make) -> None:
    cured, left = rig(free=True, soc=0.9), rig(free=True, soc=0.9)
    left.flag(2, False)
    assert spread_after(cured, 4, 13_800, 0.01) < 0.001
    assert spread_after(left, 2, 13_800, 0.01) == pytest.approx(0.01, rel=0.1)


@pytest.mark.slow
def test_balancing_while_charging_only_ends_where_over_voltage_ends_the_charge(rig: Make) -> None:
    """With the kit's settings a charger that trips the high cell leaves it minutes a day."""
    only_charging, always = rig(free=True, soc=0.9), rig(free=True, soc=0.9)
    always.flag(3, False)
    assert spread_after(only_charging, 1, 14_000, 0.02) > 0.019
    assert only_charging.monitor.counters[3] >= 1
    assert spread_after(always, 1, 14_000, 0.02) < 0.002


def test_a_discharging_pack_is_left_alone(rig: Make) -> None:
    board = rig(free=True, soc=0.99)
    board.pack.set_cell(2, soc=0.999)
    board.pack.connect(ConstantCurrentLoad(2_000))
    board.run(600)
    assert board.pack.books.bleed_mah == 0
