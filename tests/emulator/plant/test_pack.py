"""Currents through FETs and diodes, bleeding, temperature, and what the front end reads."""

import random
import sys
from collections.abc import Callable

import pytest

from jbd_emulator.plant import (
    CcCvSupply,
    ConstantCurrentLoad,
    Pack,
    ResistanceLoad,
    Sample,
)

Run = Callable[..., Sample]


def test_an_idle_pack_at_rest_reads_its_open_circuit_voltage(run: Run) -> None:
    sample = run(Pack(cells=4, soc=0.5), 1)
    assert sample.cell_mv == (3299,) * 4
    assert sample.pack_mv == 13198
    assert sample.current_ma == 0
    assert sample.ntc_dk == (2981, 2981)


@pytest.mark.parametrize("cells", [3, 4, 16, 32])
def test_cells_in_series_share_one_current(cells: int, run: Run) -> None:
    pack = Pack(cells=cells, soc=0.5)
    pack.connect(ConstantCurrentLoad(20_000))
    sample = run(pack, 3600)
    assert sample.current_ma == -20_000
    assert len(sample.cell_mv) == cells
    assert all(cell.soc == pytest.approx(0.3, abs=1e-4) for cell in pack.cells)


def test_charging_is_positive(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(14_000, 10_000))
    assert run(pack, 10).current_ma == 10_000
    assert pack.soc > 0.5


def test_charge_fet_off_blocks_a_charger(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(14_600, 10_000))
    assert run(pack, 60, charge=False).current_ma == 0
    assert pack.books.charged_mah == 0.0
    assert pack.node_mv == pytest.approx(14_600, abs=1)


def test_charge_fet_off_lets_discharge_through_its_diode(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ConstantCurrentLoad(10_000))
    sample = run(pack, 60, charge=False)
    assert sample.current_ma == -10_000
    assert sample.pack_mv - pack.node_mv == pytest.approx(700 + 10, abs=1)
    assert pack.books.diode_mwh == pytest.approx(700 * 10 / 60, rel=1e-6)


def test_discharge_fet_off_blocks_a_load(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ConstantCurrentLoad(10_000), ResistanceLoad(0.1))
    assert run(pack, 60, discharge=False).current_ma == 0
    assert pack.node_mv == pytest.approx(0.0, abs=1e-3)


def test_discharge_fet_off_lets_charging_through_its_diode(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(14_600, 5_000))
    sample = run(pack, 60, discharge=False)
    assert sample.current_ma == 5_000
    assert pack.node_mv - sample.pack_mv == pytest.approx(700 + 5, abs=1)


def test_a_charger_below_the_diode_drop_cannot_wake_a_pack(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(13_500, 5_000))
    assert run(pack, 60, discharge=False).current_ma == 0
    assert run(pack, 60).current_ma > 0


def test_both_fets_off_let_nothing_through(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(20_000, 50_000), ConstantCurrentLoad(10_000))
    assert run(pack, 60, charge=False, discharge=False).current_ma == 0
    assert (pack.books.charged_mah, pack.books.discharged_mah) == (0.0, 0.0)


def test_a_short_circuit_is_limited_by_cells_and_leads_alone(run: Run) -> None:
    pack = Pack(soc=0.9)
    pack.connect(ResistanceLoad(0.002))
    assert -5_000_000 < run(pack, 0.01, dt_s=0.01).current_ma < -1_500_000


def test_bleeding_takes_the_charge_of_the_masked_cells_only(run: Run) -> None:
    pack = Pack(soc=0.9)
    run(pack, 3600, bleed=0b0100)
    taken = [0.9 * 100_000 - cell.stored_mah for cell in pack.cells]
    assert taken[2] == pytest.approx(3350 / 33, rel=0.01)
    assert taken[0] == taken[1] == taken[3] < 1.0
    assert pack.books.bleed_mah == pytest.approx(taken[2] - taken[0])


def test_bleeding_brings_a_high_cell_down_to_the_others(run: Run) -> None:
    pack = Pack(capacity_mah=1_000, soc=0.50)
    pack.set_cell(2, soc=0.60)
    run(pack, 3600, bleed=0b0010)
    assert pack.cell(2).soc == pytest.approx(0.50, abs=0.01)


def test_load_warms_the_cells_and_air_cools_them(run: Run) -> None:
    pack = Pack(soc=1.0)
    pack.connect(ConstantCurrentLoad(80_000))
    warm = run(pack, 1800).ntc_dk[0]
    assert 3000 < warm < 3300
    pack.disconnect(*pack.terminals)
    assert run(pack, 86_400, dt_s=10).ntc_dk[0] == pytest.approx(2981, abs=1)


def test_cells_follow_a_cold_night(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.ambient_dk = 2631
    assert 2631 < run(pack, 3600).ntc_dk[0] < 2981
    assert run(pack, 86_400, dt_s=10).ntc_dk == (2631, 2631)


def test_a_cold_pack_sags_more(run: Run) -> None:
    sags = []
    for ambient_dk in (2981, 2731):
        pack = Pack(soc=0.5, ambient_dk=ambient_dk)
        before = pack.sample().pack_mv
        pack.connect(ConstantCurrentLoad(50_000))
        sags.append(before - run(pack, 5).pack_mv)
    assert sags[1] > 1.5 * sags[0]


def test_results_do_not_depend_on_the_number_of_a_cell(run: Run) -> None:
    outcomes = []
    for weak in (1, 3):
        pack = Pack(soc=0.8, ntcs=0)
        pack.set_cell(weak, capacity_factor=0.8, resistance_factor=2.0)
        pack.connect(ConstantCurrentLoad(20_000))
        sample = run(pack, 3600)
        outcomes.append((sorted(sample.cell_mv), sample.pack_mv, sample.current_ma))
        assert sample.cell_mv[weak - 1] == min(sample.cell_mv)
    assert outcomes[0] == outcomes[1]


def test_spread_comes_from_the_seed_alone() -> None:
    def capacities(seed: int) -> list[float]:
        pack = Pack(spread=0.02, rng=random.Random(seed))
        return [cell.capacity_mah for cell in pack.cells]

    assert capacities(7) == capacities(7) != capacities(8)
    assert len(set(capacities(7))) == 4
    assert all(94_000 <= capacity <= 106_000 for capacity in capacities(7))


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes() -> None:
    def history() -> str:
        pack = Pack(spread=0.02, rng=random.Random(5), soc=0.6)
        pack.connect(CcCvSupply(14_200, 30_000), ConstantCurrentLoad(7_000))
        samples = [
            pack.step(1.0, charge_fet=n % 50 > 5, discharge_fet=n % 70 > 9, bleed_mask=n % 16)
            for n in range(5_000)
        ]
        return repr(samples) + repr(pack.state())

    assert history() == history()


def test_a_pack_of_four_takes_at_most_six_kilobytes() -> None:
    pack = Pack(soc=0.613, spread=0.01, rng=random.Random(1))
    pack.step(1.0, charge_fet=True, discharge_fet=True)
    seen: dict[int, object] = {}
    todo: list[object] = [pack]
    while todo:
        one = todo.pop()
        if id(one) in seen or one is None or isinstance(one, type | str):
            continue
        seen[id(one)] = one
        if isinstance(one, tuple | list):
            todo.extend(one)
        for kind in type(one).__mro__:
            todo.extend(getattr(one, name) for name in getattr(kind, "__slots__", ()))
    assert sum(map(sys.getsizeof, seen.values())) <= 6 * 1024


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cells": 2}, "cells: 2 is outside 3..32"),
        ({"cells": 33}, "cells: 33 is outside 3..32"),
        ({"cells": 4.0}, "cells: 4.0 is not a whole number"),
        ({"capacity_mah": 0}, "capacity_mah: 0 is outside 1..1e+08"),
        ({"soc": 1.2}, "soc: 1.2 is outside -0.03..1.05"),
        ({"soc": float("nan")}, "soc: nan is outside -0.03..1.05"),
        ({"ambient_dk": 25}, "ambient_dk: 25 is outside 2231..4231"),
        ({"spread": 0.1}, "rng: needed where spread is not 0"),
        ({"ntcs": 9}, "ntcs: 9 is outside 0..8"),
        ({"bleed_ohm": 0}, "bleed_ohm: 0 is outside 1..10000"),
    ],
)
def test_a_pack_that_cannot_be_says_field_and_limit(
    arguments: dict[str, float], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        Pack(**arguments)  # type: ignore[arg-type]  # wrong on purpose
    assert str(caught.value) == message


def test_air_in_celsius_is_refused() -> None:
    pack = Pack()
    with pytest.raises(ValueError, match=r"^ambient_dk: 25 is outside 2231\.\.4231$"):
        pack.ambient_dk = 25


def test_a_step_of_no_length_is_refused() -> None:
    pack = Pack()
    for dt_s in (0.0, -1.0, 3601.0, float("inf")):
        with pytest.raises(ValueError):
            pack.step(dt_s, charge_fet=True, discharge_fet=True)
