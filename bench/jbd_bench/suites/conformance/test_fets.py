"""CONF-FET: the MOSFET control 0xE1 and what 0x03 shows of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, Clock
from jbd_bench.suites import requirement
from jbd_bench.suites._wire import Wire, expect_ack
from jbd_protocol import Fets, Grade, Protection, WriteRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jbd_bench._under_test import EmulatedUnit

BOTH = Fets.CHARGE | Fets.DISCHARGE
# Bit 0 set turns the charge FET off, bit 1 the discharge FET.
CONTROL = {0x00: BOTH, 0x01: Fets.DISCHARGE, 0x02: Fets.CHARGE, 0x03: Fets(0)}


@pytest.fixture
def fets(open_board: BmsClient, jbd_clock: Clock) -> Iterator[BmsClient]:
    """The client of a board whose FETs are on, and are turned on again after the test."""
    if open_board.basic_info().fets & BOTH != BOTH:
        pytest.skip("the board has a FET off for a reason of its own")
    yield open_board
    open_board.write(0xE1, b"\x00\x00")


def shown_soon(client: BmsClient, clock: Clock, wanted: Fets) -> tuple[Fets, bool]:
    """Return FETs and software lock as 03 shows them, polled for up to 1 s."""
    until_s = clock.now_s() + 1.0
    while True:
        info = client.basic_info()
        if info.fets & BOTH == wanted or clock.now_s() >= until_s:
            return info.fets & BOTH, bool(info.protections & Protection.SOFTWARE_LOCK)
        clock.sleep_until(min(until_s, clock.now_s() + 0.1))


@requirement(
    "CONF-FET-01",
    "E1 is obeyed without factory mode, in all four values",
    source="app captures on 0x80; jbd-bms clients (measured)",
    grade=Grade.CAPTURED,
)
@requirement(
    "CONF-FET-02",
    "03 shows the FETs at the next poll, and bit 12 while one is off",
    source="app captures on 0x80",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="fets")
@pytest.mark.parametrize("value", CONTROL)
def test_e1_is_obeyed_without_factory_mode(
    wire: Wire, fets: BmsClient, jbd_clock: Clock, value: int
) -> None:
    expect_ack(wire.ask(WriteRequest(0xE1, bytes((0, value)))))
    assert shown_soon(fets, jbd_clock, CONTROL[value]) == (CONTROL[value], bool(value))


@requirement(
    "CONF-FET-03",
    "E1 is obeyed in factory mode, and what it did outlives the exit",
    source="JBDTools and BMS-Tools wrap it (measured)",
    grade=Grade.REPORTED,
)
@pytest.mark.jbd(writes=("fets", "settings"))
@pytest.mark.parametrize("value", CONTROL)
def test_e1_is_obeyed_in_factory_mode(
    wire: Wire, fets: BmsClient, jbd_clock: Clock, value: int
) -> None:
    with fets.factory_mode():
        expect_ack(wire.ask(WriteRequest(0xE1, bytes((0, value)))))
    assert shown_soon(fets, jbd_clock, CONTROL[value]) == (CONTROL[value], bool(value))


@requirement(
    "CONF-FET-04",
    "every change of E1 replaces the one before",
    source="app captures on 0x80: 0001, 0002, 0000",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="fets")
def test_each_value_of_e1_replaces_the_one_before(fets: BmsClient, jbd_clock: Clock) -> None:
    seen = []
    for value in (0x01, 0x02, 0x03, 0x00):
        fets.write(0xE1, bytes((0, value)))
        seen.append(shown_soon(fets, jbd_clock, CONTROL[value])[0])
    assert seen == [CONTROL[value] for value in (0x01, 0x02, 0x03, 0x00)]


@requirement(
    "CONF-FET-05",
    "monitoring goes on while both FETs are off",
    source="app captures on 0x80",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="fets")
def test_monitoring_goes_on_with_both_fets_off(fets: BmsClient) -> None:
    fets.write(0xE1, b"\x00\x03")
    assert len(fets.cell_voltages()) == fets.basic_info().cells


@requirement(
    "CONF-FET-06",
    "a lock by software does not outlive power-off",
    source="concluded: no source says it is stored",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(writes="fets", embedded=True)
def test_the_software_lock_does_not_outlive_power_off(
    open_board: BmsClient, jbd_unit: EmulatedUnit
) -> None:
    open_board.write(0xE1, b"\x00\x03")
    jbd_unit.power_cycle()
    info = open_board.basic_info()
    assert (info.fets & BOTH, info.protection_bits) == (BOTH, 0)


@requirement(
    "CONF-FET-07",
    "both FETs are shown on where no protection and no command turned one off",
    source="every capture of a board at rest: FET byte 03 with protections 0000",
    grade=Grade.CAPTURED,
)
def test_both_fets_are_on_where_nothing_turned_them_off(bms: BmsClient) -> None:
    info = bms.basic_info()
    if info.protection_bits:
        pytest.skip(f"the board has a reason to turn FETs off: {info.protections!r}")
    assert info.fets & BOTH == BOTH, f"expected both FETs on, got {info.fets!r}"
