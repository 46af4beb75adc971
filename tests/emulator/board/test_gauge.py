"""What the board believes, beside what is true."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_emulator import Unit, UnitConfig
from jbd_emulator.board import Monitor
from jbd_emulator.plant import CcCvSupply, ConstantCurrentLoad
from jbd_protocol import ReadRequest, parse_basic_info

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]

LEARNED = 0x100 + 112


def learned_mah(rig: Rig) -> int:
    return rig.settings.word(LEARNED) * 10


def test_without_an_error_of_its_own_the_board_counts_what_flows(rig: Make) -> None:
    board = rig(free=True)
    board.set(dsg_rate=0)
    board.pack.connect(ConstantCurrentLoad(20_000))
    board.run(3600)
    assert board.monitor.remaining_mah == pytest.approx(30_000, abs=1)
    assert board.pack.soc == pytest.approx(0.30, abs=1e-4)


def test_the_board_s_own_error_is_small_and_comes_from_the_seed(rig: Make) -> None:
    wrong = []
    for seed in range(8):
        board = rig(free=True, seed=seed)
        board.pack.connect(ConstantCurrentLoad(20_000))
        board.run(3600)
        wrong.append(board.monitor.remaining_mah - board.pack.stored_mah / board.cells)
    again = rig(free=True, seed=3)
    again.pack.connect(ConstantCurrentLoad(20_000))
    again.run(3600)
    assert again.monitor.remaining_mah - again.pack.stored_mah / again.cells == wrong[3]
    assert len(set(wrong)) == 8
    # Three deviations of 0.2 % of 20 Ah and of 2 mA for an hour, and 2 mAh of consumption.
    assert 1 < max(map(abs, wrong)) < 130


def test_the_books_close_over_days_within_the_error_that_is_stated(rig: Make) -> None:
    board = rig(free=True, seed=1, soc=0.6)
    supply, load = CcCvSupply(13_400, 10_000), ConstantCurrentLoad(8_000)
    before = board.pack.stored_mah / board.cells, board.monitor.remaining_mah
    through = 0.0
    for hour in range(24):
        plugged = (supply,) if hour % 2 else (load,)
        board.pack.connect(*plugged)
        for _ in range(3600):
            board.run(1)
            through += abs(board.monitor.sample.current_ma) / 3600
        board.pack.disconnect(*plugged)
    true = board.pack.stored_mah / board.cells - before[0]
    believed = board.monitor.remaining_mah - before[1]
    shelf = board.pack.books.self_discharge_mah / board.cells
    # Three deviations of gain and offset, the board's own consumption, and the shelf's.
    assert abs(believed - true - shelf) <= 0.006 * through + 24 * (6 + 2)


def test_the_board_takes_off_what_it_needs_itself(rig: Make) -> None:
    board = rig(free=True)
    board.settings.write(0x14, b"\x00\x0a")
    before = board.monitor.remaining_mah
    board.run(7200)
    assert before - board.monitor.remaining_mah == pytest.approx(20, abs=0.01)


def test_a_current_below_the_smallest_recognised_one_is_not_counted(rig: Make) -> None:
    board = rig(free=True)
    board.set(dsg_rate=0)
    board.settings.write(0x100 + 121, b"\x01\xf4")
    board.pack.connect(ConstantCurrentLoad(499))
    board.run(60)
    assert board.monitor.remaining_mah == 50_000
    board.pack.connect(ConstantCurrentLoad(1))
    board.run(60)
    assert board.monitor.remaining_mah == pytest.approx(50_000 - 500 / 60, abs=1e-6)


def test_full_is_reached_with_voltage_and_tail_and_not_with_voltage_alone(rig: Make) -> None:
    board = rig(free=True, soc=0.95)
    board.monitor.remaining_mah = 80_000
    supply = CcCvSupply(14_000, 50_000)
    board.pack.connect(supply)
    while board.monitor.sample.pack_mv < 4 * 3400 or board.monitor.sample.current_ma > 6000:
        assert board.monitor.rsoc_percent < 90
        board.run(1)
    for _ in range(1200):
        board.run(1)
    assert board.monitor.rsoc_percent == 100
    assert board.pack.soc > 0.97
    assert learned_mah(board) == 0, "full alone teaches nothing"


def test_full_must_be_seen_without_a_break(rig: Make) -> None:
    board = rig(soc=0.5)
    for _ in range(5):
        board.hold_cells(3400)
        board.run(9)
        board.hold_cells(3399)
        board.run(1)
    assert board.monitor.rsoc_percent == 50
    board.hold_cells(3400)
    board.run(10)
    assert board.monitor.rsoc_percent == 100


def test_from_full_to_empty_the_board_learns_a_weak_pack(rig: Make) -> None:
    board = rig(free=True, soc=0.99)
    for number in range(1, 5):
        board.pack.set_cell(number, soc=0.99, capacity_factor=0.9)
    supply, load = CcCvSupply(14_200, 20_000), ConstantCurrentLoad(20_000)
    board.pack.connect(supply)
    board.run(3600)
    assert (board.monitor.rsoc_percent, board.monitor.full_mah) == (100, 100_000)
    board.pack.disconnect(supply)
    board.pack.connect(load)
    while board.monitor.sample.cell_mv[0] > 3000:
        board.run(10)
    board.run(15)
    assert board.monitor.remaining_mah == 0
    true = 0.9 * 100_000 * (1 - board.pack.soc)
    assert learned_mah(board) == board.monitor.full_mah == pytest.approx(true, rel=0.02)


def test_from_empty_to_full_it_learns_too_and_believes_it_after_power_off(rig: Make) -> None:
    board = rig(free=True, soc=0.08)
    for number in range(1, 5):
        board.pack.set_cell(number, capacity_factor=0.85)
    load, supply = ConstantCurrentLoad(10_000), CcCvSupply(14_000, 40_000)
    board.pack.connect(load)
    while board.monitor.remaining_mah > 0:
        board.run(10)
    board.pack.disconnect(load)
    start = board.pack.soc
    board.pack.connect(supply)
    while board.monitor.rsoc_percent < 100 or not learned_mah(board):
        board.run(10)
    true = 85_000 * (board.pack.soc - start)
    assert learned_mah(board) == pytest.approx(true, rel=0.01)
    learned = learned_mah(board)
    board.settings.revert()
    board.monitor.restart()
    assert board.monitor.full_mah == learned
    assert board.settings.saved()[LEARNED] == (learned // 10).to_bytes(2, "big")


def test_it_never_learns_more_than_a_fifth_from_nominal(rig: Make) -> None:
    board = rig(free=True, soc=0.99)
    for number in range(1, 5):
        board.pack.set_cell(number, soc=0.99, capacity_factor=0.4)
    supply, load = CcCvSupply(14_200, 20_000), ConstantCurrentLoad(20_000)
    board.pack.connect(supply)
    board.run(1800)
    board.pack.disconnect(supply)
    board.pack.connect(load)
    board.run(2 * 3600)
    assert board.monitor.full_mah == 80_000


def test_a_loss_of_power_ends_what_was_being_learned(rig: Make) -> None:
    board = rig(free=True, soc=0.99)
    supply, load = CcCvSupply(14_200, 20_000), ConstantCurrentLoad(50_000)
    board.pack.connect(supply)
    board.run(3600)
    board.pack.disconnect(supply)
    board.monitor.restart()
    board.pack.connect(load)
    board.run(2.2 * 3600)
    assert (board.monitor.remaining_mah, learned_mah(board)) == (0, 0)


@pytest.mark.parametrize(
    ("mv", "percent"),
    [(2500, 0), (3000, 0), (3025, 5), (3050, 10), (3100, 20), (3125, 30), (3150, 40), (3225, 50),
     (3300, 60), (3312, 65), (3325, 70), (3350, 80), (3375, 90), (3387, 95), (3400, 100),
     (3650, 100)],
)  # fmt: skip
def test_the_voltage_points_say_what_is_left(rig: Make, mv: int, percent: int) -> None:
    board = rig()
    board.hold_cells(mv)
    board.run(1)
    board.monitor.estimate_from_voltage()
    assert board.monitor.rsoc_percent == pytest.approx(percent, abs=0.6)


def test_points_out_of_order_still_give_more_charge_for_more_voltage(rig: Make) -> None:
    board = rig()
    board.set(cap_50=0, cap_70=4000)
    seen = []
    for mv in (3000, 3100, 3140, 3150, 3299, 3300, 3312, 3350, 3399, 3999, 4000):
        board.hold_cells(mv)
        board.run(1)
        board.monitor.estimate_from_voltage()
        seen.append(board.monitor.rsoc_percent)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0, 100)


def test_a_board_without_a_memory_starts_from_the_voltage(rig: Make) -> None:
    board = rig()
    board.hold_cells(3300)
    assert Monitor(board.pack, board.settings).rsoc_percent == 60


def test_cycles_are_counted_by_the_cycle_capacity(rig: Make) -> None:
    board = rig(free=True, soc=1.0)
    board.set(cycle_cap=10_000)
    board.pack.connect(ConstantCurrentLoad(50_000))
    board.run(700)
    assert board.monitor.cycles == 0
    board.run(30)
    assert board.monitor.cycles == 1
    board.set(cycle_cap=0)
    assert board.monitor.cycles == 0


def test_with_the_wide_unit_capacities_and_currents_count_tenfold(rig: Make) -> None:
    board = rig()
    board.flag(12, True)
    assert board.monitor.nominal_mah == 1_000_000
    board.hold("current", -1_299_999)
    board.set(shunt_res=0)
    board.run(20)
    assert board.monitor.protection_bits == 0
    board.hold("current", -1_300_000)
    board.run(10)
    assert board.monitor.protection_bits == 1 << 9


def test_the_capacity_learned_stands_in_the_tail_of_03_and_the_charge_in_both_places() -> None:
    unit = Unit(UnitConfig(firmware=0x25))
    unit.device.settings.burn(LEARNED, (9000).to_bytes(2, "big"))
    response = unit.device.handle(ReadRequest(0x03), 0.0).response
    assert response is not None
    info = parse_basic_info(response.data)
    assert info.tail is not None
    assert (info.nominal_mah, info.tail.full_charge_mah) == (100_000, 90_000)
    assert info.tail.remaining_mah == info.remaining_mah
    assert info.rsoc_percent == round(info.remaining_mah / 900)


def test_setting_the_remaining_capacity_is_held_within_the_full_one(rig: Make) -> None:
    board = rig()
    assert board.monitor.calibrate(0xE0, 2500)
    assert board.monitor.remaining_mah == 25_000
    assert board.monitor.calibrate(0xE0, 65_535)
    assert board.monitor.remaining_mah == 100_000
