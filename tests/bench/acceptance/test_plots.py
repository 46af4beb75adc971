"""The pictures of the report."""

from __future__ import annotations

import pytest

from jbd_bench.acceptance._plots import _GREY, Strip, latency_plot


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(9.4e-5, "0.094 ms"), (2e-4, "0.2 ms"), (0.0784, "78.4 ms"), (1.5, "1.5 s")],
)
def test_a_median_is_shown_in_digits_that_tell_something(seconds: float, shown: str) -> None:
    assert f">{shown}<" in latency_plot([Strip("03", [seconds] * 3, 0.25, ())])


def test_the_dots_of_a_baseline_stand_below_in_grey() -> None:
    alone = latency_plot([Strip("03", [0.1, 0.2], 0.25, ())])
    beside = latency_plot([Strip("03", [0.1, 0.2], 0.25, [0.4, 0.5, 0.6])])
    assert (alone.count("<circle"), beside.count("<circle")) == (2, 5)
    assert beside.count(_GREY) == 3
