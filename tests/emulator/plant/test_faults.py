"""Weak, leaking, unbalanced cells, broken NTCs, and a bench's hands on the pack."""

from collections.abc import Callable

import pytest

from jbd_emulator.plant import CcCvSupply, ConstantCurrentLoad, Pack, Sample

Run = Callable[..., Sample]


def test_a_weak_cell_is_full_first_and_empty_first(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.set_cell(3, capacity_factor=0.7, resistance_factor=3.0)
    supply, load = CcCvSupply(14_600, 50_000), ConstantCurrentLoad(50_000)
    pack.connect(supply)
    while max(sample := run(pack, 10, dt_s=10).cell_mv) < 3_600:
        pass
    assert max(sample) == sample[2]
    pack.disconnect(supply)
    pack.connect(load)
    while min(sample := run(pack, 10, dt_s=10).cell_mv) > 2_800:
        pass
    assert min(sample) == sample[2]


def test_a_leaking_cell_falls_behind(run: Run) -> None:
    pack = Pack(soc=0.8)
    pack.set_cell(2, leak_ma=200)
    run(pack, 86_400, dt_s=60)
    assert pack.cell(1).soc - pack.cell(2).soc == pytest.approx(0.048, abs=1e-4)
    assert pack.books.self_discharge_mah == pytest.approx(4_800, rel=0.02)


def test_healthy_cells_keep_their_charge_for_a_month(run: Run) -> None:
    pack = Pack(soc=0.8)
    run(pack, 30 * 86_400, dt_s=3600)
    assert 0.796 < pack.soc < 0.798


def test_an_unbalanced_cell_stays_ahead_on_the_way_up(run: Run) -> None:
    pack = Pack(soc=0.9)
    pack.set_cell(4, soc=0.95)
    pack.connect(CcCvSupply(14_600, 20_000))
    sample = run(pack, 1020)
    assert sample.cell_mv[3] > max(sample.cell_mv[:3]) + 50


def test_broken_ntcs_read_their_ends() -> None:
    pack = Pack(ntcs=3)
    pack.set_ntc(1, "open")
    pack.set_ntc(3, "short")
    assert pack.sample().ntc_dk == (0x097F, 2981, 4231)
    pack.set_ntc(1, "ok")
    assert pack.sample().ntc_dk[0] == 2981


def test_a_pack_may_have_no_ntc() -> None:
    assert Pack(ntcs=0).sample().ntc_dk == ()


def test_a_held_cell_reads_exactly_what_holds_it(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ConstantCurrentLoad(20_000))
    pack.hold_cell(3, mv=3_660)
    sample = run(pack, 100)
    assert sample.cell_mv[2] == 3_660
    assert sample.pack_mv == pytest.approx(sum(sample.cell_mv), abs=2)
    assert pack.cell(3).soc == 0.5
    pack.release_cell(3)
    assert run(pack, 1).cell_mv[2] < 3_400


def test_a_held_cell_changes_what_the_charger_sees(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(CcCvSupply(13_300, 20_000))
    assert run(pack, 5).current_ma > 0
    pack.hold_cell(1, mv=3_900)
    assert run(pack, 5).current_ma == 0


def test_a_held_ntc_reads_exactly_what_holds_it() -> None:
    pack = Pack()
    pack.set_ntc(2, "open")
    pack.hold_ntc(2, dk=3_381)
    assert pack.sample().ntc_dk == (2981, 3381)
    pack.release_ntc(2)
    assert pack.sample().ntc_dk == (2981, 0x097F)


def test_a_held_current_flows_as_far_as_the_fets_let_it(run: Run) -> None:
    pack = Pack(soc=0.5)
    pack.connect(ConstantCurrentLoad(3_000))
    pack.hold_current(61_230)
    assert run(pack, 1).current_ma == 61_230
    assert run(pack, 1, charge=False).current_ma == 0
    assert run(pack, 1, discharge=False).current_ma == 61_230
    pack.hold_current(-61_230)
    assert run(pack, 1).current_ma == -61_230
    assert run(pack, 1, discharge=False).current_ma == 0
    assert run(pack, 1, charge=False).current_ma == -61_230
    pack.release_current()
    assert run(pack, 1).current_ma == -3_000


def test_hands_on_what_is_not_there_are_refused() -> None:
    pack = Pack()
    with pytest.raises(ValueError, match=r"^cell: 5 is outside 1\.\.4$"):
        pack.hold_cell(5, mv=3_300)
    with pytest.raises(ValueError, match=r"^cell: 0 is outside 1\.\.4$"):
        pack.set_cell(0, soc=0.5)
    with pytest.raises(ValueError, match=r"^ntc: 3 is outside 1\.\.2$"):
        pack.hold_ntc(3, dk=2981)
    with pytest.raises(ValueError, match=r"^ntc state: 'wet' is none of ok, open, short$"):
        pack.set_ntc(1, "wet")
    with pytest.raises(ValueError, match=r"^leak_ma: -1 is outside 0\.\.1e\+06$"):
        pack.set_cell(1, leak_ma=-1)
    with pytest.raises(ValueError, match=r"^terminal: .* is not connected$"):
        pack.disconnect(ConstantCurrentLoad(1))
