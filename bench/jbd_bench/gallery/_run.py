"""Running the gallery: every entry with every client, each on a fresh board."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from jbd_protocol import LocalError

from ._bad import BAD_CLIENTS
from ._client import GalleryClient, drive_steps
from ._entries import ENTRIES
from ._entry import Entry
from ._look import Use
from ._stage import Stage

PASSED, FAILED, NOT_FOR = "passed", "failed", "n/a"
LOGIN: Final = "silent-until-login"
RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one client in one entry.

    Attributes:
        entry, client: their ids.
        result: ``passed``, ``failed`` or ``n/a``.
        why: of a failure, or why the entry says nothing of the client.
    """

    entry: str
    client: str
    result: str
    why: str = ""

    def to_json(self) -> dict[str, str]:
        """Return it as a JSON object."""
        return {"entry": self.entry, "client": self.client, "result": self.result, "why": self.why}


def clients() -> dict[str, GalleryClient]:
    """Return every client by its id: the bench's own, the models, the real ones."""
    from ._aiobmsble import aiobmsble
    from ._bmstools import bmstools
    from ._models import model_clients
    from ._reference import reference

    rows = (reference(), *model_clients(), bmstools(), aiobmsble())
    return {row.id: row for row in rows}


def bad_client(entry_id: str) -> GalleryClient:
    """Return the client that has the bug of an entry, to prove that the entry finds it.

    Raises:
        LocalError: no such entry.
    """
    entry = chosen(ENTRIES, [entry_id], "entry")[entry_id]
    return GalleryClient(
        id="seeded",
        title=entry.bug,
        can=entry.needs,
        drive=drive_steps(BAD_CLIENTS[entry_id], logs_in=entry_id != LOGIN),
    )


def run_entry(entry: Entry, client: GalleryClient) -> Outcome:
    """Put one client in front of one entry's board, and judge.

    What breaks inside the client is the client's failure; the gallery goes on.
    """
    if why := client.not_for(entry):
        return Outcome(entry.id, client.id, NOT_FOR, why)
    stage = Stage(entry)
    use: Use = client.drive(stage, client.way(entry))
    use.asked, use.left_open = dict(stage.asked), stage.left_open
    why = entry.judge(use, stage.truth())
    return Outcome(entry.id, client.id, FAILED if why else PASSED, why)


def run_gallery(
    entry_ids: Iterable[str] | None = None,
    client_ids: Iterable[str] | None = None,
    *,
    progress: Callable[[Entry, GalleryClient], None] = lambda entry, client: None,
) -> Iterator[Outcome]:
    """Yield the outcomes, entry by entry.

    Raises:
        LocalError: no such entry or client; the message names those there are.
    """
    rows = chosen(clients(), client_ids, "client")
    for entry in chosen(ENTRIES, entry_ids, "entry").values():
        for client in rows.values():
            progress(entry, client)
            yield run_entry(entry, client)


def prove(entry_ids: Iterable[str] | None = None) -> Iterator[Outcome]:
    """Yield what becomes of every entry's own bad client; raises as :func:`run_gallery`."""
    for entry in chosen(ENTRIES, entry_ids, "entry").values():
        yield run_entry(entry, bad_client(entry.id))


def chosen(known: Mapping[str, RowT], ids: Iterable[str] | None, field: str) -> Mapping[str, RowT]:
    """Return the rows of ``ids``, or all.

    A client may be named without its release, ``aiobmsble``.

    Raises:
        LocalError: there is none of this id.
    """
    if ids is None:
        return known
    found: dict[str, RowT] = {}
    for one in ids:
        full = next((row for row in known if one in (row, row.partition(" ")[0])), None)
        if full is None:
            raise LocalError(f"{field} {one!r}: must be one of {', '.join(known)}")
        found[full] = known[full]
    return found
