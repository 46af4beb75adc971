"""TIME: what a board that was left alone for a while does with the first requests."""

from __future__ import annotations

from typing import Final

from jbd_bench.records import Measurements
from jbd_bench.suites import requirement
from jbd_bench.suites._wire import WAIT_S, Wire, expect_status
from jbd_protocol import Grade, ReadRequest

SILENCE_S: Final = 33.0
"""Captured: an SP04S060 falls asleep about 30 s after the last traffic."""
APP_S: Final = 2.0
"""Android apps poll so often and wait so long."""
TRIES: Final = 10


@requirement("TIME-SLEEP-01", "after 30 s of silence at most two requests go unanswered, and the "
             "board answers within 2 s", source="captured on 0x80 and 0x44: the first request is "
             "lost, once the second too; apps wait 2 s", grade=Grade.CAPTURED)  # fmt: skip
def test_a_board_left_alone_wakes_in_time(wire: Wire, jbd_measure: Measurements) -> None:
    clock, request = wire.link.clock, ReadRequest(0x03)
    wire.ask(request)
    clock.sleep_until(clock.now_s() + SILENCE_S)
    start_s, lost = clock.now_s(), 0
    while (answer := wire.ask(request)) is None and lost < TRIES:
        lost += 1
    took_s = clock.now_s() - start_s
    jbd_measure("requests lost while it woke", lost, "of 10", high=2)
    jbd_measure("time to wake", took_s, "s", high=2 * WAIT_S + 1.0)
    expect_status(answer, 0x00)


@requirement("TIME-SLEEP-02", "a board that is polled every 2 s stays awake",
             source="app captures: minutes of polling, none lost",
             grade=Grade.CAPTURED)  # fmt: skip
def test_a_polled_board_stays_awake(wire: Wire, jbd_measure: Measurements) -> None:
    clock, lost = wire.link.clock, 0
    wire.ask(ReadRequest(0x03))
    for _ in range(5):
        clock.sleep_until(clock.now_s() + APP_S)
        lost += wire.ask(ReadRequest(0x04)) is None
    jbd_measure("polls lost", lost, "of 5", high=0)
