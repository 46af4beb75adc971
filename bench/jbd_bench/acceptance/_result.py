"""What an acceptance run comes to, as values and as JSON.

The shape of the JSON is published: ``acceptance.schema.json`` beside this file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from ._catalogue import Entry

KIND: Final = "jbd-bench acceptance"
SCHEMA: Final = 1


class Verdict(StrEnum):
    """What is said of a unit."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    INCOMPLETE = "incomplete"
    """Nothing speaks against it, and something that could have was not judged."""


PASSED, FAILED, NOT_JUDGED, NOT_MEANT = "passed", "failed", "not judged", "not applicable"


@dataclass(frozen=True, slots=True)
class Case:
    """One test of a requirement.

    Attributes:
        test: pytest's node id without the target.
        outcome: ``passed``, ``failed`` or ``skipped``.
        seconds: real time.
        reason: why it was skipped.
        failure: what was expected and what came.
        measurements: see ``Measurement.row``.
        traffic: the frames, see ``Traffic.rows``; the last ones where there were many.
    """

    test: str
    outcome: str
    seconds: float
    reason: str | None = None
    failure: str | None = None
    measurements: tuple[Mapping[str, Any], ...] = ()  # Any: values of a JSON object
    traffic: tuple[Mapping[str, object], ...] = ()

    def to_json(self) -> dict[str, object]:
        """Return the case as a JSON object."""
        return {
            "test": self.test,
            "outcome": self.outcome,
            "seconds": round(self.seconds, 3),
            "reason": self.reason,
            "failure": self.failure,
            "measurements": [dict(row) for row in self.measurements],
            "traffic": [dict(row) for row in self.traffic],
        }


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement on one unit.

    Attributes:
        entry: what is required.
        outcome: ``passed``, ``failed``, ``not judged`` or ``not applicable``.
        baseline: the same of the baseline, or ``unknown``.
        effect: ``refuses`` where the unit is refused for it, ``blocks`` where it keeps the verdict
            open, else empty.
        why: what failed, or why it was not judged.
        cases: its tests.
    """

    entry: Entry
    outcome: str
    baseline: str
    effect: str
    why: str
    cases: tuple[Case, ...]

    def to_json(self) -> dict[str, object]:
        """Return the row as a JSON object."""
        entry = self.entry
        return {
            "id": entry.id,
            "text": entry.text,
            "source": entry.source,
            "grade": entry.grade,
            "area": entry.area,
            "tier": str(entry.tier),
            "outcome": self.outcome,
            "baseline": self.baseline,
            "effect": self.effect,
            "why": self.why,
            "cases": [case.to_json() for case in self.cases],
        }


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not as on the baseline.

    Attributes:
        kind: ``worse``, ``better``, ``known deviation``, ``identity`` or ``measurement``.
        subject: a requirement's id, or the name of a field or measurement.
        text: one sentence.
    """

    kind: str
    subject: str
    text: str

    def to_json(self) -> dict[str, str]:
        """Return the change as a JSON object."""
        return {"kind": self.kind, "subject": self.subject, "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitResult:
    """What became of one unit.

    Attributes:
        target: its target string.
        verdict: accepted, refused or incomplete.
        why: sentences that explain it, the weightiest first.
        judged_as: the firmware whose expectations it was held to, ``0x21``; None for what is
            common to all.
        identity: what the board says it is; empty where it did not say.
        allowed: what tests were allowed to change.
        started: UTC, ISO 8601.
        seconds: real time.
        rows: the requirements.
        changes: against the baseline.
        errors: what went wrong with the run itself.
        notes: what a reader should know of the run: what was put back on the board, what was not.
        before: samples of the baseline by the name of their measurement, for the pictures alone.
    """

    target: str
    verdict: Verdict
    why: tuple[str, ...]
    judged_as: str | None
    identity: Mapping[str, int | str]
    allowed: tuple[str, ...]
    started: str
    seconds: float
    rows: tuple[Row, ...]
    changes: tuple[Change, ...]
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    before: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    def count(self, outcome: str) -> int:
        """Return how many requirements have an outcome."""
        return sum(row.outcome == outcome for row in self.rows)

    @property
    def refusing(self) -> list[Row]:
        """The requirements the unit is refused for."""
        return [row for row in self.rows if row.effect == "refuses"]

    def to_json(self) -> dict[str, object]:
        """Return the unit as a JSON object."""
        return {
            "target": self.target,
            "verdict": str(self.verdict),
            "why": list(self.why),
            "judged_as": self.judged_as,
            "identity": dict(self.identity),
            "allowed": list(self.allowed),
            "started": self.started,
            "seconds": round(self.seconds, 3),
            "counts": {
                name.replace(" ", "_"): self.count(name)
                for name in (PASSED, FAILED, NOT_JUDGED, NOT_MEANT)
            },
            "changes": [change.to_json() for change in self.changes],
            "requirements": [row.to_json() for row in self.rows],
            "errors": list(self.errors),
            "notes": list(self.notes),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A whole run.

    Attributes:
        version: of the tool.
        started: UTC, ISO 8601.
        baseline: its name.
        tier: how far the verdict reaches.
        areas: what it is about.
        units: in the order of their targets.
        ended: somebody ended the run before it was through.
    """

    version: str
    started: str
    baseline: str
    tier: str
    areas: tuple[str, ...]
    units: tuple[UnitResult, ...] = field(default=())
    ended: bool = False

    @property
    def accepted(self) -> bool:
        """Whether every unit is."""
        return all(unit.verdict is Verdict.ACCEPTED for unit in self.units)

    @property
    def verdict(self) -> Verdict:
        """The weightiest of the units'."""
        said = {unit.verdict for unit in self.units}
        order = (Verdict.REFUSED, Verdict.INCOMPLETE, Verdict.ACCEPTED)
        return next(verdict for verdict in order if verdict in said)

    def to_json(self) -> dict[str, object]:
        """Return the run as ``acceptance.schema.json`` describes it."""
        return {
            "kind": KIND,
            "schema": SCHEMA,
            "tool": "jbd-bench",
            "version": self.version,
            "started": self.started,
            "verdict": str(self.verdict),
            "baseline": self.baseline,
            "tier": self.tier,
            "areas": list(self.areas),
            "units": [unit.to_json() for unit in self.units],
        }
