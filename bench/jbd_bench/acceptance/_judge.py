"""The verdict: the tests of a unit, its baseline and the scope in, rows and sentences out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .._leave import Tier, tier_of
from ..records import TestRecord
from ..transports._target import RADIO, port_of
from ._baseline import UNKNOWN, Baseline
from ._catalogue import AREAS, Entry, catalogue, covers
from ._reasons import Why, leaves_asked, why_skipped
from ._result import (
    FAILED,
    NOT_JUDGED,
    NOT_MEANT,
    PASSED,
    Case,
    Change,
    Row,
    UnitResult,
    Verdict,
)

KEPT_OF_PASSED: Final = 12
KEPT_OF_FAILED: Final = 60
"""Pieces of traffic that a report keeps of a case."""
_REACH: Final = "reach of "
_STOPPED: Final = "WatchdogTripped: "
_OF_THE_BENCH: Final = frozenset({"LinkError", "JournalError"})
"""What ends a test and says nothing of the firmware: a cable that was pulled, a port that somebody
else holds, a disk that is full. A radio link is another matter: the board can drop that itself."""
_SLOWER: Final = 2.0
"""How many times a measured time must have grown, or shrunk, to be worth a line."""
_LEAST_S: Final = 0.02
"""And by how many seconds."""


@dataclass(frozen=True, slots=True)
class Scope:
    """How far a verdict reaches.

    Attributes:
        tier: the harshest tier that it includes.
        areas: what it is about.
    """

    tier: Tier = Tier.DESTRUCTIVE
    areas: tuple[str, ...] = AREAS

    def entries(self) -> list[Entry]:
        """Return the requirements within."""
        return [
            entry
            for entry in catalogue()
            if entry.area in self.areas and covers(self.tier, entry.tier)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What came out of running the suites on a unit.

    Attributes:
        target: its target string.
        tests: what became of every test.
        identity: what the board says it is.
        allowed: what tests were allowed to change.
        started: UTC, ISO 8601.
        seconds: real time.
        errors: what went wrong with the run itself.
        notes: what a reader should know of the run.
    """

    target: str
    tests: Sequence[TestRecord]
    identity: Mapping[str, int | str]
    allowed: tuple[str, ...]
    started: str
    seconds: float
    errors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def judge(ran: Ran, baseline: Baseline, scope: Scope) -> UnitResult:
    """Return the verdict on a unit, with all that explains it."""
    tests: dict[str, list[TestRecord]] = {}
    for test in ran.tests:
        for requirement in test.requirements:
            tests.setdefault(requirement["id"], []).append(test)
    rows = tuple(
        _row(entry, tests.get(entry.id, ()), baseline, scope, ran.target)
        for entry in scope.entries()
    )
    changes = (
        *_outcome_changes(rows),
        *_identity_changes(ran, baseline),
        *_measured_changes(rows, baseline),
    )
    verdict = _verdict(rows, ran.errors)
    return UnitResult(
        target=ran.target,
        verdict=verdict,
        why=tuple(_why(verdict, rows, ran.errors, scope)),
        judged_as=None if baseline.judged_as is None else f"0x{baseline.judged_as:02X}",
        identity=ran.identity,
        allowed=ran.allowed,
        started=ran.started,
        seconds=ran.seconds,
        rows=rows,
        changes=changes,
        errors=ran.errors,
        notes=ran.notes,
        before={name: tuple(row["samples"]) for name, row in baseline.measurements.items()},
    )


# -- one requirement -------------------------------------------------------------------------


def _row(
    entry: Entry, tests: Sequence[TestRecord], baseline: Baseline, scope: Scope, target: str
) -> Row:
    cases = tuple(_case(test) for test in tests)
    within = [case for case in cases if _is_within(scope, case)]
    outcome, why, blocking = _outcome(within, radio=port_of(target)[0] in RADIO)
    before = baseline.outcome(entry.id)
    effect = ""
    if outcome == FAILED and before != FAILED:
        # What the baseline does not tell is held to the sources: it must pass.
        effect = "refuses"
    elif outcome == FAILED and (more := _failed_more(within, baseline.failed_cases.get(entry.id))):
        effect, why = "refuses", more
    elif (lost := _lost_reach(cases, baseline)) is not None:
        outcome, effect, why = FAILED, "refuses", lost
    elif outcome == NOT_JUDGED and blocking and before != FAILED:
        effect = "blocks"
    return Row(entry, outcome, before, effect, why, cases)


def _outcome(cases: Sequence[Case], *, radio: bool) -> tuple[str, str, bool]:
    """Return outcome, reason, and whether what was not judged keeps the verdict open."""
    failures = [case.failure or "failed" for case in cases if case.outcome == FAILED]
    if stopped := [failure for failure in failures if _STOPPED in failure]:
        # The watchdog ended the run in this test; that says nothing of what the test is about.
        return NOT_JUDGED, stopped[0], True
    troubles = [] if radio else [t for t in map(_trouble, failures) if t is not None]
    if troubles and len(troubles) == len(failures):
        return NOT_JUDGED, troubles[0], True
    if failures:
        if troubles:
            failures = [failure for failure in failures if _trouble(failure) is None]
        more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
        return FAILED, failures[0] + more, False
    skipped = [(why_skipped(case.reason), case.reason or "") for case in cases
               if case.outcome == "skipped"]  # fmt: skip
    for why in (Why.LEAVE, Why.UNIT):
        reasons = [reason for kind, reason in skipped if kind is why]
        if reasons:
            return NOT_JUDGED, reasons[0], True
    if any(case.outcome == PASSED for case in cases):
        return PASSED, "", False
    reasons = [reason for kind, reason in skipped if kind in (Why.LAB, Why.GUARD)]
    if reasons:
        return NOT_JUDGED, reasons[0], False
    if skipped:
        return NOT_MEANT, skipped[0][1], False
    return NOT_JUDGED, "no test of it ran", True


def _trouble(failure: str) -> str | None:
    """Return what was wrong with the bench where a test failed for that, else None."""
    name, _, text = failure.partition("\n")[0].partition(": ")
    return text if name.rpartition(".")[2] in _OF_THE_BENCH else None


def _is_within(scope: Scope, case: Case) -> bool:
    """Return whether a case counts: one that asks for a leave beyond the tier does not."""
    if case.outcome != "skipped" or why_skipped(case.reason) is not Why.LEAVE:
        return True
    return covers(scope.tier, tier_of(leaves_asked(case.reason)))


def _case(test: TestRecord) -> Case:
    keep = KEPT_OF_FAILED if test.outcome == FAILED else KEPT_OF_PASSED
    name = test.id.replace(f"[{test.target}-", "[").replace(f"[{test.target}]", "")
    return Case(
        test=name,
        outcome=test.outcome,
        seconds=test.seconds,
        reason=test.reason,
        failure=test.failure,
        measurements=tuple(test.measurements),
        traffic=tuple(test.traffic[-keep:]),
    )


def _failed_more(cases: Sequence[Case], before: frozenset[str] | None) -> str | None:
    """Return what fails in a requirement that failed before, in tests that did not.

    One deviation that is known must not hide another that is not. A baseline that does not tell
    which tests failed leaves nothing to compare.
    """
    if not before:
        return None
    new = [
        case
        for case in cases
        if case.outcome == FAILED
        and case.test not in before
        and _trouble(case.failure or "") is None
    ]
    if not new:
        return None
    name = new[0].test.rpartition("::")[2].removeprefix("test_").replace("_", " ")
    more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
    return f"{name}: {new[0].failure or 'failed'}{more}; the baseline fails elsewhere in it"


def _lost_reach(cases: Sequence[Case], baseline: Baseline) -> str | None:
    """Return in words where a client reaches less than on the baseline that was measured."""
    for case in cases:
        for row in case.measurements:
            before = baseline.measurements.get(row["name"])
            if before is None or not row["name"].startswith(_REACH):
                continue
            if row["value"] < before["value"]:
                client = row["name"].removeprefix(_REACH)
                return (
                    f"{client} reaches {row['value']:g} {row['unit']}; it reached "
                    f"{before['value']:g} on the baseline"
                )
    return None


# -- the whole -------------------------------------------------------------------------------


def _verdict(rows: Sequence[Row], errors: Sequence[str]) -> Verdict:
    effects = {row.effect for row in rows}
    if "refuses" in effects:
        return Verdict.REFUSED
    judged = any(row.outcome == PASSED for row in rows)
    if "blocks" in effects or errors or not judged:
        return Verdict.INCOMPLETE
    return Verdict.ACCEPTED


def _why(
    verdict: Verdict, rows: Sequence[Row], errors: Sequence[str], scope: Scope
) -> Iterable[str]:
    yield from errors
    refusing = [row for row in rows if row.effect == "refuses"]
    for row in refusing:
        yield f"{row.entry.id} {row.entry.text}: {row.why}"
    open_rows = [row for row in rows if row.effect == "blocks"]
    yield from _grouped(open_rows, "not judged, and it could be")
    if verdict is Verdict.ACCEPTED:
        met = sum(row.outcome == PASSED for row in rows)
        yield f"{met} requirements met, none failed that the baseline meets"
    if known := sum(row.outcome == FAILED and not row.effect for row in rows):
        yield f"{known} failed as on the baseline"
    out_of_reach = [row for row in rows if row.outcome == NOT_JUDGED and not row.effect]
    yield from _grouped(out_of_reach, "not judged and out of reach here")
    if scope.tier is not Tier.DESTRUCTIVE or scope.areas != AREAS:
        yield f"the verdict is about tier {scope.tier} and {', '.join(scope.areas)}, nothing else"


def _grouped(rows: Sequence[Row], said: str) -> Iterable[str]:
    reasons: dict[str, list[str]] = {}
    for row in rows:
        reasons.setdefault(row.why, []).append(row.entry.id)
    for why, ids in reasons.items():
        shown = ", ".join(ids[:6]) + (f" and {len(ids) - 6} more" if len(ids) > 6 else "")
        yield f"{len(ids)} {said}: {why} ({shown})"


def _outcome_changes(rows: Iterable[Row]) -> Iterable[Change]:
    for row in rows:
        subject, before = row.entry.id, row.baseline
        if row.effect == "refuses":
            known = {
                UNKNOWN: "failed here, asked for by the sources",
                FAILED: "fails in more than on the baseline",
            }.get(before, "failed here, met on the baseline")
            yield Change("worse", subject, f"{row.entry.text}: {known}")
        elif row.outcome == FAILED:
            yield Change("known deviation", subject, f"{row.entry.text}: fails as before")
        elif row.outcome == PASSED and before == FAILED:
            yield Change("better", subject, f"{row.entry.text}: met now, failed on the baseline")


def _identity_changes(ran: Ran, baseline: Baseline) -> Iterable[Change]:
    before = dict(baseline.identity)
    if not before and baseline.judged_as is not None:
        before = {"version": baseline.judged_as}
    for name, value in ran.identity.items():
        if name in before and before[name] != value:
            yield Change("identity", name, f"{name.replace('_', ' ')} {_said(name, value)}, "
                         f"was {_said(name, before[name])}")  # fmt: skip


def _said(name: str, value: Any) -> str:  # Any: a value of a JSON object
    return f"0x{value:02X}" if name == "version" and isinstance(value, int) else str(value)


def _measured_changes(rows: Iterable[Row], baseline: Baseline) -> Iterable[Change]:
    for row in rows:
        for case in row.cases:
            for one in case.measurements:
                before = baseline.measurements.get(one["name"])
                if before is not None and _worth_a_line(one, before):
                    yield Change("measurement", one["name"], f"{one['name']}: {one['value']:g} "
                                 f"{one['unit']}, was {before['value']:g}")  # fmt: skip


def _worth_a_line(now: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    new, old = float(now["value"]), float(before["value"])
    if now["unit"] != "s":
        return new != old
    return abs(new - old) > _LEAST_S and max(new, old) > _SLOWER * min(new, old)
