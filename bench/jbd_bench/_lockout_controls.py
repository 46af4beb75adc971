"""The lockout's controls: boards on which the same client must work, and what each must show.

Without them a client that is merely broken would count as locked out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeAlias

from jbd_protocol import Evidence, Grade, Response

from ._lockout_log import PAIR, POLLS, pairings, polls_within, sent, writes_to
from ._lockout_result import Finding
from .clients import Direction, Entry, Log
from .clients._frames import R03
from .transports import Target, parse_target
from .transports._target import LINE, MODULE_OPTIONS

_PIN: Final = "765828"
POLL_LIMIT_S: Final = 1.0
MOST_R03: Final = 4

_Answer: TypeAlias = "tuple[str, tuple[Entry, ...]]"
"""Why it fails, empty where it holds; and the entries that show it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """One board for the same client.

    Attributes:
        text: what must be seen.
        target: a fresh emulated unit.
        evidence: how well it is known that it would be seen.
        pins: what the user types.
        cleared: another client sends CLR first.
        judge: looks at the log.
    """

    text: str
    target: str
    evidence: Evidence
    judge: Callable[[Log], _Answer]
    pins: tuple[str, ...] = ()
    cleared: bool = False


def _opens_after_a_refusal(log: Log) -> _Answer:
    asked = pairings(log)
    refused = next((p for p in asked if not p.accepted), None)
    if refused is None:
        return "the blank PIN was not refused", ()
    opened = next((p for p in asked if p.accepted), None)
    if opened is None:
        return "the right PIN was not answered 00", (refused.asked, refused.end)
    early = tuple(
        e
        for _, e in sent(log[refused.at + 1 : opened.at])
        if writes_to(e, 0x00) or (e.frame in POLLS and e.connection == refused.asked.connection)
    )
    if early:
        return f"while it was refused it sent {early[0].text}", early
    why, shown = _polls_after(log, opened.end)
    return why, (refused.end, *shown)


def _opens(log: Log) -> _Answer:
    opened = next((p for p in pairings(log) if p.accepted), None)
    if opened is None:
        return "no 06 was answered 00", ()
    return _polls_after(log, opened.end)


def _polls_after(log: Log, opened: Entry) -> _Answer:
    shown = polls_within(log, opened.t_s, POLL_LIMIT_S)
    why = "" if shown else f"no R03 and R04 within {POLL_LIMIT_S:g} s of the 00"
    return why, (opened, *shown)


def _polls_without_06(log: Log) -> _Answer:
    asked = tuple(p.asked for p in pairings(log))
    if asked:
        return f"it sent 06 at {asked[0].t_s:.3f} s", asked
    first = next((e for _, e in sent(log) if e.frame == R03), None)
    if first is None:
        return "it never asked for basic info", ()
    # The opening asks once; whoever polls asks again.
    shown = polls_within(log, first.t_s + 1e-6, 3.0)
    return "" if shown else "it does not poll", (first, *shown)


def _keeps_quiet(log: Log) -> _Answer:
    asked = tuple(e for _, e in sent(log) if writes_to(e, PAIR))
    if asked:
        return f"it sent 06 at {asked[0].t_s:.3f} s", asked
    tries = tuple(e for _, e in sent(log) if e.frame == R03)
    answers = [e for e in log if isinstance(e.meaning, Response) and e.direction is Direction.RX]
    if any(e.frame[1] == R03[2] for e in answers):
        return "R03 was answered, it should be muted", tries
    why = f"{len(tries)} R03, 1 to {MOST_R03} were captured"
    return ("" if 1 <= len(tries) <= MOST_R03 else why), tries


_CAPTURED: Final = Evidence(Grade.CAPTURED, "CLIENTS.md 2: captures of 2022, 0.24 to 0.27 s")
_SEED: Final = Evidence(Grade.REPORTED, "stated by the field; CLIENTS.md 11, firmware 0x17")

CONTROLS: Final[Mapping[str, Control]] = MappingProxyType(
    {
        "C1": Control(
            text="0x17 with an unknown PIN: the right PIN leads to polling within 1 s",
            target=f"emulator:0x17?pin={_PIN}",
            pins=(_PIN,),
            judge=_opens_after_a_refusal,
            evidence=_SEED,
        ),
        "C2": Control(
            text="0x17 with an unknown PIN: another client's CLR leads to polling within 1 s",
            target=f"emulator:0x17?pin={_PIN}",
            cleared=True,
            judge=_opens,
            evidence=_SEED,
        ),
        "C3": Control(
            text="0x25: polls within 1 s after P0 was answered 00",
            target="emulator:0x25",
            judge=_opens,
            evidence=_CAPTURED,
        ),
        "C4": Control(
            text="0x80: polls within 1 s after P0 was answered 00",
            target="emulator:0x80",
            judge=_opens,
            evidence=_CAPTURED,
        ),
        "C5": Control(
            text="0x16, below the version rule: no 06, and polls",
            target="emulator:0x16",
            judge=_polls_without_06,
            evidence=Evidence(Grade.ASSUMED, "CLIENTS.md 2: the rule's value is unknown"),
        ),
        "C6": Control(
            text="0x21 with R03 muted: at most 4 R03, no 06",
            target="emulator:0x21?answer_03=silence",
            judge=_keeps_quiet,
            evidence=Evidence(Grade.CAPTURED, "CLIENTS.md 2, step 3: two connections"),
        ),
    }
)


def target_like(control: str, target: Target) -> str:
    """Return a control's board, reached as the board under test is: on the line or on the air.

    A module under test that this machine's adapter found is stood in for by an emulated one, of
    the generation that its target names.
    """
    if target.over == LINE:
        return control
    board = parse_target(control.replace("emulator:", "emulator-ble:", 1))
    for name in MODULE_OPTIONS:
        if name in target.options:
            board = board.with_option(name, target.options[name])
    return board.text


def judge_control(name: str, log: Log) -> Finding:
    """Return whether a control shows what it must; an empty log was not played."""
    control = CONTROLS[name]
    why, frames = control.judge(log) if log else ("not played", ())
    return Finding(name, control.text, control.evidence, not why, why, frames)
