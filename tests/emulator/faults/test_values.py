"""Faults as values: what they hold, what is refused, tables and back, the table of kinds."""

from __future__ import annotations

import io
import json
import re
import tomllib
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import ConfigError, Fault, Unit, fault_from_table, parse_unit, unit_from_table
from jbd_emulator.__main__ import main
from jbd_emulator.faults import KINDS, WHERE, Field
from jbd_emulator.faults._board import BOARD
from jbd_emulator.faults._edits import EDITS
from jbd_emulator.scenario import parse_scenario
from jbd_protocol import ReadRequest

DOCS = Path(__file__).resolve().parents[3] / "docs" / "faults.md"


def values(field: Field) -> st.SearchStrategy[Any]:  # Any: what a field holds depends on it
    low, high = int(field.low), int(field.high)
    return {
        "whole": st.integers(low, high),
        "register": st.integers(low, high),
        "number": st.floats(field.low, field.high, allow_nan=False),
        "bytes": st.binary(min_size=low, max_size=high),
        "choice": st.sampled_from(field.choices or ("",)),
        "flag": st.booleans(),
        "text": st.text("abcXYZ-09 ", max_size=high),
    }[field.type]


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    row = KINDS[draw(st.sampled_from(tuple(KINDS)))]
    given: dict[str, Any] = {}
    for field in (*WHERE, *row.fields):
        if field.name == "direction":
            given["direction"] = draw(st.sampled_from(row.directions))
        elif draw(st.booleans()) or field.needed:
            given[field.name] = draw(values(field))
    return Fault(row.name, **given)


@given(fault=faults())
def test_a_table_says_all_of_a_fault_also_as_json(fault: Fault) -> None:
    table = json.loads(json.dumps(fault.as_table()))
    assert fault_from_table(table) == fault


def test_every_kind_has_what_does_it_and_nothing_else() -> None:
    assert set(EDITS) | set(BOARD) | {"answer"} == set(KINDS)
    assert not set(EDITS) & set(BOARD)
    assert {name for name, row in KINDS.items() if row.scope == "wire"} == set(EDITS)
    assert {name for name, row in KINDS.items() if row.scope in ("board", "link")} == set(BOARD)
    assert all(row.evidence for row in KINDS.values() if row.scope == "board")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "drp"}, r"fault kind 'drp': unknown; there is drop, "),
        ({}, "fault kind None: unknown"),
        ({"kind": "drop", "byte": 512}, "fault drop byte 512: must be -512 to 511"),
        ({"kind": "drop", "byte": 1.5}, "fault drop byte 1.5: must be a whole number, "),
        ({"kind": "drop", "count": True}, "fault drop count True: must be a whole number"),
        ({"kind": "drop", "delay_s": 1}, "fault drop delay_s: not a field of this kind; there is "),
        (
            {"kind": "delay", "delay_s": float("nan")},
            "fault delay delay_s nan: must be 0 to 86400 s",
        ),
        ({"kind": "delay", "delay_s": "1"}, "fault delay delay_s '1': must be a number"),
        ({"kind": "drop", "p": 1.1}, "fault drop p 1.1: must be 0 to 1"),
        ({"kind": "drop", "register": "0x1FF"}, "fault drop register 511: must be 0 to 255"),
        ({"kind": "drop", "register": "basic"}, "fault drop register 'basic': must be a register"),
        ({"kind": "drop", "times": 0}, "fault drop times 0: must be 1 to 1e"),
        (
            {"kind": "drop", "direction": "now"},
            "fault drop direction 'now': must be answer or request",
        ),
        ({"kind": "drop", "end": "top"}, "fault drop end 'top': must be one of board, client"),
        ({"kind": "insert", "data": "dz"}, "fault insert data 'dz': must be hexadecimal digits"),
        ({"kind": "insert", "data": ""}, "fault insert data b'': must be 1 to 255 bytes"),
        ({"kind": "answer", "carried_out": 1}, "fault answer carried_out 1: must be true or false"),
        (
            {"kind": "drop", "id": "x" * 41},
            "fault drop id 'x+': must be text, at most 40 characters",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_limit(table: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}") as caught:
        fault_from_table(table)
    assert len(str(caught.value).splitlines()) == 1


def test_a_unit_names_the_fault_that_is_wrong() -> None:
    with pytest.raises(ConfigError, match=r"^fault drop p 2: must be 0 to 1"):
        unit_from_table({"fault": [{"kind": "flip"}, {"kind": "drop", "p": 2}]})
    with pytest.raises(ConfigError, match=r"^fault 'drop': must be a list of tables"):
        unit_from_table({"fault": "drop"})


@pytest.mark.parametrize("gap_s", [0.0, 0.001])
@pytest.mark.parametrize("direction", ["request", "answer"])
def test_faults_behind_one_another_let_no_frame_grow_without_end(
    direction: str, gap_s: float
) -> None:
    unit = Unit(parse_unit("0x25"))
    for _ in range(8):
        unit.faults.add(Fault("duplicate", direction=direction, copies=20, gap_s=gap_s))
        unit.faults.add(Fault("insert", direction=direction, count=255))
        unit.faults.add(Fault("noise", direction=direction, count=255))
    unit.receive(ReadRequest(0x03).to_wire(), 0.0)
    most = max(len(hit.after) for _, hit in unit.faults.record)
    assert 500 < most <= {"request": 1024, "answer": 8192}[direction]


def test_two_of_one_id_and_parts_the_board_has_not_are_refused() -> None:
    unit = Unit(unit_from_table({"fault": [{"kind": "drop", "id": "mine"}]}))
    with pytest.raises(ConfigError, match=r"^fault flip id 'mine': there is one"):
        unit.faults.add(Fault("flip", id="mine"))
    with pytest.raises(ConfigError, match=r"^fault ntc ntc 7: must be 1 to 2 on this board"):
        unit.faults.add(Fault("ntc", ntc=7))
    assert [one.id for one in unit.faults.active] == ["mine"]
    with pytest.raises(KeyError):
        unit.faults.remove("yours")


def command(*arguments: str) -> tuple[int, str]:
    out = io.StringIO()
    with redirect_stdout(out):
        status = main(["faults", *arguments])
    return status, out.getvalue()


def test_the_documentation_holds_the_table_of_today() -> None:
    block = re.search(
        r"<!-- jbd-emulator faults --markdown -->\n(.*?)<!-- end -->", DOCS.read_text(), re.S
    )
    assert block is not None
    assert command("--markdown") == (0, block[1])


def test_the_command_lists_shows_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    status, text = command()
    assert status == 0
    assert all(re.search(rf"^{name}\b", text, re.M) for name in KINDS)
    assert "gap_s" in command("split")[1]
    rows = json.loads(command("--json")[1])
    assert [row["name"] for row in rows["kinds"]] == list(KINDS)
    assert main(["faults", "splt"]) == 2
    assert capsys.readouterr().err.startswith("jbd-emulator faults: fault kind 'splt': unknown")


def test_the_examples_of_the_documentation_are_right() -> None:
    unit, scenario = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.S)
    [table] = tomllib.loads(unit)["unit"]
    assert [one.kind for one in unit_from_table(table).faults] == ["drop", "late"]
    parsed = parse_scenario(scenario, name="docs/faults.md")
    assert [event.do for event in parsed.events] == ["fault", "firmware", "link"]
