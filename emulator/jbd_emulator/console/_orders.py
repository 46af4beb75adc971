"""What is typed on the command line of the console, as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from jbd_protocol import SETTINGS, TEXT_SETTINGS

_TEXTS: Final = frozenset({"data", "id"} | {SETTINGS[address].name for address in TEXT_SETTINGS})
"""Fields whose digits are text and no number."""

Request = tuple[str, str, Any]
"""Method, path behind the unit, body. Any: a JSON object or nothing."""


class Order(NamedTuple):
    """One word of the command line.

    Attributes:
        usage: what follows it.
        make: turns the words behind it into a request.
    """

    usage: str
    make: Callable[[Sequence[str]], Request]


class Unclear(Exception):
    """An order that cannot be read; one line says what is expected."""


def request_of(text: str) -> Request:
    """Return the request that a line stands for.

    Raises:
        Unclear: it is none of the orders, or its words are wrong.
    """
    word, *rest = text.split() or [""]
    order = ORDERS.get(word)
    if order is None:
        raise Unclear(f"{word!r}: there is {', '.join(ORDERS)}")
    try:
        return order.make(rest)
    except (ValueError, IndexError):
        raise Unclear(f"{word} {order.usage}".strip()) from None


def _number(path: str, field: str) -> Callable[[Sequence[str]], Request]:
    def make(words: Sequence[str]) -> Request:
        [value] = words
        return "PUT", path, {field: _value(value)}

    return make


def _moment(path: str) -> Callable[[Sequence[str]], Request]:
    return lambda words: ("POST", path, None)


def _charge(words: Sequence[str]) -> Request:
    current, voltage = words
    return "PUT", "/charger", {"current_ma": _value(current), "voltage_mv": _value(voltage)}


def _pin(words: Sequence[str]) -> Request:
    [digits] = words
    return "PUT", "/pin", {"digits": None if digits == "none" else digits}


def _firmware(words: Sequence[str]) -> Request:
    [version] = words
    return "PUT", "/firmware", {"version": f"0x{version.lower().removeprefix('0x').upper()}"}


def _part(path: str) -> Callable[[Sequence[str]], Request]:
    return lambda words: ("PATCH", f"{path}/{int(words[0])}", _pairs(words[1:]))


def _fault(words: Sequence[str]) -> Request:
    return "POST", "/faults", {"kind": words[0], **_pairs(words[1:])}


def _heal(words: Sequence[str]) -> Request:
    # The id of a scenario's fault may be several words: "link at the board".
    return "DELETE", f"/faults/{quote(' '.join(words), safe='')}" if words else "/faults", None


def _scenario(words: Sequence[str]) -> Request:
    [name] = words
    return ("DELETE", "/scenario", None) if name == "none" else ("PUT", "/scenario", {"name": name})


def _pairs(words: Sequence[str]) -> dict[str, object]:
    pairs = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise ValueError(word)
        pairs[name] = value if name in _TEXTS else _value(value)
    return pairs


def _value(text: str) -> object:
    """Return what a word stands for: a number, true, false, null, or itself."""
    known = {"true": True, "false": False, "null": None, "none": None}
    if text in known:
        return known[text]
    for kind in (int, float):
        try:
            number = kind(text)
        except ValueError:
            continue
        # JSON has no other ones; what is none of a field's numbers is told by its limits.
        return number if isfinite(number) else text
    return text


ORDERS: Final[Mapping[str, Order]] = MappingProxyType(
    {
        "load": Order("MA", _number("/load", "current_ma")),
        "charge": Order("MA MV, 0 MV takes it off", _charge),
        "speed": Order("TIMES", _number("/speed", "speed")),
        "ambient": Order("CELSIUS", _number("/ambient", "celsius")),
        "pin": Order("DIGITS or none", _pin),
        "firmware": Order("VERSION such as 0x21", _firmware),
        "cell": Order("NUMBER held_mv=3700 soc=50 …", _part("/cells")),
        "ntc": Order("NUMBER state=open held_celsius=70 …", _part("/ntcs")),
        "fets": Order("charge=false discharge=true", lambda w: ("PATCH", "/fets", _pairs(w))),
        "set": Order("covp=3600 …", lambda w: ("PATCH", "/settings", _pairs(w))),
        "fault": Order("KIND register=0x03 times=1 …", _fault),
        "heal": Order("ID, or nothing for all", _heal),
        "scenario": Order("NAME or none", _scenario),
        "unplug": Order("", lambda words: ("PUT", "/cable", {"plugged": False})),
        "plug": Order("", lambda words: ("PUT", "/cable", {"plugged": True})),
        "sleep": Order("", _moment("/sleep")),
        "reset": Order("", _moment("/reset")),
        "cycle": Order("", _moment("/power-cycle")),
        "restart": Order("", _moment("/start-over")),
    }
)
"""Every order by its first word. Units are mV, mA, degC."""
