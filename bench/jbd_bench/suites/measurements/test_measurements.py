"""MEAS: what a lab gives the board is what the board shows. Needs a cell simulator."""

from __future__ import annotations

from typing import Final

import pytest

from jbd_bench._cell_simulator import NotPossible
from jbd_bench.records import Measurements
from jbd_bench.suites import requirement
from jbd_bench.suites.protections._bench import TICK_S, Bench
from jbd_protocol import Grade

pytestmark = pytest.mark.jbd(writes="settings")
CELL_MV: Final = 10
"""How far a cell may be off, beyond what a cell simulator gives."""
NTC_DK: Final = 20
CURRENT_MA: Final = 5_000
LOW_MV, HIGH_MV = 3_100, 3_380
"""What LiFePO4 and other lithium boards bear without a protection or balancing."""


def settle(bench: Bench) -> None:
    """Wait until what is held was measured."""
    bench.wait(2 * TICK_S + bench.slack_s)


@requirement("MEAS-CELL-01", "each cell shows its own voltage, in the order of wiring, in mV",
             source="vendor V11 3.2; captures: cell 1 first", grade=Grade.CAPTURED)  # fmt: skip
def test_each_cell_shows_its_own_voltage(bench: Bench, jbd_measure: Measurements) -> None:
    bench.calm()
    count = bench.cells.cells
    # Neighbours far apart: rising in odd places, falling in even ones.
    step = (HIGH_MV - LOW_MV) // count
    held = [LOW_MV + step * n if n % 2 else HIGH_MV - step * n for n in range(count)]
    try:
        bench.hold_cells(held)
    except NotPossible as cannot:
        pytest.skip(f"the equipment cannot: {cannot}")
    settle(bench)
    shown = bench.client.cell_voltages()
    assert len(shown) == count, f"expected {count} cells, got {len(shown)}"
    off = [seen - given for seen, given in zip(shown, held, strict=True)]
    jbd_measure("cell off by at most", max(map(abs, off)), "mV", high=CELL_MV, samples=off)
    pack_mv = bench.client.basic_info().pack_mv
    jbd_measure("pack off the sum of its cells", abs(pack_mv - sum(held)) / sum(held) * 100, "%",
                high=1.0)  # fmt: skip


@requirement("MEAS-NTC-01", "each probe shows its own temperature, in tenths of a kelvin",
             source="vendor V11 3.1; captures: 2731 is 0 °C", grade=Grade.CAPTURED)  # fmt: skip
def test_each_probe_shows_its_own_temperature(bench: Bench, jbd_measure: Measurements) -> None:
    bench.calm()
    held = [2931 + 20 * n for n in range(bench.cells.ntcs)]
    try:
        bench.cells.hold_ntcs(held)
    except NotPossible as cannot:
        pytest.skip(f"the equipment cannot: {cannot}")
    settle(bench)
    shown = bench.client.basic_info().ntc_dk[: len(held)]
    off = [abs(seen - given) for seen, given in zip(shown, held, strict=False)]
    jbd_measure("probe off by at most", max(off, default=0) / 10, "K", high=NTC_DK / 10)


@requirement("MEAS-CUR-01", "a charging current is shown positive, a discharging one negative, "
             "both in size", source="vendor V11 3.1; captures", grade=Grade.CAPTURED)  # fmt: skip
@pytest.mark.parametrize("sign", [+1, -1], ids=["charging", "discharging"])
def test_a_current_shows_with_its_sign(bench: Bench, jbd_measure: Measurements, sign: int) -> None:
    bench.calm()
    try:
        bench.hold("current", sign * CURRENT_MA)
    except NotPossible as cannot:
        pytest.skip(f"the equipment cannot: {cannot}")
    settle(bench)
    shown = bench.client.basic_info().current_ma
    bench.hold("current", 0)
    share = shown / (sign * CURRENT_MA) * 100
    jbd_measure(f"shown of a current of {sign * CURRENT_MA} mA", share, "%", low=95, high=105)
