"""PWD-MON: whatever the password does, monitoring is served."""

from __future__ import annotations

import pytest

from jbd_bench import BmsClient
from jbd_bench.suites import requirement
from jbd_bench.suites._wire import Wire, expect_status
from jbd_protocol import CLEAR_PIN, ENTER_FACTORY, Grade, ReadRequest, Request, pair

# What a client may have tried before it looks at the battery.
ATTEMPTS: dict[str, list[Request]] = {
    "nothing": [],
    "the blank PIN": [pair()],
    "a wrong PIN": [pair(bytes((9, 8, 7, 6, 5, 4)))],
    "ten wrong PINs": [pair(bytes((9, 9, 9, 9, 9, n))) for n in range(10)],
    "a refused factory mode": [ENTER_FACTORY],
    "a clear": [CLEAR_PIN],
}


@requirement(
    "PWD-MON-01",
    "03, 04 and 05 are served with and without PIN, whatever was tried",
    source="the field: iOS and desktop clients show them on locked units",
    grade=Grade.REPORTED,
)
@pytest.mark.jbd(writes=("password", "settings"), embedded=True)
@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_monitoring_is_served_whatever_was_tried(wire: Wire, attempt: str) -> None:
    for request in ATTEMPTS[attempt]:
        wire.ask(request)
    for register in (0x03, 0x04, 0x05):
        expect_status(wire.ask(ReadRequest(register)), 0x00)


@requirement(
    "PWD-MON-02",
    "monitoring needs nothing before it",
    source="captures; the field",
    grade=Grade.REPORTED,
)
def test_monitoring_needs_nothing_before_it(bms: BmsClient) -> None:
    info = bms.basic_info()
    assert info.cells == len(bms.cell_voltages())
    assert bms.board_name()
