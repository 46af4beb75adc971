"""Numbers from outside, checked at the door: one line that names the field and the limit."""

import math
from collections.abc import Mapping


def number(field: str, value: object, low: float, high: float) -> float:
    """Return a number as float.

    Raises:
        ValueError: not a finite number, or outside `low`..`high`; the field is named.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{field}: {value!r} is not a number")
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{field}: {value!r} is outside {low:g}..{high:g}")
    return float(value)


def whole(field: str, value: object, low: int, high: int) -> int:
    """Return a whole number.

    Raises:
        ValueError: not a whole number, or outside `low`..`high`; the field is named.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{field}: {value!r} is not a whole number")
    if not low <= value <= high:
        raise ValueError(f"{field}: {value!r} is outside {low}..{high}")
    return value


def text(field: str, value: object, choices: tuple[str, ...] = ()) -> str:
    """Return a string, one of `choices` where any are given.

    Raises:
        ValueError: not a string, or none of the choices; the field is named.
    """
    if not isinstance(value, str):
        raise ValueError(f"{field}: {value!r} is not a string")
    if choices and value not in choices:
        raise ValueError(f"{field}: {value!r} is none of {', '.join(choices)}")
    return value


def table(field: str, value: object) -> Mapping[str, object]:
    """Return a table with string keys.

    Raises:
        ValueError: not a table; the field is named.
    """
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ValueError(f"{field}: {value!r} is not a table")
    return value


def items(field: str, value: object) -> list[object]:
    """Return a list.

    Raises:
        ValueError: not a list; the field is named.
    """
    if not isinstance(value, list | tuple):
        raise ValueError(f"{field}: {value!r} is not a list")
    return list(value)


def only(field: str, given: Mapping[str, object], known: tuple[str, ...]) -> None:
    """Refuse keys that nothing reads.

    Raises:
        ValueError: an unknown key; the field and the known keys are named.
    """
    for key in given:
        if key not in known:
            raise ValueError(f"{field}{key}: unknown, known are {', '.join(known)}")
