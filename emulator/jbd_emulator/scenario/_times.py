"""Times as people write them, and lines as editors count them."""

from __future__ import annotations

import math
import re
from typing import Final

_UNITS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}
_TIME: Final = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?)\s*(s|min|h|d)\s*")
_MOST_S: Final = 1e9


def seconds(field: str, value: object) -> float:
    """Return a time in seconds.

    Args:
        field: what it is called in the message.
        value: seconds, or a text such as ``"90 s"``, ``"15 min"``, ``"2 h"`` or ``"1.5 d"``.

    Raises:
        ValueError: it is neither, or outside 0..1e9 s; the field is named.
    """
    time_s = math.nan
    if isinstance(value, str):
        match = _TIME.fullmatch(value)
        if match is not None:
            time_s = float(match[1]) * _UNITS[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        time_s = float(value)
    if math.isnan(time_s):
        raise ValueError(f"{field}: {value!r} must be seconds, or a text such as 90 s, 15 min, 2 h")
    if not 0 <= time_s <= _MOST_S:
        raise ValueError(f"{field}: {value!r} is outside 0..{_MOST_S:g} s")
    return time_s


def line_of(text: str, table: str, number: int, key: str) -> int | None:
    """Return the line, counted from 1, on which a table sets a key.

    The standard library's reader keeps no positions, so this looks for the header and the key as
    they are usually written; None where it does not find the header.

    Args:
        text: of the file.
        table: the table's name, empty for the top of the file.
        number: which one of a list of tables, the first is 1; 0 where it is not a list.
        key: where the table has no such line, the header's line is returned.
    """
    header = f"[[{table}]]" if number else f"[{table}]"
    seen = 0
    start = 1 if not table else None
    for count, line in enumerate(text.splitlines(), start=1):
        bare = line.split("#", 1)[0].strip()
        if bare.startswith("["):
            if start is not None:
                break
            seen += bare.replace(" ", "") == header
            if seen == max(number, 1):
                start = count
        elif start is not None and key and re.match(rf"{re.escape(key)}\s*=", bare):
            return count
    return start
