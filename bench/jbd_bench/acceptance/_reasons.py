"""Why a case of a requirement was not judged, sorted by what can be done about it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection


class Why(StrEnum):
    """What stood in the way."""

    LEAVE = "leave"
    """The run had no leave to write what it takes: ``--allow``."""
    LAB = "lab"
    """Equipment that is not there."""
    GUARD = "guard"
    """The guard does not let it be done to a board: 07, where no clear was shown to work."""
    UNIT = "unit"
    """The unit was in no state for it."""
    NOT_MEANT = "not meant"
    """It is about another firmware, or a unit with (or without) a PIN: nothing is missing."""


_PARTS: Final = (
    # Of the client models, and of Bluetooth modules: each is about a kind of link.
    ("is a program of the serial line", Why.NOT_MEANT),
    ("does not know the login", Why.NOT_MEANT),
    ("nothing is known", Why.NOT_MEANT),
    ("it is not known", Why.NOT_MEANT),
    ("no frame of its own is known", Why.NOT_MEANT),
)
_STARTS: Final = (
    ("writes ", Why.LEAVE),
    ("presents the PIN of ", Why.LEAVE),
    ("needs the embedded emulator", Why.LAB),
    ("needs a cell simulator", Why.LAB),
    ("needs a power switch", Why.LAB),
    ("the equipment cannot", Why.LAB),
    ("write to 0x07 withheld", Why.GUARD),
    ("this system does not show", Why.LAB),
    ("is about ", Why.NOT_MEANT),
    ("needs a module that answers frames", Why.NOT_MEANT),
    ("needs parameters by number", Why.NOT_MEANT),
    ("needs a unit with", Why.NOT_MEANT),
    ("this board does not serve FA", Why.NOT_MEANT),
)


def leaves_asked(reason: str | None) -> Collection[str]:
    """Return the leaves that a reason asks for, ``--allow password,settings``."""
    return (reason or "").rpartition("--allow ")[2].split(",")


def why_skipped(reason: str | None) -> Why:
    """Return what a reason is about; one that is not known counts as the unit's own state.

    That is the careful side: what the unit's state kept from being judged stands in the way of a
    verdict, and nobody is told "accepted" because a new reason was not listed here.
    """
    text = (reason or "").removeprefix("Skipped: ")
    for start, why in _STARTS:
        if text.startswith(start):
            return why
    return next((why for part, why in _PARTS if part in text), Why.UNIT)
