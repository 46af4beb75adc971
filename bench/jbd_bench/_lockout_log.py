"""What the lockout's criteria look for in a log: requests, refusals, rounds of polling."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from jbd_protocol import PayloadError, Response, parse_basic_info

from .clients import LIVE_DATA, Direction, Entry, Log
from .clients._frames import R03, R04

PAIR: Final = 0x06
POLLS: Final = (R03, R04)


def sent(log: Log) -> Iterator[tuple[int, Entry]]:
    """Yield the frames of the client, each with its place in the log."""
    return ((at, entry) for at, entry in enumerate(log) if entry.direction is Direction.TX)


def writes_to(entry: Entry, *registers: int) -> bool:
    """Return whether a frame goes out to write one of the registers.

    By its head alone: a damaged write is still one that the client tried.
    """
    frame = entry.frame
    return (
        entry.direction is Direction.TX
        and len(frame) > 2
        and frame[:2] == b"\xdd\x5a"
        and frame[2] in registers
    )


def touches(entry: Entry, registers: frozenset[int]) -> bool:
    """Return whether a frame goes out to read or write one of the registers, by its head."""
    frame = entry.frame
    return (
        entry.direction is Direction.TX
        and len(frame) > 2
        and frame[0] == 0xDD
        and frame[1] in (0xA5, 0x5A)
        and frame[2] in registers
    )


def answered(entry: Entry, register: int, status: int = 0) -> bool:
    """Return whether an entry is a valid answer of a register, with that status."""
    if entry.direction is not Direction.RX:
        return False
    meaning = entry.meaning
    return (
        isinstance(meaning, Response) and meaning.register == register and meaning.status == status
    )


def version_in(entry: Entry) -> int | None:
    """Return the version byte of a good R03 answer, else None."""
    meaning = entry.meaning if entry.direction is Direction.RX else None
    if not isinstance(meaning, Response) or meaning.register != 0x03 or meaning.status:
        return None
    try:
        return parse_basic_info(meaning.data).version
    except PayloadError:
        return None


@dataclass(frozen=True, slots=True)
class Pairing:
    """One 06 and what came back.

    Attributes:
        at: place of the request in the log.
        asked: the request.
        answer: the first frame back that is 06's, valid or not; None for silence.
    """

    at: int
    asked: Entry
    answer: Entry | None

    @property
    def accepted(self) -> bool:
        """Whether it was answered 00."""
        return self.answer is not None and answered(self.answer, PAIR)

    @property
    def end(self) -> Entry:
        """The answer; where none came, the request."""
        return self.answer or self.asked


def pairings(log: Log) -> tuple[Pairing, ...]:
    """Return every 06 of a log with its answer."""
    return tuple(
        Pairing(at, entry, _answer_to(log, at)) for at, entry in sent(log) if writes_to(entry, PAIR)
    )


def _answer_to(log: Log, at: int) -> Entry | None:
    for entry in log[at + 1 :]:
        if entry.connection != log[at].connection or writes_to(entry, PAIR):
            return None
        if entry.direction is Direction.RX and entry.frame[1:2] == bytes((PAIR,)):
            return entry
    return None


def polls_within(log: Log, since_s: float, seconds: float) -> tuple[Entry, ...]:
    """Return R03 and R04, both answered 00, sent within a time; empty where one is missing."""
    shown: list[Entry] = []
    for frame in POLLS:
        found = [
            (at, entry)
            for at, entry in sent(log)
            if entry.frame == frame and since_s <= entry.t_s <= since_s + seconds
        ]
        good = [
            (entry, reply)
            for at, entry in found
            if (reply := next((e for e in log[at + 1 :] if answered(e, frame[2])), None))
        ]
        if not good:
            return ()
        shown += good[0]
    return tuple(shown)


def shows_data(log: Log) -> tuple[Entry, ...]:
    """Return the entries in which the client shows measurements."""
    return tuple(e for e in log if e.direction is Direction.UI and e.note == LIVE_DATA)
