"""Numbers with units and limits, and the plugin's fixture, options and hooks around them."""

from __future__ import annotations

import json
import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench.records import Measurement, Measurements

pytest_plugins = ["pytester"]
LIMIT = st.none() | st.floats(-1e6, 1e6)


@given(value=st.floats(-1e6, 1e6), low=LIMIT, high=LIMIT)
def test_a_value_holds_exactly_within_its_limits(
    value: float, low: float | None, high: float | None
) -> None:
    within = (-math.inf if low is None else low) <= value <= (math.inf if high is None else high)
    assert Measurement("x", value, "s", low, high).holds == within


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(None, None, "none"), (1, None, "at least 1"), (None, 2, "at most 2"), (1, 2, "1 to 2")],
)
def test_limits_are_told_in_words(low: float | None, high: float | None, words: str) -> None:
    assert Measurement("x", 1, "s", low, high).limits() == words


def test_what_is_beyond_a_limit_fails_and_is_kept() -> None:
    measure = Measurements()
    measure("good", 0.1, "s", high=0.25)
    with pytest.raises(AssertionError, match=r"latency: 0\.3 s, limit at most 0\.25"):
        measure("latency", 0.3, "s", high=0.25, samples=[0.1, 0.3])
    assert [row.name for row in measure.rows] == ["good", "latency"]
    row = measure.rows[1].row()
    assert (row["holds"], row["samples"]) == (False, [0.1, 0.3])
    json.dumps(row)


@pytest.mark.slow
def test_a_measurement_stands_in_junit_and_in_the_report(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
def test_latency(jbd_client, jbd_measure):
    jbd_client.basic_info()
    jbd_measure("latency", jbd_client.latency_s, "s", high=0.25)
    jbd_measure("answers", 2, "of 2", low=3)
"""
    )
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--junitxml=junit.xml", "--jbd-report=report.json"
    )
    result.assert_outcomes(failed=1)
    [test] = json.loads((pytester.path / "report.json").read_text())["tests"]
    assert [(row["name"], row["holds"]) for row in test["measurements"]] == [
        ("latency", True),
        ("answers", False),
    ]
    assert test["failure"] == "answers: 2 of 2, limit at least 3"
    junit = ElementTree.parse(pytester.path / "junit.xml")
    properties = [p.get("value") for p in junit.iter("property") if p.get("name") == "measurement"]
    assert properties == ["latency: 0 s, limit at most 0.25", "answers: 2 of 2, limit at least 3"]


@pytest.mark.slow
def test_a_unit_can_be_judged_as_another_firmware(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
import pytest

@pytest.mark.jbd(firmware=0x25)
def test_is_about_2_5(jbd_link, jbd_target):
    assert jbd_target.version() == 0x25
"""
    )
    plain = pytester.runpytest_subprocess("-p", "no:cacheprovider", "--target=emulator:0x21")
    plain.assert_outcomes(skipped=1)
    judged = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--target=emulator:0x21", "--jbd-judge-as=0x25"
    )
    judged.assert_outcomes(passed=1)
    wrong = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--target=emulator:0x21", "--jbd-judge-as=new"
    )
    wrong.stderr.fnmatch_lines(["*judge-as 'new': must be a version byte such as 0x21*"])
