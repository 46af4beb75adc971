"""PROT: every protection of the unit's own settings, at its edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from jbd_bench import BmsClient
from jbd_bench._cell_simulator import NotPossible
from jbd_bench.suites import requirement
from jbd_bench.suites.protections._bench import Bench, settings_of
from jbd_bench.suites.protections._checks import (
    check_balancing,
    check_protection,
    check_settings,
    check_turns,
    check_what_it_shows,
)
from jbd_bench.suites.protections._table import BY_NAME
from jbd_protocol import Grade

Keep = Callable[..., None]
_LEVELS = "vendor V11: threshold, delay, release; which side the last count is on: assumed"
_FETS = "cell over-voltage alone gives FET byte 02 (captured); the others like it"
SOFTWARE = [name for name, row in BY_NAME.items() if not row.hardware]
SHUNT = [name for name, row in BY_NAME.items() if row.hardware and row.quantity == "current"]
CELL = [name for name, row in BY_NAME.items() if row.hardware and row.quantity == "cell"]


@contextmanager
def _equipment() -> Iterator[None]:
    try:
        yield
    except NotPossible as cannot:
        pytest.skip(f"the equipment cannot: {cannot}")


@requirement("PROT-READ-01", "every release threshold lies on the good side of its protection",
             source="settings files of the kits", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_the_settings_leave_room_between_threshold_and_release(open_board: BmsClient) -> None:
    check_settings(settings_of(open_board))


@requirement("PROT-READ-02", "protection bits fit the FETs and the readings beside them",
             source=_FETS, grade=Grade.CAPTURED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_bits_fets_and_readings_fit_together(open_board: BmsClient) -> None:
    check_what_it_shows(open_board, settings_of(open_board))


@requirement("PROT-SOFT-01", "nothing happens one count short of the threshold; at it, when the "
             "delay is over, bit and FETs follow and the counter is one up", source=_LEVELS,
             grade=Grade.ASSUMED)  # fmt: skip
@requirement("PROT-SOFT-02", "it stands short of the release threshold, or until the release "
             "time is over, and then lets go", source=_LEVELS,
             grade=Grade.VENDOR_DOCUMENT)  # fmt: skip
@pytest.mark.jbd(writes="settings")
@pytest.mark.parametrize("name", SOFTWARE)
def test_a_protection_trips_and_lets_go_by_its_settings(bench: Bench, name: str) -> None:
    with _equipment():
        check_protection(bench, bench.settings.guarded[name])


@requirement("PROT-HARD-01", "second over-current and short circuit act within a measurement, at "
             "levels over the shunt", source="BMS-Tools; levels of the TI front end",
             grade=Grade.REPORTED)  # fmt: skip
@requirement("PROT-HARD-02", "with load detection they stand until the load is gone",
             source="JBD, explanation of terms", grade=Grade.VENDOR_DOCUMENT)  # fmt: skip
@pytest.mark.jbd(writes="settings")
@pytest.mark.parametrize("name", SHUNT)
def test_a_hardware_current_level_acts_at_once(bench: Bench, name: str) -> None:
    with _equipment():
        check_protection(bench, bench.settings.guarded[name])


@requirement("PROT-HARD-03", "the front end's cell levels act where the software is slow",
             source="BMS-Tools; that they show as the software's bit",
             grade=Grade.ASSUMED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
@pytest.mark.parametrize("name", CELL)
def test_a_hardware_cell_level_acts_for_the_software(bench: Bench, keep: Keep, name: str) -> None:
    keep(0x3C, 0x3D)
    with _equipment():
        check_protection(bench, bench.settings.guarded[name])


@requirement("PROT-BAL-01", "a cell is bled from start voltage and window on, and by bit 3 of 2D "
             "only while charging", source="JBD, explanation of terms and FAQ",
             grade=Grade.VENDOR_DOCUMENT)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_balancing_starts_by_its_settings(bench: Bench) -> None:
    with _equipment():
        check_balancing(bench)


@requirement("PROT-BAL-02", "neighbours are never bled at once and take turns",
             source="TI BQ769x0 data sheet; the turns: assumed",
             grade=Grade.VENDOR_DOCUMENT)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_neighbours_are_bled_in_turns(bench: Bench) -> None:
    with _equipment():
        check_turns(bench)
