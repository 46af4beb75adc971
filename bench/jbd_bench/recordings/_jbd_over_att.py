"""Finds the board in a phone's Bluetooth log: writes to FF02, notifications of FF01."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from ..records import Direction, Piece
from ._att import Connection, connections
from ._hci import Packet

_NOTIFY, _WRITE = 0xFF01, 0xFF02
_REQUESTS: Final = (b"\xdd\xa5", b"\xdd\x5a", b"\xff\xaa")
_ANSWERS: Final = (b"\xdd", b"\xff\xaa")


def board_pieces(packets: Iterable[Packet], device: str | None) -> list[Piece]:
    """Return what passed between client and board, a mark between two connections.

    The two characteristics are known by their UUIDs where the log has the discovery, of this
    connection or an earlier one with the same peer; a phone that remembers a board asks no more,
    and then they are known by the frames that pass.

    Args:
        packets: of the log.
        device: address of the board, where there are several.
    Raises:
        RecordingError: several boards and none chosen, or the chosen one is not there.
    """
    from ._read import RecordingError

    found: dict[str, list[list[Piece]]] = {}
    remembered: dict[str, dict[int, int]] = {}
    for connection in connections(packets):
        known = remembered.setdefault(connection.peer, {})
        known |= connection.handles
        if pieces := _pieces(connection, known):
            found.setdefault(connection.peer, []).append(pieces)
    if not found:
        raise RecordingError("no frame of a board in this Bluetooth log")
    if device is None and len(found) > 1:
        raise RecordingError(f"several boards: choose one of {', '.join(found)} with --device")
    chosen = next(iter(found)) if device is None else device.upper()
    if chosen not in found:
        raise RecordingError(f"device {device!r}: not in it; boards: {', '.join(found)}")
    joined: list[Piece] = []
    for pieces in found[chosen]:
        if joined:
            joined.append(Piece(pieces[0].t_s, Direction.MARK, b"", "reconnected"))
        joined += pieces
    return joined


def _pieces(connection: Connection, known: dict[int, int]) -> list[Piece]:
    write = known.get(_WRITE) or _by_content(connection, written=True)
    notify = known.get(_NOTIFY) or _by_content(connection, written=False)
    pieces = [
        Piece(
            value.t_s,
            Direction.TO_BOARD if value.written else Direction.FROM_BOARD,
            value.data,
        )
        for value in connection.values
        if value.data and value.handle == (write if value.written else notify)
    ]
    asked = any(piece.data.startswith(_REQUESTS) for piece in pieces)
    return pieces if asked else []


def _by_content(connection: Connection, *, written: bool) -> int | None:
    """Return the handle that most beginnings of frames went through."""
    starts = _REQUESTS if written else _ANSWERS
    counts = Counter(
        value.handle
        for value in connection.values
        if value.written == written and value.data.startswith(starts)
    )
    return counts.most_common(1)[0][0] if counts else None
