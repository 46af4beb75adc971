"""What differs between two units, field by field, in the units that people use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from jbd_protocol import (
    COUNTERS,
    PARAMETERS,
    SETTINGS,
    Parameter,
    PayloadError,
    Quantity,
    decode_payload,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
    status_name,
)

from ._files import Known
from ._identity import SETTINGS_OF, TITLES, shown

_NOT_SHOWN: Final = ("text_length",)
_ABSENT: Final = "not there"
_LIVE: Final = (
    "pack_voltage", "current", "remaining_capacity", "rsoc", "cycles", "fet", "protection_set",
    "temperatures", "full_charge_capacity",
)  # fmt: skip


class Difference(NamedTuple):
    """One field that is not the same.

    Attributes:
        section: ``identity``, ``settings``, ``parameters`` or ``registers``.
        place: ``0x24``, ``parameter 112`` or ``identity``.
        title: of the setting, in plain English.
        field: short name.
        one, other: what each has, with its unit.
    """

    section: str
    place: str
    title: str
    field: str
    one: str
    other: str

    def to_json(self) -> dict[str, str]:
        """Return everything by name."""
        return dict(self._asdict())


def incomparable(one: Known, other: Known) -> list[str]:
    """Return why settings cannot be compared, one line a side; empty where they can."""
    return [
        f"{side.name}: {'; '.join(side.notes) or 'holds no settings'}"
        for side in (one, other)
        if not side.settings
    ]


def differences(one: Known, other: Known) -> list[Difference]:
    """Return what differs in what both tell, live values left out.

    A vendor's file tells settings alone, and those it holds; against it nothing else is compared.
    """
    found = [*_identities(one, other), *_settings(one, other), *_parameters(one, other)]
    if one.identity is not None and other.identity is not None:
        found += _served(one, other)
    return found


def live_differences(one: Known, other: Known) -> list[Difference]:
    """Return what differs in live values: voltages, currents, charge, counters."""
    first, second = _live(one.payloads), _live(other.payloads)
    return [
        Difference("live", "", "", name, str(first[name]), str(second[name]))
        for name in first
        if name in second and first[name] != second[name]
    ]


def _identities(one: Known, other: Known) -> Iterator[Difference]:
    if one.identity is None or other.identity is None:
        return
    first, second = one.identity.to_table(), other.identity.to_table()
    for name in first:
        if name not in second or first[name] == second[name]:
            continue
        addresses = SETTINGS_OF.get(name, ())
        if any(a in one.settings and a in other.settings for a in addresses):
            # Told once, as the setting it is.
            continue
        told = (shown(name, first[name]), shown(name, second[name]))
        yield Difference("identity", "identity", TITLES[name], name, *told)


def _settings(one: Known, other: Known) -> Iterator[Difference]:
    if not one.settings or not other.settings:
        return
    partial = one.identity is None or other.identity is None
    for address in SETTINGS:
        first, second = one.settings.get(address), other.settings.get(address)
        if first == second or (partial and None in (first, second)):
            continue
        title = SETTINGS[address].title
        ours, theirs = _values(address, first), _values(address, second)
        for name in dict.fromkeys((*ours, *theirs)):
            if ours.get(name) != theirs.get(name) and name not in _NOT_SHOWN:
                told = (_shown(ours.get(name)), _shown(theirs.get(name)))
                yield Difference("settings", f"0x{address:02X}", title, name, *told)


def _parameters(one: Known, other: Known) -> Iterator[Difference]:
    if not one.parameters or not other.parameters:
        return
    for row in PARAMETERS.values():
        if row.address is not None:
            continue
        first, second = _words(row, one.parameters), _words(row, other.parameters)
        if first != second:
            place = f"parameter {row.number}"
            title = row.name.replace("_", " ")
            yield Difference("parameters", place, title, row.name, first, second)


def _served(one: Known, other: Known) -> Iterator[Difference]:
    """Yield registers that one serves, or refuses otherwise, and the other does not.

    Settings that one side was not asked for are not told; their absence is a note of that side.
    """
    for address in dict.fromkeys((*one.refused, *other.refused)):
        if address in SETTINGS:
            # Told above, as the setting that is there on one side alone.
            continue
        first, second = (_outcome(side, address) for side in (one, other))
        if first != second:
            yield Difference("registers", f"0x{address:02X}", "read", "answer", first, second)


def _outcome(side: Known, address: int) -> str:
    if address not in side.refused:
        return "served"
    status = side.refused[address]
    return "silence" if status is None else status_name(status)


def _values(address: int, raw: bytes | None) -> dict[str, Quantity]:
    if raw is None:
        return {}
    try:
        values = decode_payload(address, raw).values()
    except PayloadError:
        return {SETTINGS[address].name: Quantity(raw)}
    if "bits_set" in values:
        # The bits say all that the number says, and better.
        values.pop(SETTINGS[address].name, None)
    return values


def _shown(value: Quantity | None) -> str:
    if value is None:
        return _ABSENT
    return repr(value.value) if isinstance(value.value, str) else str(value)


def _words(row: Parameter, words: Mapping[int, bytes]) -> str:
    numbers = range(row.number, row.number + row.words)
    raw = b"".join(words.get(n, b"") for n in numbers)
    if not raw:
        return _ABSENT
    if row.words > 1:
        return raw.hex(" ").upper()
    return str(Quantity(int.from_bytes(raw, "big") * row.field.scale, row.field.unit))


def _live(payloads: Mapping[int, bytes]) -> dict[str, Quantity]:
    values: dict[str, Quantity] = {}
    if 0x03 in payloads:
        told = parse_basic_info(payloads[0x03]).values()
        values |= {name: told[name] for name in _LIVE if name in told}
    if len(payloads.get(0x04, b"x")) % 2 == 0:
        values["cells"] = Quantity(parse_cell_voltages(payloads[0x04]).cell_mv, "mV")
    if 0xAA in payloads:
        counts = parse_error_counters(payloads[0xAA]).counts
        values |= {name: Quantity(n) for name, n in zip(COUNTERS, counts, strict=False)}
    return values
