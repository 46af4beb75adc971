"""Which targets are one board, and how many workers test them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

from ._link import LinkError
from ._port_lock import port_key
from .transports import parse_target


def boards_of(targets: Sequence[str]) -> list[list[str]]:
    """Return the targets by board: several names of one local port are one board.

    Raises:
        LinkError: a target string that can name nothing.
    """
    boards: dict[str, list[str]] = {}
    for text in dict.fromkeys(targets):
        target = parse_target(text)
        key = f"{target.scheme}:{target.address}"
        if target.scheme == "serial":
            key = port_key(target.address)
        boards.setdefault(text if target.embedded else key, []).append(text)
    return list(boards.values())


def check_boards(targets: Sequence[str], *, units: bool = False) -> None:
    """Refuse targets of which two are one board: its guard lets one link through.

    Args:
        targets: as they were given.
        units: each is a unit of a report, so that an emulated one is not to come twice either.
    Raises:
        LinkError: which two; or a target string that can name nothing.
    """
    listed = [text for text in targets if units or not parse_target(text).embedded]
    for text in listed:
        if listed.count(text) > 1:
            raise LinkError(f"target {text!r}: given twice; one board is one unit")
    for names in boards_of(listed):
        if len(names) > 1:
            raise LinkError(
                f"target {names[1]!r}: the same board as {names[0]!r}; one board is one unit"
            )


def shares(targets: Sequence[str], workers: int) -> list[list[str]]:
    """Return the targets of each worker; boards are dealt out in turns.

    Raises:
        LinkError: a target string that can name nothing.
        ValueError: fewer than one worker.
    """
    if workers < 1:
        raise ValueError(f"workers {workers}: must be at least 1")
    boards = boards_of(targets)
    return [[text for board in boards[n::workers] for text in board] for n in range(workers)]


def workers_for(targets: Sequence[str], wanted: int | None) -> int:
    """Return how many workers test these targets: one a board, where there are several.

    Raises:
        LinkError: fewer than one is wanted, or several without pytest-xdist.
    """
    if wanted is not None and wanted < 1:
        raise LinkError(f"workers {wanted}: must be at least 1")
    boards = boards_of([text for text in targets if not parse_target(text).embedded])
    most = len(boards_of(targets)) if wanted is not None else len(boards)
    found = min(most, len(targets) if wanted is None else wanted)
    if found > 1 and find_spec("xdist") is None:
        if wanted is None:
            return 1
        raise LinkError("several workers need pytest-xdist: pip install 'jbd-bench[bench]'")
    return max(1, found)
