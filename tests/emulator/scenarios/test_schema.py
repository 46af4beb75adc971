"""The schema that editors read: the one shipped is of today, and takes what the checks take."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import pytest

from jbd_emulator import ConfigError
from jbd_emulator.__main__ import main
from jbd_emulator.scenario import (
    ACTIONS,
    SCHEMA_FILE,
    scenario_from_table,
    scenario_names,
    scenario_schema,
    scenario_text,
)

SCHEMA = scenario_schema()


def valid(document: Any) -> bool:  # Any: a TOML document
    jsonschema = pytest.importorskip("jsonschema")
    return bool(jsonschema.Draft202012Validator(SCHEMA).is_valid(document))


def test_the_file_in_the_package_is_what_the_command_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["scenarios", "--schema"]) == 0
    shipped = files("jbd_emulator") / "scenarios" / SCHEMA_FILE
    assert capsys.readouterr().out == shipped.read_text(encoding="utf-8")
    assert json.loads(shipped.read_text(encoding="utf-8")) == SCHEMA


def test_it_is_a_schema() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", scenario_names())
def test_it_takes_every_scenario_of_the_package(name: str) -> None:
    assert valid(tomllib.loads(scenario_text(name)))


EVENT = {"at": 1, "do": "load", "current_ma": 5}


@pytest.mark.parametrize(
    "document",
    [
        {"event": [EVENT | {"until": "2 h"}]},
        {"event": [EVENT | {"until": {"client": "reads", "register": 3, "nth": 2}}]},
        {"event": [{"when": "presents_pin", "after": 1, "do": "fault", "kind": "drop", "p": 0.5}]},
        {"event": [{"at": 0, "do": "link", "up": False, "end": "client", "for": "1 min"}]},
        {"fault": [{"kind": "split", "register": "0x03", "byte": 20, "gap_s": 0.08, "times": 3}]},
        {"fault": [{"kind": "insert", "data": "dd 03"}], "answer_06": "silence", "pin": "123456"},
        {"settings": {"covp": 3600, "balance_en": True}, "lasts": "1.5 d", "firmware": "0x20"},
    ],
)
def test_both_take_what_is_right(document: dict[str, object]) -> None:
    scenario_from_table(document)
    assert valid(document)


@pytest.mark.parametrize(
    "document",
    [
        {"event": [EVENT | {"do": "lode"}]},
        {"event": [{"do": "power_cycle"}]},
        {"event": [{"at": 1, "do": "power_cycle", "until": "2 h"}]},
        {"event": [{"at": 1, "do": "load"}]},
        {"event": [{"when": "reeds", "do": "power_cycle"}]},
        {"event": [{"at": "soon", "do": "power_cycle"}]},
        {"event": [{"at": 1, "do": "fault", "kind": "drp"}]},
        {"fault": [{"kind": "drop", "byte": 512}]},
        {"fault": [{"kind": "drop", "delay_s": 1}]},
        {"fault": [{"kind": "drop", "direction": "now"}]},
        {"fault": [{"kind": "insert", "data": "ddd"}]},
        {"settings": {"cowp": 3600}},
        {"bord": "4s"},
    ],
)
def test_both_refuse_what_is_wrong(document: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        scenario_from_table(document)
    assert not valid(document)


def test_every_action_has_its_branch() -> None:
    branches = SCHEMA["$defs"]["event"]["oneOf"]
    assert [branch["title"] for branch in branches] == list(ACTIONS)
