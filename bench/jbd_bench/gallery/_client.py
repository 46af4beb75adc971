"""A client as the gallery uses it: it looks, reads settings, writes one; and who can what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Protocol, TypeAlias

from .._link import Link, LinkError
from ._entry import CAPACITY, CHARGE, MONITOR, SETTINGS, WRITE, Entry
from ._look import Look, Use
from ._stage import LINE, MODULE, Stage


class StepClient(Protocol):
    """A client that does one thing at a time."""

    def look(self) -> Look:
        """Fetch live data once; what it cannot fetch it says in ``error``."""

    def read_settings(self) -> str:
        """Read the settings; return what went wrong in the client's words, empty if nothing."""

    def write_setting(self) -> str:
        """Write the 90 % point, 0x42, and tell the user; return the words for a failure."""


Drive: TypeAlias = Callable[[Stage, str], Use]
"""Uses the client on a stage, over ``line`` or ``module``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GalleryClient:
    """A client the gallery can put in front of a board.

    Attributes:
        id: its name in the matrix.
        title: one line for a person.
        can: what it is able to do.
        over: ``line``, ``module`` or both; the first is taken where an entry leaves the choice.
        drive: uses it on a stage.
        missing: why it cannot be run here, or empty.
    """

    id: str
    title: str
    can: frozenset[str]
    over: tuple[str, ...] = (LINE, MODULE)
    drive: Drive
    missing: str = ""

    def not_for(self, entry: Entry) -> str:
        """Return why the entry says nothing of this client, or empty."""
        if self.missing:
            return self.missing
        if entry.module is not None and MODULE not in self.over:
            return "knows no Bluetooth"
        if self.way(entry) == MODULE and find_spec("bumble") is None:
            return NO_RADIO
        lacking = sorted(entry.needs - self.can)
        return _LACKING[lacking[0]] if lacking else ""

    def way(self, entry: Entry) -> str:
        """Return what it reaches the board of an entry over."""
        return self.over[0] if entry.module is None else MODULE


NO_RADIO: Final = "needs a virtual radio: pip install 'jbd-bench[ble]'"
_LACKING: Final = {
    MONITOR: "shows no live data",
    SETTINGS: "reads no settings",
    WRITE: "does not write that setting",
    CAPACITY: "how it scales capacities is not known",
    CHARGE: "where its charge comes from is not known",
}


def drive_steps(make: Callable[[Link], StepClient], *, logs_in: bool = True) -> Drive:
    """Return what uses a client that does one thing at a time, once a second."""

    def drive(stage: Stage, over: str) -> Use:
        use, entry = Use(), stage.entry
        try:
            link = stage.link(over, logs_in=logs_in)
        except LinkError as error:
            use.ended = str(error)
            return use
        try:
            _use(make(link), link, entry, use)
        except Exception as error:  # whatever a client raises is what its user meets
            use.ended = words_of(error)
        finally:
            link.close()
        return use

    return drive


def words_of(error: Exception) -> str:
    """Return what a client broke with, on one line."""
    said = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _use(client: StepClient, link: Link, entry: Entry, use: Use) -> None:
    clock = link.clock
    for _ in range(entry.looks):
        began_s = clock.now_s()
        use.looks.append(client.look())
        clock.sleep_until(began_s + 1.0)
    if SETTINGS in entry.uses:
        use.settings = client.read_settings()
    if WRITE in entry.uses:
        use.written = client.write_setting()
