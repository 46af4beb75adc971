"""The pictures of the report, as SVG that stands in the page: no library, no file, no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

_WIDTH, _LEFT, _RIGHT = 920, 190, 86
_ROW: Final = 44
_LEAST_S, _MOST_S = 1e-4, 10.0
_GOOD, _BAD, _OPEN, _MARK, _GREY = "#1a7f4b", "#b3261e", "#d9a441", "#2457a7", "#9aa4b0"


class Strip(NamedTuple):
    """One row of the latency plot.

    Attributes:
        name: what was timed.
        samples: seconds.
        limit_s: what 19 of 20 must keep, None for no limit.
        before: the samples of the baseline, where it has some.
    """

    name: str
    samples: Sequence[float]
    limit_s: float | None
    before: Sequence[float]


def latency_plot(strips: Sequence[Strip]) -> str:
    """Return a row of dots for each timed thing on one logarithmic axis, its limit as a line."""
    shown = [s for strip in strips for s in (*strip.samples, *strip.before, strip.limit_s or 0.0)]
    low = 10 ** math.floor(
        math.log10(max(_LEAST_S, min((s for s in shown if s > 0), default=0.01)))
    )
    high = 10 ** math.ceil(math.log10(min(_MOST_S, max([*shown, 0.1]))))

    def x(seconds: float) -> float:
        share = math.log10(max(seconds, low) / low) / math.log10(high / low)
        return _LEFT + min(1.0, share) * (_WIDTH - _LEFT - _RIGHT)

    bottom = 14 + _ROW * len(strips)
    parts = [_grid(x, low, high, bottom)]
    for number, strip in enumerate(strips):
        parts.append(_strip(strip, x, 14 + _ROW * number + _ROW / 2))
    return _svg(_WIDTH, bottom + 30, "".join(parts), "answer latencies")


def share_bar(passed: int, failed: int, open_: int) -> str:
    """Return one bar of passed, failed and not judged."""
    total = max(1, passed + failed + open_)
    width, at, parts = 400.0, 0.0, []
    for count, color in ((passed, _GOOD), (failed, _BAD), (open_, _OPEN)):
        share = width * count / total
        if count:
            parts.append(f'<rect x="{at:.1f}" y="3" width="{max(share - 1.5, 1):.1f}" height="10" '
                         f'rx="2" fill="{color}"/>')  # fmt: skip
        at += share
    return _svg(width, 16, "".join(parts), f"{passed} passed, {failed} failed, {open_} not judged")


def _grid(x: object, low: float, high: float, bottom: float) -> str:
    assert callable(x)
    parts, tick = [], low
    while tick <= high * 1.001:
        at = x(tick)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="8" y2="{bottom}" stroke="#dde2e8"/>'
                     f'<text x="{at:.1f}" y="{bottom + 18}" text-anchor="middle">{_time(tick)}'
                     "</text>")  # fmt: skip
        tick *= 10
    return "".join(parts)


def _strip(strip: Strip, x: object, y: float) -> str:
    assert callable(x)
    parts = [f'<text x="0" y="{y + 4:.1f}" style="fill:#1b2430">{escape(strip.name)}</text>']
    if strip.limit_s is not None:
        at = x(strip.limit_s)
        parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y - 17:.1f}" y2="{y + 17:.1f}" '
                     f'stroke="{_BAD}" stroke-width="2"/>')  # fmt: skip
    for samples, color, lift in ((strip.before, _GREY, 9), (strip.samples, _MARK, 0)):
        for number, sample in enumerate(samples):
            # A little up and down, so that equal samples show as several.
            shift = (number % 5 - 2) * 1.6 + lift
            parts.append(f'<circle cx="{x(sample):.1f}" cy="{y + shift:.1f}" r="2.6" '
                         f'fill="{color}" fill-opacity=".55"/>')  # fmt: skip
    middle = sorted(strip.samples)[len(strip.samples) // 2]
    at = x(middle)
    parts.append(f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y - 11:.1f}" y2="{y + 11:.1f}" '
                 f'stroke="{_MARK}" stroke-width="2.5"/>')  # fmt: skip
    parts.append(f'<text x="{_WIDTH}" y="{y + 4:.1f}" text-anchor="end">{_time(middle)}</text>')
    return "".join(parts)


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e3:.2g} ms"
    return f"{seconds * 1e3:.3g} ms" if seconds < 1 else f"{seconds:.3g} s"


def _svg(width: float, height: float, body: str, title: str) -> str:
    return (
        f'<svg viewBox="0 0 {width:g} {height:g}" width="{width:g}" height="{height:g}" role="img">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )
