"""Why the board answers what it answers: an outcome carries its rule, a rule its evidence."""

from __future__ import annotations

from typing import Final, Generic, NamedTuple, TypeVar

from jbd_protocol import Evidence, Grade, Response

ValueT = TypeVar("ValueT")


class Fact(NamedTuple, Generic[ValueT]):
    """A property of a firmware or a board, with what is known for it."""

    value: ValueT
    evidence: Evidence


class Rule(NamedTuple):
    """One sentence that explains an answer, and its evidence."""

    text: str
    evidence: Evidence

    def __str__(self) -> str:
        return f"{self.text} [{self.evidence}]"


class Outcome(NamedTuple):
    """What comes of a request: an answer, or None for silence, and why."""

    response: Response | None
    rule: Rule


def captured(text: str, source: str) -> Rule:
    """Return a rule that recorded traffic shows."""
    return Rule(text, Evidence(Grade.CAPTURED, source))


def vendor(text: str, source: str) -> Rule:
    """Return a rule that a vendor document states."""
    return Rule(text, Evidence(Grade.VENDOR_DOCUMENT, source))


def reported(text: str, source: str) -> Rule:
    """Return a rule that the field reports."""
    return Rule(text, Evidence(Grade.REPORTED, source))


def assumed(text: str, source: str) -> Rule:
    """Return a rule that nobody saw; the source says what it is concluded from."""
    return Rule(text, Evidence(Grade.ASSUMED, source))


BAD_FRAME: Final = vendor(
    "a damaged frame is met with silence",
    "V11: 82 is normally not sent; for a bad length or end byte concluded from that",
)
ASLEEP: Final = captured(
    "the first frame only wakes a sleeping board", "link-ups on 0x80 and 0x44; vendor V11 section 1"
)
