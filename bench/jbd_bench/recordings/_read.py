"""Reads recordings of every known kind.

==================  ==========================================================================
JSON lines          ours, ``t_s``, ``direction``, ``hex``, as `jbd-bench record` and
                    ``Traffic.to_jsonl`` write them; transcripts with ``t``, ``dir``, ``hex``,
                    ``conn``, where ``tx`` is the client's; the log of `jbd-emulator serve`, where
                    ``tx`` is the unit's and ``unit`` names it
btsnoop             the Bluetooth log of Android, and of BlueZ's hcidump and btmon: RFC 1761's
                    layout with HCI packets in it
PacketLogger        the Bluetooth log of iOS and macOS, ``.pklg``
==================  ==========================================================================
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from .._link import LinkError
from ..records import Direction, Piece
from ._recording import Recording

_CLIENTS: Final = {"tx": Direction.TO_BOARD, "rx": Direction.FROM_BOARD}
_UNITS: Final = {"rx": Direction.TO_BOARD, "tx": Direction.FROM_BOARD}
_BESIDE: Final = ("fault", "air")
"""What the log of an emulated unit says beside the bytes of its lines."""
Row = dict[str, Any]  # Any: JSON of somebody else's file, checked where it is used


class RecordingError(LinkError):
    """A recording cannot be used; the message is one line that names file, place and limit."""


def read_recording(path: Path, *, device: str | None = None) -> Recording:
    """Return a recording.

    Args:
        path: the file.
        device: which of several boards in it: Bluetooth address, or unit of an emulator's log.
    Raises:
        RecordingError: it cannot be read, is of no known kind, or has several boards.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise RecordingError(f"recording {path}: {reason}") from None
    try:
        pieces = _pieces(raw, device)
    except RecordingError as error:
        raise RecordingError(f"recording {path}: {error}") from None
    if not any(piece.data for piece in pieces):
        raise RecordingError(f"recording {path}: no traffic with a board in it")
    return Recording.of(str(path), pieces)


def _pieces(raw: bytes, device: str | None) -> list[Piece]:
    from ._hci import looks_like_hci, packets
    from ._jbd_over_att import board_pieces

    if looks_like_hci(raw):
        return board_pieces(packets(raw), device)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise RecordingError("neither JSON lines nor btsnoop nor PacketLogger") from None
    rows = list(_rows(text.split("\n"), whole=text.endswith("\n")))
    if any("frames" in row or "proto" in row for _, row in rows):
        raise RecordingError("reassembled frames, not pieces; take the file beside it")
    units = sorted({str(row["unit"]) for _, row in rows if "unit" in row})
    if device is None and len(units) > 1:
        raise RecordingError(f"several units: choose one of {', '.join(units)} with --device")
    if device is not None and device not in units:
        raise RecordingError(f"device {device!r}: not in it; units: {', '.join(units) or 'none'}")
    mine = [
        (number, row)
        for number, row in rows
        if (device is None or row.get("unit") == device)
        and not ("unit" in row and row.get("dir") in _BESIDE)
    ]
    pieces: list[Piece] = []
    for _, group in groupby(mine, key=lambda numbered: numbered[1].get("conn")):
        if pieces:
            pieces.append(Piece(pieces[-1].t_s, Direction.MARK, b"", "reconnected"))
        pieces += [_piece(number, row) for number, row in group]
    return pieces


def _rows(lines: list[str], *, whole: bool) -> Iterator[tuple[int, Row]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            if number == len(lines) > 1 and not whole:
                # The machine went down, or the disk was full, while it was written.
                return
            raise RecordingError(f"line {number}: not JSON") from None
        if not isinstance(row, dict):
            raise RecordingError(f"line {number}: must be an object")
        yield number, row


def _piece(number: int, row: Row) -> Piece:
    t_s = row.get("t_s", row.get("t"))
    t_s = 0.0 if t_s is None else t_s
    if isinstance(t_s, bool) or not isinstance(t_s, (int, float)) or not math.isfinite(t_s):
        raise RecordingError(f"line {number}: time {t_s!r}: must be seconds")
    text = row.get("hex")
    try:
        data = bytes.fromhex(text) if isinstance(text, str) else None
    except ValueError:
        data = None
    if data is None:
        raise RecordingError(f"line {number}: hex {text!r}: must be hexadecimal digits")
    return Piece(float(t_s), _direction(number, row), data, str(row.get("meaning", "")))


def _direction(number: int, row: Row) -> Direction:
    if "direction" in row:
        known = [direction.value for direction in Direction]
        if row["direction"] not in known:
            raise RecordingError(
                f"line {number}: direction {row['direction']!r}: must be {' or '.join(known)}"
            )
        return Direction(row["direction"])
    names = _UNITS if "unit" in row else _CLIENTS
    if row.get("dir") not in names:
        raise RecordingError(f"line {number}: dir {row.get('dir')!r}: must be tx or rx")
    return names[row["dir"]]
