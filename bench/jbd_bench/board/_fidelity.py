"""How faithful the emulator is to one board: the same conversation, requirement by requirement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from jbd_protocol import (
    BadFrame,
    BasicInfo,
    Noise,
    PayloadError,
    Response,
    ResponseDecoder,
    describe,
    parse_basic_info,
)

from ..records import Piece
from ._recording import Recording, replay, turns_of

_READ: Final = b"\xdd\xa5"
_CELLS, _COUNTERS, _BASIC = 0x04, 0xAA, 0x03


class Verdict(StrEnum):
    """What became of a requirement."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Deviation:
    """A place where the emulator did not do as the board did.

    Attributes:
        test: where it was played.
        sent: what both were sent.
        board, emulator: what came, empty for silence.
    """

    test: str
    sent: bytes
    board: bytes
    emulator: bytes

    def to_json(self) -> dict[str, str]:
        """Return the frames in hexadecimal."""
        return {
            "test": self.test,
            "sent": _hex(self.sent),
            "board": _hex(self.board),
            "emulator": _hex(self.emulator),
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person reads."""
        yield f"in {self.test}"
        yield f"sent      {_hex(self.sent)}"
        for name, raw in (("board", self.board), ("emulator", self.emulator)):
            words = " | ".join(describe(event) for event in _events(raw))
            yield f"{name:9} {_hex(raw) or 'silence'}{f'    {words}' if words else ''}"


@dataclass(slots=True)
class Row:
    """One requirement.

    Attributes:
        id, text, grade: of the requirement.
        tests: how many tests of it were played on both.
        deviations: where they differ, one a test.
        reasons: why tests were not played.
        failed: whether the board does not meet the requirement.
    """

    id: str
    text: str
    grade: str
    tests: int = 0
    deviations: list[Deviation] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    failed: bool = False

    @property
    def verdict(self) -> Verdict:
        """Unknown where no test of it was played, differs where one of them did."""
        if self.deviations:
            return Verdict.DIFFERS
        return Verdict.SAME if self.tests else Verdict.UNKNOWN

    def to_json(self) -> dict[str, object]:
        """Return everything by name."""
        return {
            "id": self.id,
            "text": self.text,
            "grade": self.grade,
            "verdict": self.verdict.value,
            "tests": self.tests,
            "fails_on_the_board": self.failed,
            "deviations": [one.to_json() for one in self.deviations],
            "reasons": list(dict.fromkeys(self.reasons)),
        }


@dataclass(frozen=True, slots=True)
class Fidelity:
    """The rows, in the order they were played."""

    rows: tuple[Row, ...]

    def count(self, verdict: Verdict) -> int:
        """Return how many requirements have a verdict."""
        return sum(row.verdict is verdict for row in self.rows)

    @property
    def percent(self) -> float | None:
        """Same of all that is known; None where nothing is."""
        known = self.count(Verdict.SAME) + self.count(Verdict.DIFFERS)
        return 100 * self.count(Verdict.SAME) / known if known else None

    def to_json(self) -> dict[str, object]:
        """Return everything by name."""
        percent = self.percent
        return {
            "percent": None if percent is None else round(percent, 2),
            **{verdict.value: self.count(verdict) for verdict in Verdict},
            "requirements": [row.to_json() for row in self.rows],
        }


def compare(recording: Recording) -> Fidelity:
    """Play what the board was told to its twin, each test to a new one, and compare.

    Live values are not compared: voltages, currents, temperatures, charge, counters; that they
    are there, and as many, is. Of reads that were only repeated the last counts, for a client
    polls until it sees what it waits for.

    Raises:
        ConfigError: the snapshot is of a board that the emulator cannot be.
    """
    rows: dict[str, Row] = {}
    for test in recording.tests:
        touched = [
            rows.setdefault(one["id"], Row(one["id"], one["text"], one["grade"]))
            for one in test.requirements
        ]
        deviation: Deviation | None = None
        played = test.outcome != "skipped" and bool(test.pieces)
        if played:
            deviation = _deviation(recording, test.test, test.pieces)
        for row in touched:
            if not played:
                row.reasons.append(test.reason or "nothing was said")
                continue
            row.tests += 1
            row.failed = row.failed or test.outcome == "failed"
            if deviation is not None:
                row.deviations.append(deviation)
    return Fidelity(tuple(rows.values()))


def _deviation(recording: Recording, test: str, pieces: tuple[Piece, ...]) -> Deviation | None:
    turns = turns_of(pieces)
    answers = replay(recording.twin(), turns)
    for n, (turn, answer) in enumerate(zip(turns, answers, strict=True)):
        repeated = n + 1 < len(turns) and turns[n + 1].sent == turn.sent
        if repeated and turn.sent.startswith(_READ):
            continue
        if _canonical(turn.received) != _canonical(answer):
            return Deviation(test, turn.sent, turn.received, answer)
    return None


def _canonical(raw: bytes) -> list[object]:
    """Return answers without what may differ from moment to moment."""
    return [
        (event.register, event.status, _shape(event)) if isinstance(event, Response) else event
        for event in _events(raw)
    ]


def _shape(answer: Response) -> object:
    if answer.status:
        return answer.data
    if answer.register in (_CELLS, _COUNTERS):
        return len(answer.data)
    if answer.register == _BASIC:
        try:
            return _without_live(parse_basic_info(answer.data))
        except PayloadError:
            return answer.data
    return answer.data


def _without_live(info: BasicInfo) -> tuple[object, ...]:
    return (
        info.nominal_mah, info.date_code, info.protection_bits, info.version, info.fet_bits,
        info.cells, len(info.ntc_dk), info.tail is None, len(info.trailing),
    )  # fmt: skip


def _events(raw: bytes) -> list[Response | BadFrame | Noise]:
    decoder = ResponseDecoder()
    return [*decoder.receive(raw), *decoder.flush()]


def _hex(raw: bytes) -> str:
    return raw.hex(" ").upper()


def page(fidelity: Fidelity) -> Iterator[str]:
    """Yield the lines of a page for a person: what differs with its frames, then the sums."""
    for row in fidelity.rows:
        if row.verdict is Verdict.DIFFERS:
            yield f"differs   {row.id}  {row.text} [{row.grade}]"
            for line in row.deviations[0].lines():
                yield f"          {line}"
            more = len(row.deviations) - 1
            if more:
                yield f"          and in {more} more test{'s' * (more > 1)}"
    reasons: dict[str, list[str]] = {}
    for row in fidelity.rows:
        if row.verdict is Verdict.UNKNOWN:
            reasons.setdefault("; ".join(dict.fromkeys(row.reasons)), []).append(row.id)
    for reason, ids in reasons.items():
        yield f"unknown   {', '.join(ids)}: {reason}"
    counts = [f"{fidelity.count(verdict)} {verdict.value}" for verdict in Verdict]
    percent = fidelity.percent
    yield f"Fidelity  {'unknown' if percent is None else f'{percent:.1f} %'}: {', '.join(counts)}"
