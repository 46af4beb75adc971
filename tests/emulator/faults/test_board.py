"""Faults in the board and of its link: what each one changes, and what is healed."""

from __future__ import annotations

from pathlib import Path

import pytest

from jbd_emulator import Fault, Unit, unit_from_table
from jbd_protocol import (
    COUNTERS,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    Protection,
    ReadRequest,
    WriteRequest,
    parse_response,
)

BASIC = ReadRequest(0x03).to_wire()
COVP, COVP_RELEASE, CUVP = 0x24, 0x25, 0x26


def unit(*faults: Fault, **table: object) -> Unit:
    one = Unit(unit_from_table({"firmware": "0x21", "board": "4s", **table}))
    for fault in faults:
        one.faults.add(fault, 0.0)
    return one


def change(one: Unit, now_s: float, *values: tuple[int, int]) -> None:
    """Write settings in factory mode, without leaving it."""
    assert one.receive(ENTER_FACTORY.to_wire(), now_s)
    for address, value in values:
        assert one.receive(WriteRequest(address, value.to_bytes(2, "big")).to_wire(), now_s)


def test_asleep_at_once_or_behind_an_answer() -> None:
    one = unit(Fault("sleep"))
    assert [bool(one.receive(BASIC, t)) for t in (1.0, 2.0)] == [False, True]
    one.faults.add(Fault("sleep", direction="answer", nth=2, times=1), 2.0)
    assert [bool(one.receive(BASIC, t)) for t in (3.0, 4.0, 5.0, 6.0)] == [True, True, False, True]


@pytest.mark.parametrize("direction", ["request", "answer"])
def test_a_watchdog_reset_takes_what_was_not_saved_and_the_answer(direction: str) -> None:
    fault = Fault("watchdog", direction=direction, register=0x26, access="write", down_s=2.0)
    one = unit(fault)
    old = one.device.settings.word(COVP)
    change(one, 1.0, (COVP, 3700))
    assert one.device.settings.word(COVP) == 3700
    assert one.receive(WriteRequest(CUVP, b"\x0a\x00").to_wire(), 2.0) == b""
    assert one.device.settings.word(COVP) == old
    assert not one.device.settings_open
    assert [bool(one.receive(BASIC, t)) for t in (2.5, 3.9, 4.0)] == [False, False, True]


def test_a_brown_out_forgets_the_charge_that_was_counted() -> None:
    one = unit(soc_percent=70)
    one.device.monitor.remaining_mah = 1000.0
    one.faults.add(Fault("brown_out"), 1.0)
    assert one.receive(BASIC, 1.5) == b""
    assert one.receive(BASIC, 2.0)
    assert one.device.monitor.remaining_mah > 10_000
    assert one.device.monitor.counters[-1] == 1


@pytest.mark.parametrize("half", [False, True])
def test_a_save_is_torn_also_in_the_state_file(tmp_path: Path, half: bool) -> None:
    one = unit(Fault("torn_write", settings=1, half=half), state=str(tmp_path / "state.json"))
    old = [one.device.settings.word(address) for address in (COVP, COVP_RELEASE, CUVP)]
    change(one, 1.0, (COVP, 3700), (COVP_RELEASE, 0x0F55), (CUVP, 2600))
    assert one.receive(SAVE_AND_LEAVE_FACTORY.to_wire(), 2.0) == b""
    torn = 0x0F00 | old[1] & 0xFF if half else old[1]
    for board in (one.device, Unit(one.config).device):
        words = [board.settings.word(address) for address in (COVP, COVP_RELEASE, CUVP)]
        assert words == [3700, torn, old[2]]
    assert one.receive(LEAVE_FACTORY.to_wire(), 9.0), "only a save is torn"


def test_factory_mode_is_left_in_words_alone_until_it_is_healed() -> None:
    one = unit(Fault("stuck_factory", id="stuck"))
    one.receive(ENTER_FACTORY.to_wire(), 1.0)
    assert parse_response(one.receive(LEAVE_FACTORY.to_wire(), 2.0)).status == 0
    assert one.device.settings_open
    one.faults.remove("stuck")
    one.receive(LEAVE_FACTORY.to_wire(), 3.0)
    assert not one.device.settings_open


def test_two_faults_of_one_kind_are_healed_in_any_order() -> None:
    one = unit()
    first = one.faults.add(Fault("ntc", ntc=1, state="open"), 0.0)
    second = one.faults.add(Fault("ntc", ntc=1, state="short"), 0.0)
    one.device.advance_to(1.0)
    shorted = one.device.basic_info().ntc_dk[0]
    one.faults.remove(first)
    one.device.advance_to(2.0)
    assert one.device.basic_info().ntc_dk[0] == shorted
    one.faults.remove(second)
    one.device.advance_to(3.0)
    assert one.device.basic_info().ntc_dk[0] == pytest.approx(2981, abs=30)
    one.faults.add(Fault("ntc", ntc=1, state="open"), 3.0)
    one.device.advance_to(4.0)
    assert one.device.basic_info().ntc_dk[0] == 2431


def test_the_front_end_fails_and_its_protection_says_so() -> None:
    one = unit(Fault("front_end", heals_after_s=30.0))
    one.receive(BASIC, 20.0)
    assert one.device.monitor.protection_bits == Protection.FRONT_END_ERROR
    one.receive(BASIC, 100.0)
    assert one.device.monitor.protection_bits == 0
    assert not one.faults.active


@pytest.mark.parametrize(("state", "flows"), [("on", True), ("off", False)])
def test_a_stuck_fet_does_not_do_what_the_board_shows(state: str, flows: bool) -> None:
    one = unit(load_ma=5000)
    stuck = one.faults.add(Fault("fet_stuck", fet="discharge", state=state), 0.0)
    one.receive(WriteRequest(0xE1, b"\x00\x02" if flows else b"\x00\x00").to_wire(), 1.0)
    one.device.advance_to(5.0)
    assert bool(one.device.monitor.fets & 2) is not flows
    assert (one.device.monitor.sample.current_ma < -4000) is flows
    one.faults.remove(stuck)
    one.device.advance_to(7.0)
    assert (one.device.monitor.sample.current_ma < -4000) is not flows


def test_a_counter_goes_over_its_end() -> None:
    one = unit(Fault("counter_overflow", counter="covp_err_cnt"))
    index = COUNTERS.index("covp_err_cnt")
    assert one.device.monitor.counters[index] == 0xFFFF
    one.device.lab.hold_cell(1, 3900)
    one.device.advance_to(10.0)
    assert one.device.monitor.counters[index] == 0
    one.faults.clear()
    one.device.monitor.counters[index] = 0xFFFF
    one.device.lab.release_cell(1)
    one.device.advance_to(60.0)
    one.device.lab.hold_cell(1, 3900)
    one.device.advance_to(90.0)
    assert one.device.monitor.counters[index] == 0xFFFF


def test_unplugged_at_the_board_nothing_passes_and_nothing_is_lost_for_good() -> None:
    out = Fault("unplugged", id="out")
    one = unit(out)
    assert one.receive(BASIC, 1.0) == b""
    one.faults.remove("out")
    assert one.receive(BASIC, 2.0)


def test_a_unit_without_faults_goes_the_short_way_again() -> None:
    one = unit(Fault("drop", times=1), Fault("split", gap_s=0.5, times=1))
    one.receive(BASIC, 1.0)
    one.receive(BASIC, 2.0)
    seen = [(one.faulty, one.due_s)]
    one.on_due(2.5)
    assert [*seen, (one.faulty, one.due_s)] == [(True, 2.5), (False, None)]


def test_the_overrides_of_a_unit_are_faults_of_the_same_name() -> None:
    answers = {"03": "silence", "04": "bad-checksum", "05": "delay-0.2", "10": "0x83"}
    one = unit(**{f"answer_{key}": value for key, value in answers.items()})
    assert [fault.id for fault in one.faults.active] == [f"answer_{key}" for key in answers]
    assert one.receive(BASIC, 1.0) == b""
    assert one.receive(ReadRequest(0x05).to_wire(), 2.0) == b""
    assert one.due_s == pytest.approx(2.2)
    assert parse_response(one.on_due(2.2)).register == 0x05
    assert parse_response(one.receive(ReadRequest(0x10).to_wire(), 3.0)).status == 0x83
