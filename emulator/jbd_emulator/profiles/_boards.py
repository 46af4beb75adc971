"""Board kits: cells, probes, names, front end and the parameter set they ship with.

The parameter sets are the desktop settings files for Overkill Solar's LiFePO4 kits of June 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from jbd_protocol import Evidence, Grade

from .._parameters import factory_words

_FILES: Final = Evidence(Grade.REPORTED, "desktop settings files of the kits, 2021-06")


class BoardKit(NamedTuple):
    """A board, what is wired to it, and what its EEPROM holds when new.

    Attributes:
        key: what ``--board`` takes.
        name: what register 0x05 answers; the kits' device name (that 0x05 shows it: captured
            on a 4S 200 A board).
        cells: series count.
        ntcs: temperature probes fitted.
        capacity_mah: of the cells it guards.
        settings: raw EEPROM data by address, text settings with their length byte.
        evidence: of the parameter set.
    """

    key: str
    name: str
    cells: int
    ntcs: int
    capacity_mah: int
    settings: Mapping[int, bytes]
    evidence: Evidence


def _kit(key: str, name: str, cells: int, ntcs: int, words: str, points: str) -> BoardKit:
    """Return a kit; ``words`` are 0x10..0x41 in order, ``points`` 0x42..0x47, all decimal."""
    numbers = [int(word) for word in words.split()]
    assert len(numbers) == 0x42 - 0x10, f"{key}: {len(numbers)} numbers"
    numbers += [int(word) for word in points.split()]
    settings = {0x10 + n: number.to_bytes(2, "big") for n, number in enumerate(numbers)}
    for address, text in ((0xA0, "DGJBD"), (0xA1, name), (0xA2, "")):
        settings[address] = bytes((len(text),)) + text.encode("ascii")
    settings |= factory_words(name)
    return BoardKit(key, name, cells, ntcs, numbers[0] * 10, MappingProxyType(settings), _FILES)


# 0x42..0x47 (90, 70, 50, 30, 10 and 100 %) stand in no settings file; they are assumed to lie
# between their neighbours of 0x12, 0x13 and 0x32..0x35.
BOARDS: Final[Mapping[str, BoardKit]] = MappingProxyType(
    {
        kit.key: kit
        for kit in (
            _kit(
                "4s", "JBD-SP04S020-L4S-120A-B-U-K", 4, 2,
                "10000 8000 3400 3000 2 10917 0 0 3381 3281 2741 2831 3481 3381 2631 2731 "
                "1460 1400 1000 1200 3650 3500 2500 3000 13000 52536 3400 15 1 15 3 4 30 10 "
                "3350 3300 3150 3100 3900 2000 40533 45061 514 514 514 514 2592 2592 2200 10",
                "3375 3325 3225 3125 3050 3400",
            ),
            _kit(
                "8s", "JBD-SP10S009-L8S-100A-B-K", 8, 2,
                "10000 8000 3400 3000 2 10896 0 0 3381 3281 2741 2831 3481 3381 2631 2731 "
                "2900 2800 2000 2400 3650 3500 2500 3000 11000 54536 3400 15 1 15 3 8 0 30 "
                "3400 3300 3200 3100 3900 2000 40533 45061 514 514 514 514 2592 2592 0 0",
                "3400 3350 3250 3150 3050 3400",
            ),
            _kit(
                "16s", "JBD-SP25S003-L16S-100A-B", 16, 3,
                "10000 8000 3500 2800 2 10894 0 0 3431 3331 2741 2781 3581 3481 2631 2731 "
                "5840 5600 4000 4800 3650 3500 2500 3000 11000 54536 3400 15 1 15 25 16 0 30 "
                "3329 3322 3291 3266 3900 2000 40276 45061 514 514 514 514 2592 2592 2300 20",
                "3400 3325 3306 3278 3150 3500",
            ),
        )
    }
)  # fmt: skip
