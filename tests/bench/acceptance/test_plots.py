"""The pictures of the report."""

from __future__ import annotations

import pytest

from jbd_bench.acceptance._plots import Strip, latency_plot


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(9.4e-5, "0.094 ms"), (2e-4, "0.2 ms"), (0.0784, "78.4 ms"), (1.5, "1.5 s")],
)
def test_a_median_is_shown_in_digits_that_tell_something(seconds: float, shown: str) -> None:
    assert f">{shown}<" in latency_plot([Strip("03", [seconds] * 3, 0.25, ())])
