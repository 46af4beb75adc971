"""Which generation of the Bluetooth module a link goes through, by what the link already knows.

Nothing is sent for it: characteristics and properties come with every connection, the address
with the advertisement. Generations that differ in their logins alone share all of that, so the
answer can be several.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from jbd_emulator import GENERATIONS

from .._link import Link, RadioEnd, radio_of
from ..transports import parse_target

_PROPERTIES: Final = {
    "read": 0x02, "write-without-response": 0x04, "write": 0x08, "notify": 0x10, "indicate": 0x20,
}  # fmt: skip
_HIDDEN: Final = ("2a00", "2a01", "2a04", "2a05", "2b29", "2b2a", "2b3a")
"""Characteristics that some systems keep to themselves."""
_TABLE, _WRITES, _PREFIX = 3, 3, 2
_LEAST_MTU: Final = 23


@dataclass(frozen=True, slots=True)
class ModuleClues:
    """What a link tells of its module.

    Attributes:
        address: as the system shows it, empty where it hides it.
        characteristics: properties by characteristic.
        generations: keys of the closest, more than one where nothing tells them apart.
        speaking_for, against: in words, of the first of them.
    """

    address: str
    characteristics: Mapping[str, frozenset[str]]
    generations: tuple[str, ...]
    speaking_for: tuple[str, ...]
    against: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """Return everything by name."""
        return {
            "address": self.address or None,
            "characteristics": {
                uuid: sorted(properties) for uuid, properties in self.characteristics.items()
            },
            "generations": list(self.generations),
            "for": list(self.speaking_for),
            "against": list(self.against),
        }


def module_clues(link: Link) -> ModuleClues | None:
    """Return what a Bluetooth link tells of its module, None for any other link."""
    radio = radio_of(link)
    if radio is None:
        return None
    address = radio.address
    rows = {key: list(_clues(key, radio)) for key in GENERATIONS}
    scores = {
        key: sum(weight if agrees else -weight for weight, agrees, _ in clues)
        for key, clues in rows.items()
    }
    best = max(scores.values())
    nearest = tuple(key for key, score in scores.items() if score == best and score > 0)
    first = rows[nearest[0]] if nearest else []
    return ModuleClues(
        address=address.hex(":").upper(),
        characteristics=radio.gatt,
        generations=nearest,
        speaking_for=tuple(words for _, agrees, words in first if agrees),
        against=tuple(words for _, agrees, words in first if not agrees),
    )


def module_lines(module: ModuleClues | None) -> Iterator[str]:
    """Yield the lines of a page for a person; none without a module."""
    if module is None:
        return
    named = " or ".join(f"{key} ({GENERATIONS[key].title})" for key in module.generations)
    yield f"Module    {named or 'of no known generation'}"
    yield from (f"  for     {words}" for words in module.speaking_for)
    yield from (f"  against {words}" for words in module.against)


def silence_help(link: Link, target: str) -> str:
    """Return what may help where no answer came through a module, as the end of a sentence.

    Empty for any other link, and where the target logs in or pairs already.
    """
    module = module_clues(link)
    said = parse_target(target)
    if module is None or {"login", "passkey"} & set(said.options):
        return ""
    named = " or ".join(module.generations) or "of no known generation"
    start = f"; the Bluetooth module, {named},"
    rows = [GENERATIONS[key] for key in module.generations]
    mark = "&" if said.options else "?"
    if rows and all(row.passkey.value is not None for row in rows):
        how = f"{target}{mark}passkey=NUMBER" if said.embedded else "bluetoothctl pair"
        return f"{start} may want to be paired: {how}"
    if rows and all(row.opens_at.value == 0 for row in rows):
        return f"{start} demands no login: is the board behind it asleep?"
    return f"{start} may demand a login: {target}{mark}login=PASSWORD"


def _clues(key: str, radio: RadioEnd) -> Iterator[tuple[int, bool, str]]:
    """Yield weight, agreement and words of everything that a generation can be told by."""
    row, gatt = GENERATIONS[key], radio.gatt
    offered = {
        one.uuid: one.properties
        for service in row.services.value
        for one in service.characteristics
        if one.uuid not in _HIDDEN
    }
    seen = {uuid: _bits(names) for uuid, names in gatt.items() if uuid not in _HIDDEN}
    grade = row.services.evidence
    odd = sorted(set(seen) ^ set(offered))
    table = f"characteristics {', '.join(odd)} differ" if odd else "the same characteristics"
    yield _TABLE, not odd, f"{table} [{grade}]"
    takes = row.takes.uuid
    same = seen.get(takes) == int(row.takes.properties)
    names = ", ".join(sorted(gatt.get(takes, ()))) or "missing"
    yield _WRITES, same, f"{takes}: {names} [{grade}]"
    if radio.address:
        known = row.prefix
        shown = known.value.hex(":").upper()
        agrees = radio.address[:3] == known.value
        yield _PREFIX, agrees, f"addresses that begin with {shown} [{known.evidence}]"
    if radio.mtu > _LEAST_MTU:
        known_mtu = row.mtu
        yield _PREFIX, radio.mtu <= known_mtu.value, f"MTU {radio.mtu} [{known_mtu.evidence}]"
    if radio.unasked:
        byte = row.link_up_byte
        agrees = byte.value == (radio.unasked[0] == b"\x00")
        yield _PREFIX, agrees, f"one byte 00 notified at link-up [{byte.evidence}]"


def _bits(names: frozenset[str]) -> int:
    return sum(_PROPERTIES.get(name, 0) for name in names)
