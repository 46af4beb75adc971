"""An entry of the gallery: a bug of the field, how to meet it, and how a client is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from jbd_protocol import Evidence

from ._look import Truth, Use

Judge: TypeAlias = Callable[[Use, Truth], str]
"""Returns why a client fails, in words; empty where it passes."""

MONITOR, SETTINGS, WRITE = "monitor", "settings", "write"
CAPACITY, CHARGE = "capacity", "charge"
"""What a client can do, and what an entry needs it to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One bug that the field reported about clients.

    Attributes:
        id: ``ghost-cells``; also the name of the scenario that makes it happen.
        title: one line for a person.
        reported: where, and how well it is known.
        good: what a client without the bug shows.
        bug: what one with it does.
        judge: tells the two apart.
        needs: what a client must be able to do, or the entry says nothing of it.
        uses: beside looking, what the user does if the client can.
        module: generation of the Bluetooth module; None where the line will do as well.
        secret: the module's password.
        looks: how often the user looks, once a second.
    """

    id: str
    title: str
    reported: Evidence
    good: str
    bug: str
    judge: Judge
    needs: frozenset[str] = frozenset({MONITOR})
    uses: frozenset[str] = frozenset()
    module: str | None = None
    secret: str | None = None
    looks: int = 12


def all_of(*judges: Judge) -> Judge:
    """Return a judge that fails with the first complaint of several."""

    def judge(use: Use, truth: Truth) -> str:
        return next((why for one in judges if (why := one(use, truth))), "")

    return judge


def invents_nothing(use: Use, truth: Truth) -> str:
    """Nothing is shown that is not so."""
    for number, look in enumerate(use.looks, 1):
        if wrong := truth.wrong(look):
            return f"look {number} shows {wrong}"
    return ""


def shows_in_the_end(use: Use, truth: Truth) -> str:
    """The last looks show the battery."""
    if use.ended:
        return f"it ended: {use.ended}"
    if not use.looks:
        return "it never came to show anything"
    silent = next((look for look in use.looks[-2:] if not look.shows), None)
    return f"at the end it shows no data: {silent.error or 'nothing'}" if silent else ""


def shows_within(looks: int) -> Judge:
    """Return a judge that wants data in one of the first looks."""

    def judge(use: Use, truth: Truth) -> str:
        if any(look.shows for look in use.looks[:looks]):
            return ""
        return f"no data in the first {looks} looks" + (f": {use.ended}" if use.ended else "")

    return judge
