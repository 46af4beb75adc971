"""The gallery, each story told through the wire: what a client polling the unit would see."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from jbd_emulator.__main__ import main
from jbd_emulator.scenario import load_scenario, scenario_names
from jbd_protocol import Protection

from .conftest import Client, View

Play = Callable[[str], Client]
HOUR = 3600.0


def test_the_gallery_has_what_the_documents_name() -> None:
    # The other scenarios are field bugs of clients; tests/bench/gallery has those.
    assert set(scenario_names()) > {
        "cold-charge-lock",
        "deep-discharge",
        "float-13v2",
        "healthy-4s",
        "imbalance-cured",
        "short-circuit",
        "weak-cell",
    }


@pytest.mark.parametrize("name", scenario_names())
def test_each_of_the_gallery_says_in_a_sentence_what_happens(name: str) -> None:
    scenario = load_scenario(name)
    assert scenario.title.endswith(".")
    assert 40 < len(scenario.title) <= 100
    assert scenario.about
    assert all(event.at_s <= scenario.lasts_s for event in scenario.events)


def test_the_command_lists_the_gallery(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in scenario_names())
    assert main(["scenarios", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["name"] for row in rows] == list(scenario_names())
    assert all(row["title"] and row["lasts_s"] > 0 for row in rows)


def test_the_command_prints_one_to_start_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "weak-cell"]) == 0
    assert "[[event]]" in capsys.readouterr().out
    assert main(["scenarios", "--actions"]) == 0
    assert "short_circuit" in capsys.readouterr().out
    assert main(["scenarios", "nothing-of-the-kind"]) == 2
    assert ", cold-charge-lock, " in capsys.readouterr().err


@pytest.mark.slow
def test_a_healthy_pack_fills_and_nothing_trips(play: Play) -> None:
    client = play("healthy-4s")
    views = list(client.watch(24 * HOUR, every_s=300.0))
    assert views[0].info.rsoc_percent in range(58, 65)
    assert views[-1].info.rsoc_percent == 100
    assert all(view.charge_fet and view.discharge_fet for view in views)
    assert not any(view.info.protection_bits for view in views)
    assert views[-1].trips == {}
    assert max(views[-1].cell_mv) - min(views[-1].cell_mv) < 100
    assert views[-1].info.pack_mv == pytest.approx(14_000, abs=20)


def test_a_weak_cell_trips_the_charge_while_its_neighbours_are_far_from_full(play: Play) -> None:
    client = play("weak-cell")
    assert client.look(59.0).info.current_ma == 0
    assert client.look(61.0).info.current_ma == 30_000
    before, tripped = _until_change(client, 2 * HOUR)
    assert before.charge_fet
    assert before.cell_mv[2] >= 3650
    assert before.trips == {}
    assert tripped.info.protection_bits == Protection.CELL_OVERVOLTAGE
    assert not tripped.charge_fet
    assert tripped.discharge_fet
    assert tripped.trips == {"covp": 1}
    assert max(tripped.cell_mv[0], tripped.cell_mv[1], tripped.cell_mv[3]) < 3400
    assert client.unit.device.pack.cell(1).soc < 0.80
    held, released = _until_change(client, 2 * HOUR)
    assert held.cell_mv[2] > 3500 >= released.cell_mv[2]
    assert released.charge_fet
    assert released.info.protection_bits == 0
    _, again = _until_change(client, client.now_s + 60.0)
    assert again.trips == {"covp": 2}


def test_a_load_through_the_body_diode_brings_the_weak_pack_back(play: Play) -> None:
    client = play("weak-cell")
    assert not client.look(2 * HOUR).charge_fet
    fed = client.look(2 * HOUR + 5)
    assert not fed.charge_fet
    assert fed.info.current_ma == -10_000
    back = client.look(3 * HOUR)
    assert back.charge_fet
    assert back.info.protection_bits == 0


def test_cold_locks_the_charge_but_not_the_load(play: Play) -> None:
    client = play("cold-charge-lock")
    assert client.look(600.0).info.current_ma == 4_000
    locked = client.look(4 * HOUR)
    assert locked.info.protection_bits == Protection.CHARGE_UNDERTEMPERATURE
    assert (locked.charge_fet, locked.discharge_fet) == (False, True)
    assert locked.trips == {"chgut": 1}
    assert max(locked.celsius) < 1.0
    assert client.look(4.5 * HOUR).info.current_ma == -5_000
    still = client.look(9 * HOUR)
    assert still.info.current_ma == 0
    assert not still.charge_fet
    cold = client.look(9.5 * HOUR)
    assert 1.0 < min(cold.celsius) < 10.0
    assert not cold.charge_fet
    warm = client.look(12 * HOUR)
    assert min(warm.celsius) > 10.0
    assert warm.charge_fet
    assert warm.info.current_ma == 4_000
    assert warm.trips == {"chgut": 1}


def test_a_short_circuit_opens_both_fets_until_every_load_is_gone(play: Play) -> None:
    client = play("short-circuit")
    assert client.look(60.0).info.current_ma == -5_000
    short = client.look(61.0)
    assert short.info.protection_bits == Protection.SHORT_CIRCUIT
    assert (short.charge_fet, short.discharge_fet) == (False, False)
    assert short.trips == {"sc": 1}
    assert client.look(62.0).info.current_ma == 0
    lamp = client.look(179.0)
    assert lamp.info.protection_bits == Protection.SHORT_CIRCUIT
    assert not lamp.discharge_fet
    back = client.look(190.0)
    assert back.info.protection_bits == 0
    assert back.charge_fet
    assert back.discharge_fet
    assert client.look(302.0).info.current_ma == -5_000
    assert client.look(600.0).trips == {"sc": 1}


def test_a_charger_brings_a_deeply_discharged_pack_back(play: Play) -> None:
    client = play("deep-discharge")
    before, empty = _until_change(client, 2 * HOUR)
    assert before.info.current_ma == -20_000
    assert empty.info.protection_bits == Protection.CELL_UNDERVOLTAGE
    assert (empty.charge_fet, empty.discharge_fet) == (True, False)
    assert empty.trips == {"cuvp": 1}
    assert min(empty.cell_mv) == empty.cell_mv[1]
    assert client.look(2.9 * HOUR).info.current_ma == 0
    # The charge FET is on, the other one's body diode lets the charger in.
    fed = client.look(3 * HOUR + 5)
    assert not fed.discharge_fet
    assert fed.info.current_ma == 10_000
    held, released = _until_change(client, 4 * HOUR)
    assert min(held.cell_mv) < 3000 <= min(released.cell_mv)
    assert released.discharge_fet
    assert client.look(6 * HOUR).info.rsoc_percent > 20


@pytest.mark.slow
def test_balancing_brings_unequal_cells_together_in_days(play: Play) -> None:
    client = play("imbalance-cured")
    first = client.look(1.0)
    assert max(first.cell_mv) - min(first.cell_mv) <= 3  # the plateau hides 3 %
    views = list(client.watch(48 * HOUR, every_s=900.0))
    assert any(view.info.protection_bits & Protection.CELL_OVERVOLTAGE for view in views[:60])
    assert any(view.info.balance_low == 0b0001 for view in views[:60])
    late = views[-20:]
    assert not any(view.info.protection_bits for view in late)
    assert late[0].trips == late[-1].trips
    assert 2 <= late[-1].trips["covp"] <= 10
    assert max(late[-1].cell_mv) - min(late[-1].cell_mv) <= 15
    socs = [cell.soc for cell in client.unit.device.pack.cells]
    assert max(socs) - min(socs) < 0.005


@pytest.mark.slow
def test_a_float_of_13v2_empties_a_third_of_a_plugged_pack_and_no_bit_says_so(play: Play) -> None:
    client = play("float-13v2")
    views = list(client.watch(48 * HOUR, every_s=600.0))
    assert not any(view.info.protection_bits for view in views)
    assert views[-1].trips == {}
    assert all(view.charge_fet and view.discharge_fet for view in views)
    percents = [view.info.rsoc_percent for view in views[30:]]
    assert max(percents) == 100
    assert min(percents) < 75
    floating = [view.info.pack_mv for view in views if view.info.rsoc_percent < 75]
    assert floating
    assert min(floating) >= 13_180


def _until_change(client: Client, until_s: float) -> tuple[View, View]:
    """Poll once a second and return the last view before the FETs change, and the first after."""
    before = client.look(client.now_s + 1.0)
    for view in client.watch(until_s):
        if view.info.fet_bits != before.info.fet_bits:
            return before, view
        before = view
    raise AssertionError(f"FETs stay 0x{before.info.fet_bits:02X} until {until_s:g} s")
