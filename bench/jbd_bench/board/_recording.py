"""A conversation with a board as a file: its snapshot, and test by test what was said when.

JSON lines. The first holds the snapshot, and what the unit table needs beside it; each further
one a test with its requirements, what became of it on the board, and the pieces both ways.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jbd_emulator import Unit, unit_from_table
from jbd_protocol import LocalError

from ..records import Direction, Piece, TestRecord
from ._snapshot import Snapshot
from ._twin import unit_table

FORMAT: Final = 1
_BEGIN_S: Final = 3.0
"""When a replay begins on the clock of a new unit: it has then measured its pack."""
_PAUSE_S: Final = 0.3
"""A gap that is meant as a pause; what the suites send byte by byte is 5 ms apart."""
_WHOLE: Final = 7
"""Bytes of the shortest frame."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """One test, as it went with the board.

    Attributes:
        test: name and parameters.
        requirements: id, text, source and grade of what it shows.
        outcome: ``passed``, ``failed`` or ``skipped``.
        reason: why it was skipped.
        pieces: what was said, with seconds from the first.
    """

    test: str
    requirements: tuple[Mapping[str, str], ...]
    outcome: str
    reason: str | None
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Turn:
    """What was sent without an answer between, and everything that came before the next.

    Attributes:
        sends: times and bytes.
        received: the bytes that came.
    """

    sends: tuple[tuple[float, bytes], ...]
    received: bytes

    @property
    def sent(self) -> bytes:
        """All bytes that were sent."""
        return b"".join(data for _, data in self.sends)


@dataclass(frozen=True, slots=True)
class Recording:
    """A board's snapshot and its conversation.

    Attributes:
        snapshot: the board before it.
        unit: keys of the unit table that no snapshot tells, such as ``pin``.
        tests: in the order they were played.
    """

    snapshot: Snapshot
    tests: tuple[Spoken, ...]
    unit: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    def twin(self) -> Unit:
        """Return a new unit that is the board, powered at 0 s.

        Raises:
            ConfigError: the snapshot is of a board that the emulator cannot be.
        """
        return Unit(unit_from_table({**unit_table(self.snapshot), **self.unit}))

    def write(self, path: Path) -> None:
        """Write the file; raises OSError where that cannot be."""
        head = {"recording": FORMAT, "snapshot": self.snapshot.to_toml(), "unit": dict(self.unit)}
        lines = [head, *(_row(test) for test in self.tests)]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        path.write_text(text, encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Return what :meth:`write` wrote.

        Raises:
            LocalError: it is not that; the message names file and line.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise LocalError(f"{path}: {error}") from None
        tests: list[Spoken] = []
        try:
            head = json.loads(lines[0])
            if head["recording"] != FORMAT:
                raise ValueError(f"format {head['recording']!r}, must be {FORMAT}")
            snapshot = Snapshot.from_toml(head["snapshot"])
            for line in lines[1:]:
                tests.append(_spoken(json.loads(line)))
            return cls(snapshot, tuple(tests), dict(head["unit"]))
        except (KeyError, TypeError, IndexError, ValueError) as error:
            why = f"lacks {error}" if isinstance(error, KeyError) else str(error)
            at = f"line {len(tests) + 2}" if tests else "the beginning"
            raise LocalError(f"{path}: not a recording, at {at}: {why}") from None


def spoken_of(record: TestRecord) -> Spoken:
    """Return a test's record without what is the run's own."""
    target = record.target or ""
    name = record.id.rpartition("::")[2].replace(f"[{target}]", "").replace(f"{target}-", "")
    pieces = [
        Piece(float(str(row["t_s"])), Direction(str(row["direction"])),
              bytes.fromhex(str(row["hex"])))
        for row in record.traffic
    ]  # fmt: skip
    start_s = pieces[0].t_s if pieces else 0.0
    return Spoken(
        test=name,
        requirements=tuple(record.requirements),
        outcome=record.outcome,
        reason=record.reason,
        pieces=tuple(piece._replace(t_s=round(piece.t_s - start_s, 6)) for piece in pieces),
    )


def turns_of(pieces: tuple[Piece, ...]) -> list[Turn]:
    """Return a conversation in turns; a frame that was only sent again counts once."""
    turns: list[Turn] = []
    sends: list[tuple[float, bytes]] = []
    received = b""
    for piece in pieces:
        if piece.direction is Direction.FROM_BOARD:
            received += piece.data
        elif piece.direction is Direction.TO_BOARD:
            if received:
                turns.append(Turn(tuple(sends), received))
                sends, received = [], b""
            if sends and sends[-1][1] == piece.data and len(piece.data) >= _WHOLE:
                sends.pop()
            sends.append((piece.t_s, piece.data))
    if sends:
        turns.append(Turn(tuple(sends), received))
    return turns


def replay(unit: Unit, turns: list[Turn]) -> list[bytes]:
    """Say to a new unit what was said to the board, at the same times; return what it answers."""
    answers: list[bytes] = []
    for n, turn in enumerate(turns):
        heard = b""
        for at_s, data in _flowing(turn.sends):
            heard += _until(unit, _BEGIN_S + at_s)
            heard += unit.receive(data, _BEGIN_S + at_s)
        following = turns[n + 1].sends[0][0] if n + 1 < len(turns) else turn.sends[-1][0] + 1.0
        answers.append(heard + _until(unit, _BEGIN_S + following))
    return answers


def _flowing(sends: tuple[tuple[float, bytes], ...]) -> list[tuple[float, bytes]]:
    """Return pieces of one request as they were meant: a busy machine stretches their gaps."""
    meant: list[tuple[float, bytes]] = []
    when_s = next_s = sends[-1][0]
    for at_s, data in reversed(sends):
        if next_s - at_s >= _PAUSE_S:
            when_s = at_s
        next_s = at_s
        meant.append((when_s, data))
    return meant[::-1]


def _until(unit: Unit, when_s: float) -> bytes:
    """Let a unit do what is due before ``when_s``."""
    sent = b""
    while (due_s := unit.due_s) is not None and due_s < when_s:
        sent += unit.on_due(due_s)
    return sent


def _row(test: Spoken) -> dict[str, object]:
    return {
        "test": test.test,
        "requirements": [dict(row) for row in test.requirements],
        "outcome": test.outcome,
        "reason": test.reason,
        "pieces": [
            [piece.t_s, piece.direction.value, piece.data.hex(" ").upper()] for piece in test.pieces
        ],
    }


def _spoken(row: dict[str, Any]) -> Spoken:  # Any: json's own type
    return Spoken(
        test=str(row["test"]),
        requirements=tuple(row["requirements"]),
        outcome=str(row["outcome"]),
        reason=row["reason"],
        pieces=tuple(
            Piece(float(t_s), Direction(sign), bytes.fromhex(data))
            for t_s, sign, data in row["pieces"]
        ),
    )
