"""Baselines: of a firmware, of a file, and what is wrong with others in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from jbd_bench.acceptance import BaselineError, load_baseline
from jbd_bench.acceptance._baseline import BASELINE_KIND, find_baseline
from jbd_bench.acceptance._result import KIND


def document(**changes: Any) -> dict[str, Any]:  # Any: values of a JSON object
    """Return a baseline file with changes."""
    unit = {
        "target": "serial:x",
        "judged_as": "0x21",
        "identity": {"version": 0x21, "cells": 4},
        "requirements": [
            {"id": "CONF-FRAME-01", "outcome": "passed", "cases": []},
            {
                "id": "CONF-FRAME-02",
                "outcome": "failed",
                "cases": [
                    {"measurements": [{"name": "latency", "value": 0.1, "samples": [0.1, 0.2]}]}
                ],
            },
        ],
    }
    return {
        "kind": BASELINE_KIND,
        "schema": 1,
        "started": "2026-01-02T00:00:00+00:00",
        "units": [unit | changes.pop("unit", {})],
        **changes,
    }


def written(folder: Path, content: object) -> Path:
    path = folder / "base.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.parametrize("text", ["0x21", "2.1", "0X21"])
def test_a_firmware_is_a_baseline_that_meets_everything(text: str) -> None:
    baseline = find_baseline(text)
    assert (baseline.judged_as, baseline.outcome("CONF-FRAME-01")) == (0x21, "passed")
    assert baseline.outcome("anything") == "passed"


@pytest.mark.parametrize("kind", [KIND, BASELINE_KIND])
def test_a_file_is_read_back(tmp_path: Path, kind: str) -> None:
    baseline = load_baseline(written(tmp_path, document(kind=kind)))
    assert baseline.judged_as == 0x21
    assert baseline.outcome("CONF-FRAME-02") == "failed"
    assert baseline.outcome("CONF-FRAME-03") == "unknown"
    assert baseline.measurements["latency"]["value"] == 0.1
    assert baseline.measurements["latency"]["samples"] == [0.1, 0.2]
    assert baseline.identity["cells"] == 4


def test_a_file_without_a_firmware_expects_what_is_common(tmp_path: Path) -> None:
    path = written(tmp_path, document(unit={"judged_as": None}))
    assert load_baseline(path).judged_as is None


@pytest.mark.parametrize(
    ("content", "names"),
    [
        ("not json", "not JSON"),
        ([], "units: must be a list"),
        ({"units": 5}, "units: must be a list"),
        (document(kind="something"), "kind 'something'"),
        (document(schema=2), "schema 2"),
        (document(units=[]), "units: has 0"),
        (document(units=[{}, {}]), "units: has 2"),
        (document(units=[5]), "target: must be text"),
        (document(unit={"target": 5}), "target: must be text"),
        (document(unit={"requirements": None}), "requirements: must be a list"),
        (document(unit={"requirements": [{}]}), "outcome: must be text"),
        (document(unit={"requirements": [{"id": "A", "outcome": "x"}]}), "outcome 'x'"),
        (document(unit={"requirements": [{"outcome": "passed"}]}), "id: must be text"),
        (document(unit={"judged_as": "new"}), "judged_as 'new'"),
        (document(unit={"judged_as": 33}), "judged_as 33"),
        (document(unit={"identity": [1]}), "identity: must be an object"),
        (
            document(unit={"requirements": [{"id": "A", "outcome": "passed", "cases": 5}]}),
            "cases: must be a list",
        ),
        (
            document(unit={"requirements": [
                {"id": "A", "outcome": "passed", "cases": [{"measurements": [{}]}]}]}),
            "name: must be text",
        ),
        (
            document(unit={"requirements": [{"id": "A", "outcome": "passed", "cases": [
                {"measurements": [{"name": "latency", "value": "x"}]}]}]}),
            "value: must be a number",
        ),
        (
            document(unit={"requirements": [{"id": "A", "outcome": "passed", "cases": [
                {"measurements": [{"name": "latency", "value": float("nan")}]}]}]}),
            "value: must be a finite number",
        ),
        (
            document(unit={"requirements": [{"id": "A", "outcome": "passed", "cases": [
                {"measurements": [{"name": "latency", "value": 1}]}]}]}),
            "samples: must be a list",
        ),
        (
            document(unit={"requirements": [{"id": "A", "outcome": "passed", "cases": [
                {"measurements": [{"name": "latency", "value": 1, "samples": [1, "x"]}]}]}]}),
            "samples: must be finite numbers",
        ),
    ],
)  # fmt: skip
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, content: object, names: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(BaselineError) as told:
        load_baseline(path)
    assert str(path) in str(told.value)
    assert names in str(told.value)
    assert "\n" not in str(told.value)


def test_brackets_without_end_are_no_baseline(tmp_path: Path) -> None:
    path = tmp_path / "deep.json"
    path.write_text("[" * 100_000)
    with pytest.raises(BaselineError, match="not JSON"):
        load_baseline(path)


@pytest.mark.parametrize("text", ["0x99", "9.9", "nothing.json", "0xZZ"])
def test_what_is_neither_is_told(text: str) -> None:
    with pytest.raises(BaselineError, match="baseline"):
        find_baseline(text)
