"""Every protection at its edges: one count, one tick, both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import pytest

from jbd_emulator.board import ROWS, TRANSITIONS, Protections, State, Trigger
from jbd_emulator.plant import ResistanceLoad
from jbd_protocol import COUNTERS, Fets

if TYPE_CHECKING:
    from tests.emulator.board.conftest import Rig

    Make = Callable[..., Rig]

CHARGE, DISCHARGE, BOTH = int(Fets.CHARGE), int(Fets.DISCHARGE), 3
OUT_OF_THE_WAY = {"covp": 9000, "covp_high": 9000, "povp": 90_000, "cuvp": 0, "cuvp_high": 0,
                  "puvp": 0}  # fmt: skip


class Case(NamedTuple):
    """One protection as the documents have it, in the test's own words."""

    name: str
    bit: int
    counter: str
    left_on: int
    measured: str
    sign: int  # +1 trips above, -1 below
    threshold: int | None = None  # where the setting does not say it in this unit


# The 4S kit: 0x38 is 9E55, so 2 x 89 mV and 2 x 22 mV over 0.1 mOhm.
CASES = (
    Case("covp", 0, "covp", DISCHARGE, "cell", +1),
    Case("cuvp", 1, "cuvp", CHARGE, "cell", -1),
    Case("covp_high", 0, "covp", DISCHARGE, "cell", +1),
    Case("cuvp_high", 1, "cuvp", CHARGE, "cell", -1),
    Case("povp", 2, "povp", DISCHARGE, "pack", +1),
    Case("puvp", 3, "puvp", CHARGE, "pack", -1),
    Case("chgot", 4, "chgot", DISCHARGE, "ntc", +1),
    Case("chgut", 5, "chgut", DISCHARGE, "ntc", -1),
    Case("dsgot", 6, "dsgot", CHARGE, "ntc", +1),
    Case("dsgut", 7, "dsgut", CHARGE, "ntc", -1),
    Case("chgoc", 8, "chgoc", DISCHARGE, "current", +1),
    Case("dsgoc", 9, "dsgoc", CHARGE, "current", -1),
    Case("dsgoc2", 9, "dsgoc", CHARGE, "current", -1, -440_000),
    Case("sc", 10, "sc", 0, "current", -1, -1_780_000),
)
BY_NAME = {case.name: case for case in CASES}
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
by_threshold = pytest.mark.parametrize(
    "case", [c for c in CASES if c.measured != "current"], ids=lambda case: case.name
)


def alone(rig: Rig, case: Case) -> int:
    """Put every other threshold out of the way and return the one of the case."""
    threshold = rig.get(case.name) if case.threshold is None else case.threshold
    others = {name: far for name, far in OUT_OF_THE_WAY.items() if name != case.name}
    if case.measured == "ntc":
        kin = {"chgot": 4000, "dsgot": 4000, "chgut": 2000, "dsgut": 2000}
        others |= {name: far for name, far in kin.items() if name != case.name}
    rig.set(**others)
    return threshold


def delay_of(rig: Rig, case: Case) -> int:
    """Return the delay in ticks, at least the one that sees it."""
    if case.name in ("sc", "dsgoc2"):
        return 1
    return max(1, rig.get(f"{case.name}_delay"))


def tripped(rig: Rig, case: Case) -> bool:
    return bool(rig.monitor.protection_bits >> case.bit & 1)


def trip(rig: Rig, case: Case) -> None:
    rig.hold(case.measured, alone(rig, case))
    rig.run(delay_of(rig, case))
    assert tripped(rig, case)


@every_case
def test_one_count_short_of_the_threshold_nothing_ever_happens(rig: Make, case: Case) -> None:
    board = rig()
    board.hold(case.measured, alone(board, case) - case.sign)
    # The slower over-current is passed by then, so no longer than its own delay.
    board.run(9 if case.name in ("sc", "dsgoc2") else 120)
    if case.name == "sc":
        assert board.monitor.protection_bits == 1 << 9
    else:
        assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)


@every_case
@pytest.mark.parametrize("beyond", [0, 1], ids=["at", "above"])
def test_it_trips_when_the_delay_is_over_and_not_a_tick_earlier(
    rig: Make, case: Case, beyond: int
) -> None:
    board = rig()
    board.hold(case.measured, alone(board, case) + beyond * case.sign)
    board.run(delay_of(board, case) - 1)
    assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)
    board.run(1)
    assert board.monitor.protection_bits == 1 << case.bit
    assert board.monitor.fets == case.left_on


@every_case
def test_a_trip_is_counted_once_however_long_it_stands(rig: Make, case: Case) -> None:
    board = rig()
    trip(board, case)
    board.run(3)
    wanted = [0] * len(COUNTERS)
    wanted[COUNTERS.index(f"{case.counter}_err_cnt")] = 1
    assert board.monitor.counters == wanted


@every_case
def test_a_delay_starts_anew_when_the_threshold_is_left_for_a_tick(rig: Make, case: Case) -> None:
    board = rig()
    threshold = alone(board, case)
    delay = delay_of(board, case)
    for _ in range(3):
        board.hold(case.measured, threshold)
        board.run(delay - 1)
        board.hold(case.measured, threshold - case.sign)
        board.run(1)
    assert board.monitor.protection_bits == 0 or case.name == "sc"
    assert board.monitor.counters[COUNTERS.index(f"{case.counter}_err_cnt")] == 0


@by_threshold
def test_it_stands_until_the_release_threshold_is_reached(rig: Make, case: Case) -> None:
    board = rig()
    release = board.get(f"{case.name.removesuffix('_high')}_rel")
    trip(board, case)
    board.hold(case.measured, release + case.sign)
    board.run(60)
    assert (tripped(board, case), board.monitor.fets) == (True, case.left_on)
    board.hold(case.measured, release)
    board.run(1)
    assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)


def test_a_release_threshold_on_the_wrong_side_does_not_let_go_what_still_holds(rig: Make) -> None:
    board = rig()
    board.set(covp=3350, covp_rel=3400)
    board.hold("cell", 3360)
    board.run(60)
    assert (board.monitor.protection_bits, board.monitor.counters[3]) == (1, 1)
    board.hold("cell", 3349)
    board.run(1)
    assert board.monitor.protection_bits == 0


@pytest.mark.parametrize("name", ["chgoc", "dsgoc"])
def test_over_current_lets_go_after_its_release_time(rig: Make, name: str) -> None:
    board = rig()
    trip(board, BY_NAME[name])
    board.run(board.get(f"{name}_rel") - 1)
    assert tripped(board, BY_NAME[name])
    board.run(1)
    assert board.monitor.fets == BOTH


def test_over_current_that_is_still_there_trips_again_after_release_and_delay(rig: Make) -> None:
    board = rig()
    trip(board, BY_NAME["dsgoc"])
    board.run(3 * (board.get("dsgoc_rel") + board.get("dsgoc_delay")))
    assert board.monitor.counters[COUNTERS.index("dsgoc_err_cnt")] == 4


@pytest.mark.parametrize("name", ["sc", "dsgoc2"])
def test_with_load_detection_a_short_circuit_stands_until_the_load_is_gone(
    rig: Make, name: str
) -> None:
    board = rig()
    release_s = board.get("sc_rel" if name == "sc" else "dsgoc_rel")
    trip(board, BY_NAME[name])
    board.run(10 * release_s)
    assert tripped(board, BY_NAME[name])
    board.hold("current", 0)
    board.run(release_s - 1)
    assert tripped(board, BY_NAME[name])
    board.run(1)
    assert board.monitor.fets == BOTH
    assert sum(board.monitor.counters) == 1


def test_without_load_detection_a_short_circuit_is_tried_again_and_again(rig: Make) -> None:
    board = rig()
    board.flag(1, False)
    trip(board, BY_NAME["sc"])
    board.run(4 * (board.get("sc_rel") + 1))
    assert board.monitor.counters[0] == 5


def test_a_real_short_circuit_at_the_terminals_is_cut_and_forgiven(rig: Make) -> None:
    board = rig(free=True)
    short = ResistanceLoad(0.001)
    board.pack.connect(short)
    board.run(1)
    assert board.monitor.sample.current_ma < -1_780_000
    assert (board.monitor.protection_bits, board.monitor.fets) == (1 << 10, 0)
    board.run(60)
    assert board.monitor.sample.current_ma == 0
    board.pack.disconnect(short)
    board.run(board.get("sc_rel"))
    assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)


def test_a_short_circuit_hides_its_current_from_the_slower_protections(rig: Make) -> None:
    board = rig()
    board.set(dsgoc_delay=0)
    board.hold("current", -2_000_000)
    board.run(1)
    assert board.monitor.protection_bits == 1 << 10


@pytest.mark.parametrize(
    ("shunt", "wide", "level_ma"),
    [(1, False, -440_000), (2, False, -220_000), (0x8001, False, -4_400_000), (5, True, -880_000)],
)
def test_the_hardware_levels_follow_the_shunt(
    rig: Make, shunt: int, wide: bool, level_ma: int
) -> None:
    board = rig()
    board.set(shunt_res=shunt * 100, dsgoc=-327_680)
    board.flag(12, wide)
    board.set(dsgoc_delay=200)
    board.hold("current", level_ma + 1)
    board.run(1)
    assert board.monitor.protection_bits == 0
    board.hold("current", level_ma)
    board.run(1)
    assert board.monitor.protection_bits & 1 << 9


def test_a_board_without_a_shunt_has_no_hardware_level(rig: Make) -> None:
    board = rig()
    board.set(shunt_res=0)
    board.hold("current", -9_000_000)
    board.run(1)
    assert board.monitor.protection_bits == 0


def test_the_hardware_level_stands_in_where_the_software_delay_is_long(rig: Make) -> None:
    board = rig()
    board.set(covp_delay=60, povp_delay=60)
    board.hold("cell", board.get("covp_high"))
    board.run(board.get("covp_high_delay") - 1)
    assert board.monitor.protection_bits == 0
    board.run(1)
    assert (board.monitor.protection_bits, board.monitor.counters[3]) == (1, 1)
    board.run(60)
    assert board.monitor.counters[3] == 1, "both levels of one trip are one trip"


def test_the_front_end_s_silence_turns_both_fets_off(rig: Make) -> None:
    board = rig()
    board.monitor.front_end_fault = True
    board.run(1)
    assert (board.monitor.protection_bits, board.monitor.fets) == (1 << 11, 0)
    board.monitor.front_end_fault = False
    board.run(1)
    assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_every_cell_is_watched(rig: Make, number: int) -> None:
    board = rig()
    board.pack.hold_cell(number, mv=3660)
    board.run(2)
    assert board.monitor.protection_bits == 1
    board.pack.hold_cell(number, mv=2400)
    board.run(2)
    assert board.monitor.protection_bits == 2


@pytest.mark.parametrize("number", [1, 2])
def test_every_ntc_is_watched(rig: Make, number: int) -> None:
    board = rig()
    board.pack.hold_ntc(number, dk=2731)
    board.run(2)
    assert (board.monitor.protection_bits, board.monitor.fets) == (1 << 5, DISCHARGE)


def test_an_open_ntc_reads_as_cold_and_locks_both_ways(rig: Make) -> None:
    board = rig()
    board.pack.set_ntc(2, "open")
    board.run(2)
    assert (board.monitor.protection_bits, board.monitor.fets) == (1 << 5 | 1 << 7, 0)


def test_an_ntc_that_is_not_configured_is_not_looked_at(rig: Make) -> None:
    board = rig()
    board.pack.set_ntc(2, "open")
    board.settings.write(0x2E, b"\x00\x01")
    board.run(5)
    assert board.monitor.protection_bits == 0
    board.settings.write(0x2E, b"\x00\x00")
    board.pack.set_ntc(1, "open")
    board.run(5)
    assert board.monitor.protection_bits == 0


def test_a_cell_that_the_settings_promise_and_nobody_wired_reads_nothing(rig: Make) -> None:
    board = rig()
    board.settings.write(0x2F, b"\x00\x05")
    board.run(2)
    assert board.monitor.protection_bits == 1 << 1


def test_a_cell_beyond_the_series_count_is_not_looked_at(rig: Make) -> None:
    board = rig()
    board.settings.write(0x2F, b"\x00\x03")
    board.pack.hold_cell(4, mv=2400)
    board.run(5)
    assert board.monitor.protection_bits == 0


# -- settings, power, commands ---------------------------------------------------------------


def test_a_setting_that_is_written_is_in_force_at_the_next_tick(rig: Make) -> None:
    board = rig()
    board.set(covp=3300)
    board.run(1)
    board.set(covp_delay=1)
    board.run(1)
    assert board.monitor.protection_bits == 1
    board.set(covp=3650, covp_rel=3299)
    board.run(10)
    assert board.monitor.protection_bits == 1
    board.set(covp_rel=3300)
    board.run(1)
    assert board.monitor.protection_bits == 0
    board.settings.revert()
    assert board.get("covp_rel") == 3500


def test_what_was_not_saved_is_not_in_force_after_power_off(rig: Make) -> None:
    board = rig()
    board.set(covp=3200)
    board.run(2)
    assert board.monitor.protection_bits == 1
    board.settings.revert()
    board.monitor.restart()
    board.run(10)
    assert board.monitor.protection_bits == 0


@every_case
def test_a_power_cycle_clears_the_state_and_keeps_the_counter(rig: Make, case: Case) -> None:
    board = rig()
    trip(board, case)
    counters = list(board.monitor.counters)
    board.monitor.restart()
    assert (board.monitor.protection_bits, board.monitor.fets) == (0, BOTH)
    assert board.monitor.counters == [*counters[:-1], 1]
    board.run(delay_of(board, case) - 1)
    assert board.monitor.protection_bits == 0
    board.run(1)
    assert tripped(board, case)


def test_cleared_protections_come_back_after_their_delay(rig: Make) -> None:
    board = rig()
    trip(board, BY_NAME["covp"])
    board.monitor.clear_protection()
    assert board.monitor.fets == BOTH
    board.run(1)
    assert board.monitor.fets == BOTH
    board.run(1)
    assert (board.monitor.fets, board.monitor.counters[3]) == (DISCHARGE, 2)


def test_counters_stop_at_their_end(rig: Make) -> None:
    board = rig()
    board.monitor.counters = [0xFFFF] * len(COUNTERS)
    trip(board, BY_NAME["covp"])
    board.monitor.restart()
    assert board.monitor.counters == [0xFFFF] * len(COUNTERS)


def test_the_software_lock_adds_to_what_protections_cut(rig: Make) -> None:
    board = rig()
    board.monitor.fet_lock = 2
    trip(board, BY_NAME["covp"])
    assert board.monitor.fets == 0
    assert board.monitor.shown_protection == 1 << 12 | 1
    board.hold("cell", 3300)
    board.run(1)
    assert board.monitor.fets == CHARGE


def test_an_open_switch_turns_the_discharge_fet_off_where_it_is_enabled(rig: Make) -> None:
    board = rig()
    board.monitor.switch_closed = False
    assert board.monitor.fets == CHARGE
    board.flag(0, False)
    assert board.monitor.fets == BOTH


def test_a_positive_discharge_limit_trips_at_any_discharge_and_at_nothing_else(rig: Make) -> None:
    board = rig()
    board.set(dsgoc=130_000, dsgoc_delay=0)
    board.hold("current", 0)
    board.run(5)
    assert board.monitor.protection_bits == 0
    board.hold("current", -1)
    board.run(1)
    assert board.monitor.protection_bits == 1 << 9


# -- the automaton and the table -------------------------------------------------------------


def test_the_automaton_has_no_way_out_of_a_trip_but_through_its_release() -> None:
    ways = {(state, new) for (state, _), new in TRANSITIONS.items() if state is not new}
    assert ways == {
        (State.CLEAR, State.PENDING),
        (State.PENDING, State.CLEAR),
        (State.PENDING, State.TRIPPED),
        (State.TRIPPED, State.RELEASING),
        (State.RELEASING, State.TRIPPED),
        (State.RELEASING, State.CLEAR),
    }
    assert {trigger for _, trigger in TRANSITIONS} == set(Trigger)


def test_a_row_can_be_asked_where_it_is(rig: Make) -> None:
    board = rig()
    protections = board.monitor.protections
    board.hold("cell", 3650)
    seen = [protections.state("covp")]
    for hold in (3650, 3650, 3500):
        board.hold("cell", hold)
        board.run(1)
        seen.append(protections.state("covp"))
    assert seen == [State.CLEAR, State.PENDING, State.TRIPPED, State.CLEAR]
    with pytest.raises(KeyError):
        protections.state("nothing")


def test_every_row_says_on_what_evidence(rig: Make) -> None:
    assert all(row.evidence.source for row in ROWS)
    assert {row.name for row in ROWS} == {case.name for case in CASES} | {"afe"}
    assert Protections(lambda: False).rows is ROWS
