"""The lockout of Android 3.1.1026 on firmware 2.1, as a definition that can fail.

``judge`` looks at logs alone: it does not know who made them, so one from a phone is judged as
one from a model. The criteria, the falsifiers and their grades are those of CLIENTS.md 11.

Over Bluetooth the client's opening begins with its subscription: what is before it in a log (an
MTU, a login that a phone's system made) is nobody's request.

========  =================================================================================
L1 .. L6  must all hold
F1 .. F6  none may come true; F3, F4 and F6 need runs on other boards
C1 .. C6  those runs: the same client must work where the fault is absent
========  =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from jbd_protocol import Evidence, Grade

from ._lockout_controls import CONTROLS, judge_control
from ._lockout_log import (
    PAIR,
    POLLS,
    Pairing,
    answered,
    pairings,
    polls_within,
    sent,
    shows_data,
    touches,
    version_in,
    writes_to,
)
from ._lockout_result import Falsifier, Finding
from .clients import PARAMETERS, SUBSCRIBED, Direction, Entry, Log
from .clients._frames import CLR, P0, R03, R04

REFUSAL: Final = bytes.fromhex("DD 06 80 00 FF 80 77")
FIRMWARE: Final = 0x21
P0_LIMIT_S: Final = 3.0
ANSWER_LIMIT_S: Final = 0.1
LEAST_06: Final = 3
WATCHED_S: Final = 10.0
_FORBIDDEN: Final = frozenset(
    {0x01, 0x07, *range(0x10, 0x40), 0xA0, 0xA1, 0xA2, 0xAA, 0xE1, 0xFA, 0xFB}
)

_TEXT: Final[Mapping[str, tuple[str, Evidence]]] = MappingProxyType(
    {
        "L1": (
            "before the first 06, counted from the subscription where there is one, only R03 and "
            "R04; R03 answered 00 with version 0x21",
            Evidence(Grade.CAPTURED, "order: captures of 2022; that it is 3.1.1026: assumed"),
        ),
        "L2": (
            "the next frame after that answer is the blank PIN, at most 3 s later",
            Evidence(Grade.REPORTED, "blank PIN: stated by the field; 0.13 to 0.94 s captured"),
        ),
        "L3": (
            "every 06 is answered DD 06 80 00 FF 80 77 within 0.1 s, none 00",
            Evidence(Grade.REPORTED, "xiaoxiangBMS 195, with bytes"),
        ),
        "L4": (
            "at least 3 frames 06, counted over reconnects",
            Evidence(Grade.REPORTED, "stuck in a loop: stated by the field; the number is ours"),
        ),
        "L5": (
            "after the first refusal nothing but 06 and a new connection's opening; no data shown",
            Evidence(Grade.REPORTED, "nothing shown: stated by the field; no polling: assumed"),
        ),
        "L6": (
            "after another client's CLR the same user input gives the same frames",
            Evidence(Grade.REPORTED, "never, even if the password is reset: stated by the field"),
        ),
    }
)
_FALSIFIERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "F1": "a 06 answered 00, or no 06 at all",
        "F2": "FE, or R03/R04 on that connection within 10 s of the first refusal",
        "F3": "the same client does not poll within 1 s of a 00 to P0 on 0x25 or 0x80",
        "F4": "the same client sends 06 on 0x21 with R03 muted",
        "F5": "the lockout is gone after CLR",
        "F6": "below the version rule the client sends 06 or does not poll",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logs:
    """What is judged.

    Attributes:
        client: who made them.
        first: the play on firmware 0x21.
        clear: another client's CLR, between the two plays.
        repeat: the same play with the same user input after it.
        controls: plays on other boards, by the control's id.
    """

    client: str
    first: Log
    clear: Log = ()
    repeat: Log = ()
    controls: Mapping[str, Log] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether logs show the lockout.

    Attributes:
        reproduced: all of L1 to L6 hold and no falsifier came true.
        why: one line.
        client: who made the logs.
        firmware: the version byte the client saw, or None.
        criteria, falsifiers, controls: each with the frames that show it.
    """

    reproduced: bool
    why: str
    client: str
    firmware: int | None
    criteria: tuple[Finding, ...]
    falsifiers: tuple[Falsifier, ...]
    controls: tuple[Finding, ...]

    @property
    def outcome(self) -> str:
        """``reproduced`` or ``not reproduced``."""
        return "reproduced" if self.reproduced else "not reproduced"

    def to_json(self) -> dict[str, Any]:  # Any: a JSON object
        """Return the verdict as a JSON object."""
        return {
            "verdict": self.outcome,
            "why": self.why,
            "client": self.client,
            "firmware": None if self.firmware is None else f"0x{self.firmware:02X}",
            "criteria": [row.to_json() for row in self.criteria],
            "falsifiers": [row.to_json() for row in self.falsifiers],
            "controls": [row.to_json() for row in self.controls],
        }


def judge(logs: Logs) -> Verdict:
    """Return whether logs show the lockout, and which frames say so."""
    criteria = (
        _l1(logs.first), _l2(logs.first), _l3(logs.first), _l4(logs.first), _l5(logs.first),
        _l6(logs),
    )  # fmt: skip
    controls = tuple(judge_control(name, logs.controls.get(name, ())) for name in CONTROLS)
    falsifiers = _falsify(logs)
    failed = next((row for row in criteria if not row.passed), None)
    fired = next((row for row in falsifiers if row.fired), None)
    if failed is not None:
        why = f"{failed.id} fails: {failed.why}"
    elif fired is not None:
        why = f"{fired.id} came true: {fired.why}"
    else:
        why = "L1 to L6 hold, no falsifier came true" + _of_controls(controls)
    versions = [v for entry in logs.first if (v := version_in(entry)) is not None]
    return Verdict(
        reproduced=failed is None and fired is None,
        why=why,
        client=logs.client,
        firmware=versions[0] if versions else None,
        criteria=criteria,
        falsifiers=falsifiers,
        controls=controls,
    )


def _of_controls(controls: tuple[Finding, ...]) -> str:
    if all(row.why == "not played" for row in controls):
        return "; the controls were not played"
    bad = [row.id for row in controls if not row.passed]
    return f"; but control {', '.join(bad)} fails" if bad else ""


def _finding(name: str, why: str, frames: tuple[Entry, ...] = (), *, passed: bool) -> Finding:
    text, evidence = _TEXT[name]
    return Finding(name, text, evidence, passed, "" if passed else why, frames)


def _l1(log: Log) -> Finding:
    opening = _opening(log)
    good = tuple(e for e in opening if version_in(e) == FIRMWARE)
    others = tuple(e for _, e in sent(opening) if e.frame not in POLLS)
    if others:
        return _finding("L1", f"before it came {others[0].text}", others, passed=False)
    return _finding("L1", "no R03 answered 00 with version 0x21", good[:1], passed=bool(good))


def _opening(log: Log) -> Log:
    """Return what is before the first 06: from the first subscription, where a log has one."""
    asked = pairings(log)
    opening = log[: asked[0].at] if asked else log
    since = next(
        (
            n
            for n, e in enumerate(opening)
            if e.direction is Direction.LINK and e.note == SUBSCRIBED
        ),
        0,
    )
    return opening[since:]


def _l2(log: Log) -> Finding:
    asked = pairings(log)
    opening = log[: asked[0].at] if asked else log
    at = max((n for n, e in enumerate(opening) if version_in(e) == FIRMWARE), default=None)
    if at is None:
        return _finding("L2", "no R03 answered 00 with version 0x21", passed=False)
    following = next((e for _, e in sent(log[at + 1 :]) if e.frame != R04), None)
    if following is None:
        return _finding("L2", "no frame follows that answer", (log[at],), passed=False)
    shown, late_s = (log[at], following), following.t_s - log[at].t_s
    if following.frame != P0:
        return _finding("L2", f"it is {following.text}", shown, passed=False)
    return _finding("L2", f"{late_s:.2f} s later", shown, passed=late_s <= P0_LIMIT_S)


def _l3(log: Log) -> Finding:
    asked = pairings(log)
    if not asked:
        return _finding("L3", "no 06 was sent", passed=False)
    for pairing in asked:
        if (why := _not_refused(pairing)) is not None:
            return _finding("L3", why, (pairing.asked, pairing.end), passed=False)
    extra = tuple(e for e in log if answered(e, PAIR))
    return _finding(
        "L3", "a 06 was answered 00", extra or tuple(p.end for p in asked), passed=not extra
    )


def _not_refused(pairing: Pairing) -> str | None:
    """Return why a 06 was not refused as on firmware 2.1, or None where it was."""
    asked, answer = pairing.asked, pairing.answer
    if answer is None:
        return f"the 06 at {asked.t_s:.3f} s was not answered"
    if answer.frame != REFUSAL:
        said = answer.frame.hex(" ").upper()
        return f"the 06 at {asked.t_s:.3f} s was answered {said} ({answer.text})"
    late_s = answer.t_s - asked.t_s
    if late_s > ANSWER_LIMIT_S:
        return f"the 06 at {asked.t_s:.3f} s was answered {late_s:.3f} s later"
    return None


def _l4(log: Log) -> Finding:
    asked = tuple(pairing.asked for pairing in pairings(log))
    return _finding(
        "L4", f"{len(asked)} of at least {LEAST_06} frames 06", asked, passed=len(asked) >= LEAST_06
    )


def _l5(log: Log) -> Finding:
    asked = pairings(log)
    if not asked:
        return _finding("L5", "no 06 was sent", passed=False)
    start = next((p for p in asked if p.answer is not None and not p.accepted), asked[0])
    after = log[start.at + 1 :]
    paired = {start.asked.connection}
    for entry in after:
        if writes_to(entry, PAIR):
            paired.add(entry.connection)
        forbidden = touches(entry, _FORBIDDEN) or writes_to(entry, 0x00)
        if forbidden or (entry.frame in POLLS and _goes_out(entry) and entry.connection in paired):
            return _finding("L5", f"after it came {entry.text}", (start.end, entry), passed=False)
    shown = shows_data(log) + tuple(
        e for e in log if e.direction is Direction.UI and e.note == PARAMETERS
    )
    if shown:
        return _finding("L5", f"the client shows {shown[0].note}", shown, passed=False)
    watched_s = log[-1].t_s - start.end.t_s
    why = f"the log ends {watched_s:.1f} s after the refusal, {WATCHED_S:g} s are needed"
    return _finding("L5", why, (start.end, log[-1]), passed=watched_s >= WATCHED_S)


def _goes_out(entry: Entry) -> bool:
    return entry.direction is Direction.TX


def _l6(logs: Logs) -> Finding:
    cleared = tuple(e for _, e in sent(logs.clear) if e.frame == CLR)
    if not cleared:
        return _finding("L6", "no CLR by another client", passed=False)
    if not logs.repeat:
        return _finding("L6", "no play after the CLR", cleared, passed=False)
    first, again = _shape(logs.first), _shape(logs.repeat)
    for (one, was), (other, now) in zip(first, again, strict=False):
        if was != now:
            why = f"{one.text!r} at {one.t_s:.3f} s became {other.text!r} at {other.t_s:.3f} s"
            return _finding("L6", why, (one, other), passed=False)
    why = f"{len(first)} entries before the CLR, {len(again)} after it"
    return _finding("L6", why, cleared, passed=len(first) == len(again))


def _shape(log: Log) -> list[tuple[Entry, tuple[object, ...]]]:
    """Return what must be equal: all that the client and the user do, and every answer to 06.

    Answers to R03 and R04 are left out: measurements move by themselves, and a board that
    slept loses the first request of one play and not of the other.
    """
    return [
        (entry, (entry.direction, entry.connection, entry.frame or entry.note))
        for entry in log
        if entry.direction in (Direction.TX, Direction.UI, Direction.USER)
        or entry.frame[1:2] == bytes((PAIR,))
    ]


def _falsify(logs: Logs) -> tuple[Falsifier, ...]:
    rules = {"F1": _f1, "F2": _f2, "F3": _f3, "F4": _f4, "F5": _f5, "F6": _f6}
    return tuple(rules[name](name, text, logs) for name, text in _FALSIFIERS.items())


def _f1(name: str, text: str, logs: Logs) -> Falsifier:
    asked = pairings(logs.first)
    accepted = tuple(p.end for p in asked if p.accepted)
    why = "a 06 was answered 00" if accepted else "no 06 was sent"
    return Falsifier(name, text, bool(accepted) or not asked, why, accepted)


def _f2(name: str, text: str, logs: Logs) -> Falsifier:
    log = logs.first
    entered = [e for _, e in sent(log) if writes_to(e, 0x00)]
    refused = next((p for p in pairings(log) if p.answer is not None and not p.accepted), None)
    if refused is not None:
        until_s = refused.end.t_s + WATCHED_S
        entered += [
            e
            for _, e in sent(log[refused.at :])
            if e.frame in POLLS and e.connection == refused.asked.connection and e.t_s <= until_s
        ]
    why = f"it sent {entered[0].text} at {entered[0].t_s:.3f} s" if entered else ""
    return Falsifier(name, text, bool(entered), why, tuple(entered))


def _f3(name: str, text: str, logs: Logs) -> Falsifier:
    played = [log for key in ("C3", "C4") if (log := logs.controls.get(key))]
    for log in played:
        opened = next((p for p in pairings(log) if p.accepted), None)
        if opened is not None and not polls_within(log, opened.end.t_s, 1.0):
            return Falsifier(name, text, True, "no poll within 1 s of the 00", (opened.end,))
    return Falsifier(name, text, False if played else None, "")


def _f4(name: str, text: str, logs: Logs) -> Falsifier:
    log = logs.controls.get("C6", ())
    asked = tuple(p.asked for p in pairings(log))
    return Falsifier(name, text, bool(asked) if log else None, "06 without basic info", asked)


def _f5(name: str, text: str, logs: Logs) -> Falsifier:
    log = logs.repeat
    asked = pairings(log)
    freed = tuple(p.end for p in asked if p.accepted) + shows_data(log)
    if not freed and asked:
        since = asked[0].at
        freed = tuple(
            e for _, e in sent(log[since:])
            if e.frame == R03 and e.connection == asked[0].asked.connection
        )  # fmt: skip
    return Falsifier(name, text, bool(freed) if log else None, "it goes on after CLR", freed)


def _f6(name: str, text: str, logs: Logs) -> Falsifier:
    log = logs.controls.get("C5", ())
    if not log:
        return Falsifier(name, text, None, "")
    finding = judge_control("C5", log)
    return Falsifier(name, text, not finding.passed, finding.why, finding.frames)
