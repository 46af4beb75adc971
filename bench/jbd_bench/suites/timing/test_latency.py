"""TIME: how long answers take, measured against the clients that wait shortest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import pytest

from jbd_bench import BmsClient
from jbd_bench.records import Measurements
from jbd_bench.suites import requirement
from jbd_protocol import ENTER_FACTORY, SAVE_AND_LEAVE_FACTORY, Grade

SAMPLES: Final = 25
LIMIT_S: Final = 0.25
"""dbus-serialbattery gives the head of an answer so long."""
SETTING_LIMIT_S: Final = 0.5
"""JBDTools gives a whole answer to a setting, or an acknowledgement, so long."""
SETTINGS_SAMPLED: Final = (0x10, 0x14, 0x18, 0x20, 0x24, 0x26, 0x28, 0x2D, 0x2F, 0x38, 0x3D, 0xA1)


def percentile(samples: Sequence[float], share: float) -> float:
    """Return the sample that ``share`` of all are at or below."""
    return sorted(samples)[max(0, math.ceil(share * len(samples)) - 1)]


def timed(client: BmsClient, register: int, count: int = SAMPLES) -> list[float]:
    """Return the seconds each of several reads took, sending to completed answer."""
    samples = []
    for _ in range(count):
        client.read(register)
        samples.append(client.latency_s)
    return samples


@requirement("TIME-LAT-01", "19 of 20 answers are complete within 0.25 s, every one within 1 s",
             source="dbus-serialbattery and JBDTools wait so long (measured); captured medians "
             "0.05 to 0.08 s", grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_monitoring_is_answered_in_time(
    bms: BmsClient, jbd_measure: Measurements, register: int
) -> None:
    bms.read(0x03)  # a board that slept loses its first request
    samples = timed(bms, register)
    name = f"latency of 0x{register:02X}"
    jbd_measure(f"{name}, median", percentile(samples, 0.5), "s", samples=samples)
    jbd_measure(f"{name}, 95 %", percentile(samples, 0.95), "s", high=LIMIT_S)
    jbd_measure(f"{name}, worst", max(samples), "s", high=1.0)


@requirement("TIME-LAT-02", "19 of 20 settings are answered within 0.5 s",
             source="JBDTools gives 0.5 s and three tries (measured)",
             grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_settings_are_answered_in_time(open_board: BmsClient, jbd_measure: Measurements) -> None:
    samples = []
    with open_board.factory_mode():
        for address in SETTINGS_SAMPLED:
            samples += timed(open_board, address, 2)
    jbd_measure("latency of settings, median", percentile(samples, 0.5), "s", samples=samples)
    jbd_measure("latency of settings, 95 %", percentile(samples, 0.95), "s", high=SETTING_LIMIT_S)


@requirement("TIME-LAT-03", "a save is acknowledged within 0.5 s",
             source="JBDTools waits 0.5 s for seven bytes (measured)",
             grade=Grade.REPORTED)  # fmt: skip
@pytest.mark.jbd(writes="settings")
def test_a_save_is_acknowledged_in_time(open_board: BmsClient, jbd_measure: Measurements) -> None:
    open_board.request(ENTER_FACTORY)
    open_board.request(SAVE_AND_LEAVE_FACTORY)
    jbd_measure("latency of a save", open_board.latency_s, "s", high=SETTING_LIMIT_S)
