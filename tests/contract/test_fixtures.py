"""Every exchange in fixtures/ goes as it went with the board."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from jbd_emulator import Unit, parse_unit
from jbd_protocol import describe, parse_request, parse_response

FRAMES = sorted((Path(__file__).parents[2] / "fixtures" / "frames").glob("*/*.hex"))


def test_there_are_fixtures() -> None:
    assert FRAMES


@pytest.mark.parametrize("path", FRAMES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_emulator_answers_as_the_board_did(path: Path) -> None:
    facts = tomllib.loads(path.with_suffix(".toml").read_text("utf-8"))
    assert facts["source"]
    unit = Unit(parse_unit(facts["target"]))
    said = []
    expected = b""
    for line in path.read_text("utf-8").splitlines():
        raw = bytes.fromhex(line[1:])
        if line.startswith(">"):
            expected = unit.receive(raw, 0.0)
            said.append(describe(parse_request(raw)))
        else:
            assert expected == raw
            said.append(describe(parse_response(raw)))
    assert said == facts["says"]
