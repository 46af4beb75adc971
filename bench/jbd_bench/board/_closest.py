"""Which firmware profile a board is closest to, with what speaks for and against."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from jbd_emulator import FIRMWARE, FirmwareProfile
from jbd_protocol import Evidence, Grade, WriteRequest, parse_basic_info, status_name

from ..records import Piece
from ._exchanges import Exchange, exchanges

SILENCE: Final = "silence"
_OPEN_WORDS: Final = ("absent", "forgotten")
_WEIGHTS: Final = {
    Grade.CAPTURED: 3,
    Grade.VENDOR_DOCUMENT: 2,
    Grade.REPORTED: 2,
    Grade.ASSUMED: 1,
}
_VERSION_WEIGHT: Final = 6
"""What the version byte counts: as much as two captured facts. Vendors of packs rewrite names and
settings, nobody was seen rewriting the version; but one number stands on many builds."""
_VERSION: Final = Evidence(Grade.CAPTURED, "byte 18 of 0x03")


class Trait(NamedTuple):
    """One thing a board was seen to do that firmwares differ in.

    Attributes:
        name: the fact of :class:`FirmwareProfile` that says it.
        words: what was seen.
        values: the plain values of that fact that agree with it, the likeliest first.
    """

    name: str
    words: str
    values: tuple[object, ...]


class Clue(NamedTuple):
    """A trait held against one profile: what it should be, by which evidence, and whether it is."""

    trait: str
    seen: str
    expected: str
    evidence: Evidence
    agrees: bool

    def __str__(self) -> str:
        told = self.seen if self.agrees else f"{self.seen}, the profile has {self.expected}"
        return f"{told} [{self.evidence}]"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A firmware profile and what speaks for and against it."""

    version: int
    clues: tuple[Clue, ...]

    @property
    def speaking_for(self) -> tuple[Clue, ...]:
        """What agrees."""
        return tuple(clue for clue in self.clues if clue.agrees)

    @property
    def against(self) -> tuple[Clue, ...]:
        """What does not."""
        return tuple(clue for clue in self.clues if not clue.agrees)

    @property
    def score(self) -> int:
        """Weight of what speaks for it less the weight of what speaks against."""
        return sum(_weight(clue) * (1 if clue.agrees else -1) for clue in self.clues)


def traits_of(frames: Iterable[Piece]) -> list[Trait]:
    """Return what a recording of reads shows of the firmware behind it."""
    first: dict[tuple[str, bool], Exchange] = {}
    in_factory = unsigned = False
    refusals = False
    for exchange in exchanges(frames):
        request, answer = exchange.request, exchange.response
        if answer is not None and answer.status:
            refusals, unsigned = True, unsigned or exchange.unsigned
        if isinstance(request, WriteRequest):
            if request.register == 0x00:
                in_factory = answer is not None and not answer.status
            elif request.register == 0x01:
                in_factory = False
            continue
        first.setdefault((f"{request.register:02X}", in_factory), exchange)
    traits = [*_lengths(first), *_access(first)]
    if refusals:
        words = "refusals carry checksum 0000" if unsigned else "refusals carry a checksum"
        traits.append(Trait("zero_checksum_refusal", words, (unsigned,)))
    return traits


Seen = Mapping[tuple[str, bool], Exchange]


def _lengths(seen: Seen) -> Iterator[Trait]:
    data = _data(seen.get(("03", False)))
    if data is not None:
        tail = len(data) - 23 - 2 * len(parse_basic_info(data).ntc_dk)
        yield Trait("tail_bytes", f"{tail} bytes of 03 behind the NTCs", (tail,))
    data = _data(seen.get(("AA", False)))
    if data is not None:
        yield Trait("counter_words", f"AA of {len(data)} bytes", (len(data) // 2,))


def _access(seen: Seen) -> Iterator[Trait]:
    chip = seen.get(("00", False))
    if chip is not None:
        data = _data(chip)
        value = SILENCE if not chip.raw else data[1] if data is not None and len(data) > 1 else -1
        yield Trait("chip_type", f"read of 00: {chip.outcome()}", (value,))
    closed = _status(seen.get(("24", False)))
    if closed:
        yield Trait("closed_setting", f"read of 24 while closed: {status_name(closed)}", (closed,))
    numbers = seen.get(("FA", False))
    if numbers is not None:
        status = _status(numbers)
        access = {None: "silent", 0x00: "served", 0x80: "absent"}.get(status)
        if access is not None:
            yield Trait("parameters", f"read of FA: {numbers.outcome()}", (access,))
    point = _status(seen.get(("42", True)))
    outside = _status(seen.get(("42", False)))
    if point == 0x00 or (point is None and closed and outside == closed):
        words = "served" if point == 0x00 else f"refused as the closed setting 24 is: {outside:#x}"
        yield Trait("capacity_points", f"read of 42: {words}", ("present",))
    elif 0x80 in (point, outside):
        yield Trait("capacity_points", f"read of 42: {status_name(0x80)}", _OPEN_WORDS)


def candidates(version: int, traits: Iterable[Trait]) -> list[Candidate]:
    """Return every profile with its clues, the closest first."""
    traits = list(traits)
    rows = [
        Candidate(row.version, tuple(_clues(version, traits, row))) for row in FIRMWARE.values()
    ]
    return sorted(rows, key=lambda row: (-row.score, abs(row.version - version)))


def closest(version: int, traits: Iterable[Trait]) -> Candidate | None:
    """Return the closest profile, None where more speaks against it than for it."""
    best = candidates(version, traits)[0]
    against = sum(_weight(clue) for clue in best.against)
    return best if sum(_weight(clue) for clue in best.speaking_for) > against else None


def facts_otherwise(version: int, traits: Iterable[Trait]) -> dict[str, object]:
    """Return the seen facts in which a profile differs, as ``facts`` of a unit table takes them."""
    profile = FIRMWARE[version]
    return {
        trait.name: trait.values[0]
        for trait in traits
        if trait.values[0] != -1 and plain(getattr(profile, trait.name).value) not in trait.values
    }


def plain(value: object) -> object:
    """Return a fact's value as files say it: names of enumerations, ``silence`` for None."""
    if value is None:
        return SILENCE
    if isinstance(value, Enum) and not isinstance(value, int):
        return value.name.lower()
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _clues(version: int, traits: list[Trait], row: FirmwareProfile) -> Iterator[Clue]:
    yield Clue("version", f"version byte 0x{version:02X}", f"0x{row.version:02X}", _VERSION,
               row.version == version)  # fmt: skip
    for trait in traits:
        fact = getattr(row, trait.name)
        value = plain(fact.value)
        yield Clue(trait.name, trait.words, _words(trait.name, value), fact.evidence,
                   value in trait.values)  # fmt: skip


def _words(name: str, value: object) -> str:
    if name == "closed_setting":
        assert isinstance(value, int)
        return status_name(value)
    return {"tail_bytes": f"{value} bytes", "counter_words": f"{value} words"}.get(name, str(value))


def _weight(clue: Clue) -> int:
    return _VERSION_WEIGHT if clue.trait == "version" else _WEIGHTS[clue.evidence.grade]


def _data(exchange: Exchange | None) -> bytes | None:
    answer = exchange.response if exchange is not None else None
    return None if answer is None or answer.status else answer.data


def _status(exchange: Exchange | None) -> int | None:
    answer = exchange.response if exchange is not None else None
    return None if answer is None else answer.status
