"""Interleaved runs, their medians, and the limit a ratio of them has to keep."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

AT_MOST = "at most"
AT_LEAST = "at least"


@dataclass(frozen=True, slots=True)
class Side:
    """What was measured on one side of a ratio.

    Attributes:
        what: who did it, in a word or two.
        unit: of the numbers.
        values: one per run, in the order of the runs.
    """

    what: str
    unit: str
    values: Sequence[float]

    @property
    def median(self) -> float:
        """The number the ratio is made of."""
        return statistics.median(self.values)

    def __str__(self) -> str:
        text = f"{_short(self.median)} {self.unit}"
        if len(self.values) > 1:
            text += f" ({_short(min(self.values))} to {_short(max(self.values))})"
        return text

    def to_json(self) -> dict[str, Any]:  # Any: plain data of several types
        """Return plain data."""
        return {
            "what": self.what,
            "unit": self.unit,
            "median": self.median,
            "min": min(self.values),
            "max": max(self.values),
            "runs": len(self.values),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        group: the module it comes from.
        what: what is compared.
        ours, other: the two sides; the second is None for a figure that stands alone.
        value: what the limit is for, a ratio where there are two sides.
        unit: of ``value``, empty for a ratio.
        bound: ``at most`` or ``at least``.
        limit: the number it has to keep; None where the figure is only reported.
        note: what a reader must know to judge it.
        skipped: why it was not measured; everything else is then empty.
    """

    group: str
    what: str
    ours: Side | None = None
    other: Side | None = None
    value: float | None = None
    unit: str = ""
    bound: str = AT_MOST
    limit: float | None = None
    note: str = ""
    skipped: str = field(default="")

    @property
    def passed(self) -> bool | None:
        """Whether the limit is kept; None where there is none or nothing was measured."""
        if self.value is None or self.limit is None:
            return None
        return self.value <= self.limit if self.bound == AT_MOST else self.value >= self.limit

    @property
    def value_text(self) -> str:
        """The value with its unit."""
        if self.value is None:
            return "not measured"
        return f"{_short(self.value)} {self.unit}" if self.unit else f"{self.value:.2f}"

    @property
    def limit_text(self) -> str:
        """The limit with its unit."""
        if self.limit is None:
            return ""
        return f"{self.bound} {_short(self.limit)} {self.unit}".rstrip()

    def to_json(self) -> dict[str, Any]:  # Any: plain data of several types
        """Return plain data."""
        row = asdict(self)
        row["ours"] = self.ours.to_json() if self.ours else None
        row["other"] = self.other.to_json() if self.other else None
        return row | {"passed": self.passed}


def skipped(group: str, what: str, why: str) -> Row:
    """Return the row of something that was not measured."""
    return Row(group=group, what=what, skipped=why)


def ratio(
    group: str, what: str, ours: Side, other: Side, *, at_most: float | None, note: str = ""
) -> Row:
    """Return the row for a time or a cost: ours over theirs, at most so much."""
    value = ours.median / other.median
    return Row(
        group=group, what=what, ours=ours, other=other, value=value, bound=AT_MOST,
        limit=at_most, note=note,
    )  # fmt: skip


def times_faster(
    group: str, what: str, ours: Side, other: Side, *, at_least: float, note: str = ""
) -> Row:
    """Return the row for a speed: how many times the other's time is ours, at least so much."""
    value = other.median / ours.median
    return Row(
        group=group, what=what, ours=ours, other=other, value=value, bound=AT_LEAST,
        limit=at_least, note=note,
    )  # fmt: skip


def interleave(
    runs: Mapping[str, Callable[[], float]], rounds: int, before: Callable[[], None] | None = None
) -> dict[str, list[float]]:
    """Return the values of every run, taken A B C, B C A, C A B, …

    Whatever slows the machine for a while slows all of them, and none always comes first.
    """
    values: dict[str, list[float]] = {name: [] for name in runs}
    names = list(runs)
    for number in range(rounds):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            if before is not None:
                before()
            values[name].append(runs[name]())
    return values


def _short(number: float) -> str:
    if number == 0 or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 10 else f"{number:.4g}"
