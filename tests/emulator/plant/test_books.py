"""A week of charge and energy adds up to 0.1 %, whatever is connected."""

import random
from collections.abc import Callable

import pytest

from jbd_emulator.plant import (
    CcCvSupply,
    ConstantPowerLoad,
    LeadAcidCharger,
    Pack,
    Sample,
    SolarProfile,
    daily_load,
)

Run = Callable[..., Sample]
DT_S = 10.0
WEEK = int(7 * 86_400 / DT_S)


def ideal(pack: Pack) -> None:
    pack.connect(CcCvSupply(3_500 * len(pack.cells), 20_000), daily_load(10_000, 18, 23))


def floating(pack: Pack) -> None:
    cells = len(pack.cells)
    source = LeadAcidCharger(30_000, 3_600 * cells, 3_300 * cells, rebulk_after_s=86_400)
    pack.connect(source, daily_load(10_000, 18, 23))


def solar(pack: Pack) -> None:
    source = SolarProfile(CcCvSupply(3_550 * len(pack.cells), 40_000), 15_000)
    pack.connect(source, ConstantPowerLoad(40_000))


def unbalanced(pack: Pack) -> None:
    pack.set_cell(1, soc=0.62, leak_ma=100)
    pack.set_cell(2, capacity_factor=0.8, resistance_factor=2)
    ideal(pack)


def overcharged(pack: Pack) -> None:
    pack.connect(CcCvSupply(5_200 * len(pack.cells), 5_000))


def check(pack: Pack, stored_mah: float, stored_mwh: float) -> None:
    books, cells = pack.books, len(pack.cells)
    moved_mah = books.charged_mah + books.discharged_mah + abs(books.lost_mah)
    charge = cells * (books.charged_mah - books.discharged_mah) + books.bench_mah
    assert charge - (pack.stored_mah - stored_mah) - books.lost_mah == pytest.approx(
        0.0, abs=1e-3 * moved_mah
    )
    moved_mwh = books.charged_mwh + books.discharged_mwh + books.dissipated_mwh
    energy = books.charged_mwh - books.discharged_mwh + books.bench_mwh
    assert energy - (pack.stored_mwh - stored_mwh) - books.dissipated_mwh == pytest.approx(
        0.0, abs=1e-3 * moved_mwh
    )


@pytest.mark.slow
@pytest.mark.parametrize("setup", [ideal, floating, solar, unbalanced, overcharged])
@pytest.mark.parametrize("cells", [4, 8])
def test_charge_and_energy_of_a_week_balance(setup: Callable[[Pack], None], cells: int) -> None:
    pack = Pack(cells=cells, soc=0.5, spread=0.01, rng=random.Random(3))
    stored_mah, stored_mwh = pack.stored_mah, pack.stored_mwh
    setup(pack)
    for count in range(WEEK):
        mask = 0b0101 if count % 7 == 0 else 0
        fets = count % 1000 > 30
        pack.step(DT_S, charge_fet=fets, discharge_fet=count % 900 > 20, bleed_mask=mask)
    check(pack, stored_mah, stored_mwh)
    assert pack.books.bleed_mah > 0
    assert pack.books.self_discharge_mah > 0
    assert pack.books.ohmic_mwh > 0
    assert pack.books.rc_mwh > 0


@pytest.mark.slow
def test_books_balance_with_a_cell_simulator_in_the_string(run: Run) -> None:
    pack = Pack(soc=0.6)
    stored_mah, stored_mwh = pack.stored_mah, pack.stored_mwh
    ideal(pack)
    run(pack, 3600)
    pack.hold_cell(2, mv=3_660)
    run(pack, 3600)
    pack.release_cell(2)
    run(pack, 3600)
    check(pack, stored_mah, stored_mwh)


@pytest.mark.slow
def test_books_balance_through_an_empty_pack(run: Run) -> None:
    pack = Pack(capacity_mah=1_000, soc=0.2)
    stored_mah, stored_mwh = pack.stored_mah, pack.stored_mwh
    pack.hold_current(-500)
    run(pack, 3600)
    check(pack, stored_mah, stored_mwh)
    assert pack.books.side_mah < 0
    assert all(cell.soc == -0.03 for cell in pack.cells)


def test_hysteresis_costs_a_round_trip_its_loop(run: Run) -> None:
    pack = Pack(soc=0.4)
    for ma in (10_000, -10_000, 10_000, -10_000):
        before = pack.books.hysteresis_mwh
        pack.hold_current(ma)
        run(pack, 3600 * 2, dt_s=10)
    assert before >= 0
    # Two loops of 20 Ah through about 9.5 mV, four cells; less where branches are changed.
    assert 600 < pack.books.hysteresis_mwh < 4 * 4 * 20 * 12
