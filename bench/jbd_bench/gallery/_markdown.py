"""The compatibility matrix as the documentation has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ._entries import ENTRIES
from ._run import FAILED, NOT_FOR, PASSED, Outcome

_MARK: Final = {PASSED: "ok", NOT_FOR: "n/a"}
BEGIN: Final = "<!-- jbd-bench gallery --markdown -->"
END: Final = "<!-- end -->"


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Return the entries, the matrix and the reasons of every failure, as Markdown."""
    return "\n".join([*_entry_lines(outcomes), "", *_matrix_lines(outcomes)])


def in_document(document: str, block: str) -> str:
    """Return a document with the generated block replaced.

    Raises:
        ValueError: it has no such block.
    """
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} ... {END} in the document")
    return f"{head}{BEGIN}\n{block}\n{END}{tail}"


def _entry_lines(outcomes: Sequence[Outcome]) -> list[str]:
    lines = [
        "| entry | what happens | a good client | the bug | reported |",
        "|---|---|---|---|---|",
    ]
    for entry_id in dict.fromkeys(one.entry for one in outcomes):
        entry = ENTRIES[entry_id]
        said = f"{entry.reported.source} ({entry.reported.grade})"
        lines.append(f"| `{entry.id}` | {entry.title} | {entry.good} | {entry.bug} | {said} |")
    return lines


def _matrix_lines(outcomes: Sequence[Outcome]) -> list[str]:
    clients = list(dict.fromkeys(one.client for one in outcomes))
    places = {(one.entry, one.client): one for one in outcomes}
    notes: dict[str, int] = {}
    lines = ["| entry | " + " | ".join(clients) + " |", "|---" * (len(clients) + 1) + "|"]
    for entry_id in dict.fromkeys(one.entry for one in outcomes):
        cells = [cell(places[entry_id, client], notes) for client in clients]
        lines.append(f"| `{entry_id}` | " + " | ".join(cells) + " |")
    if notes:
        lines += ["", "What the failures are:", ""]
    return lines + [f"{number}. {why}" for why, number in notes.items()]


def cell(outcome: Outcome, notes: dict[str, int]) -> str:
    """Return what stands in the matrix; a new reason is numbered in ``notes``."""
    if outcome.result != FAILED:
        return _MARK[outcome.result]
    return f"**no** {notes.setdefault(outcome.why, len(notes) + 1)}"
