"""The traffic of one link, as pieces with times, and as text a person can follow."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from jbd_protocol import (
    FrameError,
    RequestDecoder,
    ResponseDecoder,
    describe,
    parse_module_frame,
)


class Direction(StrEnum):
    """Which way a piece went."""

    TO_BOARD = ">"
    FROM_BOARD = "<"
    MARK = "#"
    """No bytes: something that happened to the connection."""


class Piece(NamedTuple):
    """Bytes as they were written or read in one go."""

    t_s: float
    direction: Direction
    data: bytes
    note: str = ""


class Traffic:
    """Everything that passed a link, oldest first.

    Attributes:
        pieces: the record; times are seconds of the link's clock.
    """

    def __init__(self, pieces: Iterable[Piece] = ()) -> None:
        self.pieces: list[Piece] = list(pieces)

    def __len__(self) -> int:
        return len(self.pieces)

    def add(self, t_s: float, direction: Direction, data: bytes) -> None:
        """Note a piece."""
        self.pieces.append(Piece(t_s, direction, data))

    def mark(self, t_s: float, note: str) -> None:
        """Note something that happened to the connection."""
        self.pieces.append(Piece(t_s, Direction.MARK, b"", note))

    def lines(self) -> list[str]:
        """Return one line a piece: seconds since the first, direction, bytes, meaning."""
        start_s = self.pieces[0].t_s if self.pieces else 0.0
        return [
            f"{piece.t_s - start_s:9.3f} {piece.direction} "
            + (f"{piece.data.hex(' ').upper()}    {note}" if piece.data else note).rstrip()
            for piece, note in self._explained()
        ]

    def rows(self) -> list[dict[str, object]]:
        """Return one object a piece, as JSON has it."""
        return [row_of(piece, note) for piece, note in self._explained()]

    def to_jsonl(self, path: Path) -> None:
        """Write one JSON object a line.

        Raises:
            OSError: the file cannot be written.
        """
        with path.open("w", encoding="utf-8") as file:
            for row in self.rows():
                file.write(json.dumps(row, ensure_ascii=False) + "\n")

    def _explained(self) -> Iterator[tuple[Piece, str]]:
        """Yield every piece with the frames it completed, in words."""
        explainer = Explainer()
        for piece in self.pieces:
            yield piece, explainer.explain(piece)


def row_of(piece: Piece, meaning: str) -> dict[str, object]:
    """Return a piece as JSON has it."""
    return {
        "t_s": round(piece.t_s, 6),
        "direction": piece.direction.value,
        "hex": piece.data.hex(" ").upper(),
        "meaning": meaning,
    }


class Explainer:
    """Says what the pieces of one link mean, one after another."""

    def __init__(self) -> None:
        self._decoders: dict[Direction, RequestDecoder | ResponseDecoder] = {
            Direction.TO_BOARD: RequestDecoder(),
            Direction.FROM_BOARD: ResponseDecoder(),
        }

    def explain(self, piece: Piece) -> str:
        """Return the frames that a piece completes, in words."""
        if piece.direction is Direction.MARK:
            # What a fault did to a frame is no end of the connection.
            if not piece.note.startswith("fault "):
                for decoder in self._decoders.values():
                    decoder.reset()
            return piece.note
        decoder = self._decoders[piece.direction]
        meanings = _module_meaning(piece.data) or [describe(e) for e in decoder.receive(piece.data)]
        return " | ".join(meanings) or "(unfinished)"


def _module_meaning(data: bytes) -> list[str]:
    """Return what a frame of the Bluetooth module says, none where it is not one."""
    if data[:2] != b"\xff\xaa":
        return []
    try:
        frame = parse_module_frame(data)
    except FrameError:
        return []
    return [f"module command 0x{frame.command:02X}"]
