"""Calibration: what is written is what the board measures from then on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from jbd_emulator import Unit, UnitConfig
from jbd_protocol import ReadRequest, WriteRequest, parse_basic_info

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]


@pytest.mark.parametrize("number", [1, 4])
def test_a_calibrated_cell_reads_what_was_written_and_follows_in_proportion(
    rig: Make, number: int
) -> None:
    board = rig()
    assert board.monitor.calibrate(0xAF + number, 3333)
    assert board.monitor.sample.cell_mv[number - 1] == 3333
    board.hold_cells(3600)
    board.run(1)
    wanted = [3600] * 4
    wanted[number - 1] = 3636
    assert board.monitor.sample.cell_mv == tuple(wanted)
    assert board.monitor.sample.pack_mv == sum(wanted)


def test_a_badly_calibrated_cell_trips_its_protection(rig: Make) -> None:
    board = rig()
    board.monitor.calibrate(0xB1, 3700)
    board.run(2)
    assert board.monitor.protection_bits == 1
    assert board.pack.sample().cell_mv == (3300,) * 4, "nothing is wrong with the cell"


def test_a_calibrated_ntc_is_shifted(rig: Make) -> None:
    board = rig()
    board.pack.hold_ntc(2, dk=2981)
    assert board.monitor.calibrate(0xD1, 2991)
    board.pack.hold_ntc(2, dk=3081)
    board.run(1)
    assert board.monitor.sample.ntc_dk[1] == 3091


def test_currents_are_calibrated_at_rest_and_each_way_on_its_own(rig: Make) -> None:
    board = rig()
    board.hold("current", 120)
    board.run(1)
    assert board.monitor.calibrate(0xAD, 0)
    assert board.monitor.sample.current_ma == 0
    board.hold("current", 10_120)
    board.run(1)
    assert board.monitor.calibrate(0xAE, 1_100)
    assert board.monitor.sample.current_ma == 11_000
    board.hold("current", -9_880)
    board.run(1)
    assert board.monitor.sample.current_ma == -10_000
    assert board.monitor.calibrate(0xAF, 900)
    board.hold("current", -19_880)
    board.run(1)
    assert board.monitor.sample.current_ma == -18_000


@pytest.mark.parametrize(("address", "current_ma"), [(0xAE, 0), (0xAE, -5000), (0xAF, 5000)])
def test_a_current_that_does_not_flow_cannot_be_calibrated(
    rig: Make, address: int, current_ma: int
) -> None:
    board = rig()
    board.hold("current", current_ma)
    board.run(1)
    board.monitor.calibrate(address, 4000)
    assert board.monitor.sample.current_ma == current_ma


def test_what_the_board_counts_is_what_it_measures(rig: Make) -> None:
    board = rig(seed=4)
    board.set(dsg_rate=0)
    board.hold("current", -10_000)
    board.run(1)
    board.monitor.calibrate(0xAF, 2_000)
    board.hold("current", 0)
    board.run(1)
    board.monitor.calibrate(0xAD, 0)
    board.hold("current", -10_000)
    before = board.monitor.remaining_mah
    board.run(360)
    assert before - board.monitor.remaining_mah == pytest.approx(2_000, abs=1e-6)


@pytest.mark.parametrize("address", [0xB4, 0xCF, 0xD2, 0xD7])
def test_a_channel_that_is_not_there_cannot_be_calibrated(rig: Make, address: int) -> None:
    assert not rig().monitor.calibrate(address, 3000)


def test_readings_stay_words_whatever_is_written(rig: Make) -> None:
    board = rig()
    board.hold_cells(2)
    board.run(1)
    board.monitor.calibrate(0xB0, 0xFFFF)
    board.monitor.calibrate(0xB1, 0)
    board.monitor.calibrate(0xD0, 0)
    board.hold_cells(5000)
    board.pack.hold_ntc(1, dk=100)
    board.run(1)
    assert board.monitor.sample.cell_mv == (0xFFFF, 5000, 5000, 5000)
    assert board.monitor.sample.ntc_dk[0] == 0


def test_calibration_over_the_wire_is_seen_in_the_next_answer() -> None:
    device = Unit(UnitConfig()).device

    def ask(request: ReadRequest | WriteRequest) -> bytes:
        response = device.handle(request, 0.0).response
        assert response is not None
        assert response.status == 0
        return response.data

    ask(ReadRequest(0x03))
    ask(WriteRequest(0x00, b"\x56\x78"))
    ask(WriteRequest(0xB0, (3456).to_bytes(2, "big")))
    ask(WriteRequest(0xD0, (3000).to_bytes(2, "big")))
    assert ask(ReadRequest(0x04))[:2] == (3456).to_bytes(2, "big")
    assert parse_basic_info(ask(ReadRequest(0x03))).ntc_dk[0] == 3000
