"""The benchmarks run, and say what they measured. What they measured is nobody's business here."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

RUN = Path(__file__).parents[2] / "benchmarks" / "run.py"


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(RUN), "--here", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def rows(*groups: str) -> list[dict[str, Any]]:  # Any: json's own type
    result = run("--quick", "--json", "--only", *groups)
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    assert document["quick"] is True
    assert {row["group"] for row in document["rows"]} == set(groups)
    found: list[dict[str, Any]] = document["rows"]
    return found


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="the client is C: install a compiler as cc")
@pytest.mark.parametrize("group", ["round_trip", "pacing", "load"])
def test_a_group_that_talks_to_a_unit_measures_every_row(group: str) -> None:
    for row in rows(group):
        assert not row["skipped"], row
        assert row["ours"]["median"] > 0
        assert row["passed"] is not None


@pytest.mark.slow
def test_groups_that_need_no_compiler_measure_or_say_why_not() -> None:
    found = rows("codec", "model", "startup")
    assert len(found) >= 10
    for row in found:
        if row["skipped"]:
            assert "cannot be imported" in row["skipped"]
        else:
            assert row["ours"]["min"] <= row["ours"]["median"] <= row["ours"]["max"]
            assert row["ours"]["runs"] == 2
            assert row["limit"] is None or row["passed"] in (True, False)


@pytest.mark.slow
def test_exchanges_over_bluetooth_are_measured_or_said_to_need_the_stack() -> None:
    found = rows("air")
    if find_spec("bumble") is None:
        assert ["cannot be imported" in row["skipped"] for row in found] == [True]
        return
    assert [row["unit"] for row in found] == ["%"] * 4 + [""]
    for row in found:
        assert not row["skipped"], row
        assert row["ours"]["median"] > 0


@pytest.mark.slow
def test_the_markdown_is_one_table() -> None:
    result = run("--quick", "--markdown", "--only", "model")
    lines = result.stdout.splitlines()
    assert lines[0] == "| what | ours | other | ratio | limit |"
    assert all(line.count(" | ") >= 4 for line in lines[2:5])


def test_an_unknown_group_is_refused_by_name() -> None:
    result = run("--only", "nonsense")
    assert result.returncode == 2
    assert "nonsense" in result.stderr
