"""The requirements a firmware is held to, collected from the suites that show them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final

from .. import suites
from .._leave import Tier, tier_of

if TYPE_CHECKING:
    from collections.abc import Mapping

SUITES: Final = (
    "password",
    "conformance",
    "timing",
    "compatibility",
    "module",
    "protections",
    "measurements",
    "robustness",
)
"""In the order in which they run: a board is asked about its PIN before anything presents it, and
maltreated last. ``clients`` is not among them: it holds a board to the lockout itself."""

_AREA_OF: Final = MappingProxyType(
    {
        "CONF-FRAME-13": "statuses",
        "CONF-REG-01": "statuses",
        "CONF-REG-07": "statuses",
        "CONF-REG-16": "statuses",
        "CONF-REG-17": "statuses",
        "CONF-REG-19": "statuses",
        "CONF-FRAME": "frames",
        "CONF-REG": "registers",
        "CONF-FACT": "factory mode",
        "CONF-FET": "FETs",
        "PWD": "password",
        "TIME": "timing",
        "COMPAT": "compatibility",
        "MOD": "module",
        "PROT": "protections",
        "MEAS": "measurements",
        "ROB": "robustness",
    }
)
AREAS: Final = tuple(dict.fromkeys(_AREA_OF.values()))
"""What a report groups requirements by."""


def covers(tier: Tier, other: Tier) -> bool:
    """Return whether a verdict up to one tier includes another."""
    order = list(Tier)
    return order.index(other) <= order.index(tier)


_EQUIPMENT: Final = MappingProxyType(
    {"power": "power switch", "bench": "cell simulator", "cells": "cell simulator"}
)
"""What a fixture of that name needs of a lab."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One requirement.

    Attributes:
        id: stable name, ``CONF-FRAME-03``.
        text: one sentence.
        source: where the expectation comes from.
        grade: how well it is known.
        area: one of :data:`AREAS`.
        tier: what showing it does to the board.
        leaves: what ``--allow`` must hold for it.
        needs: equipment without which it is not judged on a board: ``power switch``,
            ``cell simulator`` or ``emulator``.
        suite: where it is shown.
    """

    id: str
    text: str
    source: str
    grade: str
    area: str
    tier: Tier
    leaves: tuple[str, ...]
    needs: tuple[str, ...]
    suite: str


@cache
def catalogue() -> tuple[Entry, ...]:
    """Return every requirement of the suites, by suite and place.

    Raises:
        LinkError: pytest, which the suites are written for, is not installed.
    """
    found: dict[str, Entry] = {}
    for suite in SUITES:
        for module in _modules(suite):
            for entry in _entries(suite, module):
                known = found.get(entry.id)
                found[entry.id] = entry if known is None else _joined(known, entry)
    return tuple(found.values())


def area_of(requirement: str) -> str:
    """Return the area of a requirement: that of the longest start of its id that is named."""
    start = max((s for s in _AREA_OF if requirement.startswith(s)), key=len, default="")
    return _AREA_OF.get(start, "others")


def _modules(suite: str) -> Iterator[ModuleType]:
    from .._link import LinkError

    folder = Path(suites.__file__).parent / suite
    for path in sorted(folder.glob("test_*.py")):
        try:
            yield import_module(f"{suites.__name__}.{suite}.{path.stem}")
        except ModuleNotFoundError as error:
            if error.name != "pytest":
                raise
            raise LinkError("acceptance needs pytest: pip install 'jbd-bench[bench]'") from None


def _entries(suite: str, module: ModuleType) -> Iterator[Entry]:
    of_module = _marks(module)
    for name, test in vars(module).items():
        if not name.startswith("test_") or not inspect.isfunction(test):
            continue
        marks = [*_marks(test), *of_module]
        leaves: set[str] = set()
        embedded = False
        for mark in reversed([mark for mark in marks if mark.name == "jbd"]):
            asked = mark.kwargs.get("writes", ())
            leaves |= {asked} if isinstance(asked, str) else set(asked)
            embedded = bool(mark.kwargs.get("embedded", embedded))
        needs = {_EQUIPMENT[p] for p in inspect.signature(test).parameters if p in _EQUIPMENT}
        if embedded:
            needs = {"emulator"}
        for mark in marks:
            if mark.name == "jbd_requirement":
                row = mark.kwargs
                yield Entry(
                    id=row["id"],
                    text=row["text"],
                    source=row["source"],
                    grade=str(row["grade"]),
                    area=area_of(row["id"]),
                    tier=tier_of(leaves),
                    leaves=tuple(sorted(leaves)),
                    needs=tuple(sorted(needs)),
                    suite=suite,
                )


def _marks(of: object) -> list[Any]:  # Any: pytest's marks, of either shape
    marks = getattr(of, "pytestmark", [])
    return [getattr(mark, "mark", mark) for mark in (marks if isinstance(marks, list) else [marks])]


def _joined(one: Entry, other: Entry) -> Entry:
    """Return a requirement that several tests show: as harsh as the harshest of them."""
    leaves = set(one.leaves) | set(other.leaves)
    return Entry(
        **{
            **{name: getattr(one, name) for name in ("id", "text", "source", "grade", "area")},
            "tier": tier_of(leaves),
            "leaves": tuple(sorted(leaves)),
            "needs": tuple(sorted(set(one.needs) | set(other.needs))),
            "suite": one.suite,
        }
    )


def by_id() -> Mapping[str, Entry]:
    """Return the catalogue by id."""
    return MappingProxyType({entry.id: entry for entry in catalogue()})
