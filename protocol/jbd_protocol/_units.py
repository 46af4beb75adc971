"""Units, and values that carry one.

Inside the project a value is an integer count of a small unit (mV, mA, mAh, tenths of a
kelvin), so nothing is lost between the wire and the code. People want volts and degrees:
:meth:`Quantity.display` converts, once, at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, TypeAlias

Value: TypeAlias = "int | str | bool | bytes | tuple[int, ...] | tuple[str, ...] | None"
Shown: TypeAlias = "int | float | str | bool | list[int] | list[float] | list[str] | None"

_DISPLAY: Final[Mapping[str, tuple[str, float, int]]] = {
    # wire unit: (unit people read, factor, digits after the point)
    "dK": ("degC", 0.1, 1),
    "uOhm": ("mOhm", 0.001, 3),
    "permille": ("%", 0.1, 1),
    "dV": ("V", 0.1, 1),
}
ZERO_CELSIUS_DK: Final = 2731
"""0 °C in tenths of a kelvin, as boards count. Source: vendor protocol V4, section 3.1."""


class Quantity(NamedTuple):
    """A value and its unit; ``""`` where there is none."""

    value: Value
    unit: str = ""

    def display(self) -> tuple[Shown, str]:
        """Return the value as a person reads it, and the unit it is then in."""
        value, unit = self
        if isinstance(value, bytes):
            return value.hex(" "), unit
        if unit not in _DISPLAY or value is None or isinstance(value, (str, bool)):
            return (list(value) if isinstance(value, tuple) else value), unit  # type: ignore[return-value]  # a tuple is of one type, its list too
        shown_unit, factor, digits = _DISPLAY[unit]
        offset = ZERO_CELSIUS_DK if unit == "dK" else 0
        if isinstance(value, tuple):
            return [round((int(v) - offset) * factor, digits) for v in value], shown_unit
        return round((value - offset) * factor, digits), shown_unit

    def __str__(self) -> str:
        shown, unit = self.display()
        if isinstance(shown, list):
            shown = ", ".join(str(item) for item in shown) or "none"
        return f"{shown} {unit}".rstrip()
