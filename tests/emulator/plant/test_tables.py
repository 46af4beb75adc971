"""Packs and terminals as a scenario file describes them."""

import tomllib
from collections.abc import Callable

import pytest

from jbd_emulator.plant import (
    ConstantCurrentLoad,
    Sample,
    SolarProfile,
    pack_from_table,
    terminal_from_table,
)

Run = Callable[..., Sample]

SCENARIO = """
[pack]
cells = 8
capacity_mah = 50_000
soc = 0.4
spread = 0.01
seed = 9
ntcs = 3
cell = [{ number = 2, soc = 0.5 }, { number = 8, capacity_factor = 0.8, leak_ma = 5 }]
ntc = [{ number = 3, state = "short" }]

[[terminal]]
kind = "solar"
peak_ma = 20_000
charger = { kind = "lead_acid", current_ma = 30_000, absorption_mv = 28_400, float_mv = 26_400 }

[[terminal]]
kind = "schedule"
on_hour = 20
off_hour = 4
terminal = { kind = "power_load", power_mw = 60_000 }
"""


def test_a_scenario_becomes_a_pack_with_its_terminals(run: Run) -> None:
    scenario = tomllib.loads(SCENARIO)
    pack = pack_from_table(scenario["pack"])
    pack.connect(*(terminal_from_table(table) for table in scenario["terminal"]))
    assert isinstance(pack.terminals[0], SolarProfile)
    assert (len(pack.cells), pack.cell(2).soc, pack.cell(8).capacity_mah) == (8, 0.5, 40_000)
    sample = run(pack, 10)
    assert sample.ntc_dk[2] == 4231
    assert sample.current_ma == pytest.approx(-60_000_000 / pack.node_mv, rel=1e-3)


def test_the_same_seed_in_a_table_is_the_same_pack() -> None:
    table = tomllib.loads(SCENARIO)["pack"]
    assert pack_from_table(table).state() == pack_from_table(table).state()


@pytest.mark.parametrize(
    "table",
    [
        {"kind": "cc_cv", "voltage_mv": 14_000, "current_ma": 5_000},
        {"kind": "csv", "content": "0,5\n1,6\n", "shape": "linear"},
        {"kind": "current_load", "current_ma": 5},
        {"kind": "daily_load", "current_ma": 5, "on_hour": 1, "off_hour": 2},
        {"kind": "power_load", "power_mw": 5},
        {"kind": "profile", "rows": [[0, 5], [1, 6]]},
        {"kind": "resistance_load", "resistance_ohm": 5},
    ],
    ids=lambda table: str(table["kind"]),
)
def test_every_kind_of_terminal_has_a_table(table: dict[str, object]) -> None:
    assert terminal_from_table(table).branch(0.0, 13_000.0)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({}, "kind: None is not a string"),
        (
            {"kind": "current_load", "current_ma": -5},
            "current_ma: -5 is outside 0..1e+07",
        ),
        ({"kind": "current_load"}, "current_ma: missing from a current_load table"),
        (
            {"kind": "current_load", "current_ma": 5, "volts": 1},
            "volts: unknown, known are current_ma",
        ),
        ({"kind": "current_load", "current_ma": True}, "current_ma: True is not a number"),
        ({"kind": "solar", "charger": 3, "peak_ma": 1}, "charger: 3 is not a table"),
        (
            {
                "kind": "solar",
                "charger": {"kind": "cc_cv", "voltage_mv": 1, "current_ma": 1},
                "peak_ma": 1,
                "sunrise_hour": 9,
                "sunset_hour": 8,
            },
            "sunset_hour: 8 is not after 9",
        ),
        ({"kind": "profile", "rows": [[0, 5, 6]]}, "row 1 length: 3 is outside 2..2"),
        ({"kind": "profile", "rows": 3}, "rows: 3 is not a list"),
    ],
)
def test_a_broken_terminal_table_says_field_and_limit(
    table: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError) as caught:
        terminal_from_table(table)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"series": 4}, "series: unknown, known are cells, "),
        ({"cells": "4"}, "cells: '4' is not a whole number"),
        ({"seed": -1}, "seed: -1 is outside 0..9223372036854775807"),
        ({"cell": [{"soc": 0.5}]}, "cell number: None is not a whole number"),
        ({"cell": [{"number": 5, "soc": 0.5}]}, "cell: 5 is outside 1..4"),
        ({"cell": [{"number": 1, "mood": 1}]}, "cell mood: unknown, known are number, "),
        ({"ntc": [{"number": 1, "state": "wet"}]}, "ntc state: 'wet' is none of ok, open, short"),
    ],
)
def test_a_broken_pack_table_says_field_and_limit(table: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        pack_from_table(table)
    assert str(caught.value).startswith(message)


def test_a_terminal_from_a_table_is_the_class() -> None:
    assert isinstance(
        terminal_from_table({"kind": "current_load", "current_ma": 5}), ConstantCurrentLoad
    )
