"""The shipped suites: their requirements, and that they notice boards that differ."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from jbd_bench import suites
from jbd_bench.suites._expectations import COMMON, EXPECTED, Points, expected_of
from jbd_emulator import FIRMWARE, CapacityPoints, PasswordFunction

FOLDER = Path(suites.__file__).parent
PATTERN = re.compile(r"@requirement\(\s*\"([^\"]+)\"")


def requirement_ids() -> list[str]:
    """Return the ids that stand in the files, in order."""
    return [
        found
        for path in sorted(FOLDER.glob("*/test_*.py"))
        for found in PATTERN.findall(path.read_text())
    ]


def test_no_requirement_has_the_id_of_another() -> None:
    ids = requirement_ids()
    assert len(ids) == len(set(ids))
    assert len(ids) > 80


def test_every_id_names_its_suite() -> None:
    prefixes = {
        path.parent.name: {found.partition("-")[0] for found in PATTERN.findall(path.read_text())}
        for path in FOLDER.glob("*/test_*.py")
    }
    assert all(len(used) == 1 for used in prefixes.values())
    assert prefixes["conformance"] == {"CONF"}
    assert prefixes["password"] == {"PWD"}
    assert prefixes["clients"] == {"CLIENT"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*/test_*.py")), ids=lambda p: p.stem)
def test_every_test_says_what_it_shows(path: Path) -> None:
    text = path.read_text()
    tests = re.findall(r"((?:^@.*\n(?:^[ )].*\n)*)+)^def test_\w+", text, re.MULTILINE)
    assert len(tests) == len(re.findall(r"^def test_", text, re.MULTILINE))
    assert all("@requirement(" in decorators for decorators in tests)


def test_expectations_and_emulator_speak_of_the_same_firmwares() -> None:
    # Two tables on purpose: the suites judge the emulator by the sources, not by itself.
    assert set(EXPECTED) == set(FIRMWARE)
    points = {
        CapacityPoints.FORGOTTEN: {Points.FORGOTTEN},
        CapacityPoints.ABSENT: {Points.ABSENT, Points.UNKNOWN},
        CapacityPoints.PRESENT: {Points.SERVED, Points.UNKNOWN},
    }
    for version, row in FIRMWARE.items():
        expected = EXPECTED[version]
        assert expected.password is (row.password.value is PasswordFunction.PRESENT)
        assert expected.points in points[row.capacity_points.value]
        assert 2 * row.counter_words.value in expected.counter_bytes


def test_a_version_nobody_knows_is_held_to_what_is_common() -> None:
    assert expected_of(0x5C) is COMMON
    assert COMMON.password is None


BROKEN = {
    # Each is a board that breaks one rule; the requirement that says the rule must fail.
    "conformance": {
        "emulator:0x21?answer_04=bad-checksum": "CONF-FRAME-01",
        "emulator:0x21?answer_03=delay-0.4": "CONF-FRAME-10",
        "emulator:0x21?answer_9F=0x00": "CONF-REG-01",
        "emulator:0x21?answer_24=0x00": "CONF-REG-07",
        "emulator:0x21?answer_24=0x80": "CONF-REG-08",
        "emulator:0x44?answer_FA=0x80": "CONF-REG-12",
        "emulator:0x21?answer_01=0x81": "CONF-FACT-03",
        "emulator:0x21?answer_E1=0x80": "CONF-FET-01",
    },
    "password": {
        "emulator:0x21?answer_06=0x00": "PWD-21-01",
        "emulator:0x21?answer_06=silence": "PWD-21-02",
        "emulator:0x21?answer_09=0x00": "PWD-21-03",
        "emulator:0x21?answer_00=0x81": "PWD-21-04",
        "emulator:0x17?answer_06=0x80": "PWD-FREE-01",
        "emulator:0x17?answer_09=0x80": "PWD-FREE-05",
        "emulator:0x17?pin=123456&answer_06=0x00": "PWD-17-03",
        "emulator:0x17?pin=123456&answer_09=0x83": "PWD-17-24",
        "emulator:0x17?pin=123456&answer_07=0x00": "PWD-17-22",
        "emulator:0x17?pin=123456&answer_E1=0x00": "PWD-17-09",
        "emulator:0x17?pin=123456&answer_03=0x81": "PWD-MON-01",
    },
}


@pytest.fixture(scope="module")
def failures() -> dict[str, set[str]]:
    """Return the requirements that fail on each broken board, from one run of each suite."""
    found: dict[str, set[str]] = {}
    for suite, boards in BROKEN.items():
        targets = [f"--target={target}" for target in boards]
        command = [sys.executable, "-m", "jbd_bench", "run", "--json", "--suite", suite]
        done = subprocess.run([*command, *targets], capture_output=True, text=True, timeout=120)
        for failure in json.loads(done.stdout)["failures"]:
            found.setdefault(failure["target"], set()).update(failure["requirements"])
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "noticed"), [row for boards in BROKEN.values() for row in boards.items()]
)
def test_a_board_that_breaks_a_rule_is_noticed(
    failures: dict[str, set[str]], target: str, noticed: str
) -> None:
    assert noticed in failures[target]
