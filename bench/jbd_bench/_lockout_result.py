"""What judging gives: criteria and controls that hold or not, falsifiers that came true or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from jbd_protocol import Evidence

from .clients import Entry


@dataclass(frozen=True, slots=True)
class Finding:
    """A criterion or a control.

    Attributes:
        id: ``L3``, ``C1``.
        text: what must hold.
        evidence: how well it is known that it should.
        passed: whether it holds.
        why: what was found instead; empty where it holds.
        frames: the entries of the log that show it.
    """

    id: str
    text: str
    evidence: Evidence
    passed: bool
    why: str
    frames: tuple[Entry, ...] = ()

    def to_json(self) -> dict[str, Any]:  # Any: a JSON object
        """Return the finding as a JSON object."""
        return {
            "id": self.id,
            "text": self.text,
            "passed": self.passed,
            "why": self.why,
            "grade": str(self.evidence.grade),
            "source": self.evidence.source,
            "frames": [entry.to_json() for entry in self.frames],
        }


@dataclass(frozen=True, slots=True)
class Falsifier:
    """Something that must not be seen.

    Attributes:
        id: ``F2``.
        text: what must not be.
        fired: whether it is; None where the run that could show it was not made.
        why: what was seen; empty where nothing was.
        frames: the entries that show it.
    """

    id: str
    text: str
    fired: bool | None
    why: str
    frames: tuple[Entry, ...] = ()

    def __post_init__(self) -> None:
        if not self.fired:
            object.__setattr__(self, "why", "" if self.fired is False else "not played")

    def to_json(self) -> dict[str, Any]:  # Any: a JSON object
        """Return the falsifier as a JSON object."""
        return {
            "id": self.id,
            "text": self.text,
            "fired": self.fired,
            "why": self.why,
            "frames": [entry.to_json() for entry in self.frames],
        }
