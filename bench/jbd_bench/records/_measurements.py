"""Measurements: what a test measured, with its unit, its limits and whether it holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Measurement:
    """One number that a test measured.

    Attributes:
        name: what was measured.
        value: in ``unit``.
        unit: ``s``, ``mV``, ``1`` for a count.
        low, high: the limits, both included; None where there is none on that side.
        samples: what the value was made of, oldest first; empty where it stands alone.
    """

    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    samples: tuple[float, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the value is within its limits."""
        above = self.low is None or self.value >= self.low
        return above and (self.high is None or self.value <= self.high)

    def __str__(self) -> str:
        return f"{self.name}: {_number(self.value)} {self.unit}, limit {self.limits()}"

    def limits(self) -> str:
        """Return the limits in words."""
        if self.low is None and self.high is None:
            return "none"
        if self.low is None:
            return f"at most {_number(self.high)}"
        if self.high is None:
            return f"at least {_number(self.low)}"
        return f"{_number(self.low)} to {_number(self.high)}"

    def row(self) -> dict[str, object]:
        """Return the measurement as JSON has it."""
        return {**asdict(self), "samples": list(self.samples), "holds": self.holds}


class Measurements:
    """The measurements of one test, oldest first.

    Attributes:
        rows: what was measured so far, also what failed.
    """

    def __init__(self) -> None:
        self.rows: list[Measurement] = []

    def __call__(
        self,
        name: str,
        value: float,
        unit: str,
        *,
        low: float | None = None,
        high: float | None = None,
        samples: Sequence[float] = (),
    ) -> None:
        """Note a measurement, and fail the test where it is beyond a limit.

        Raises:
            AssertionError: the value, its unit and the limit.
        """
        __tracebackhide__ = True
        rounded = tuple(round(sample, _DIGITS) for sample in samples)
        row = Measurement(name, round(value, _DIGITS), unit, low, high, rounded)
        self.rows.append(row)
        assert row.holds, str(row)


def _number(value: float | None) -> str:
    return f"{value:g}" if value is not None else ""
