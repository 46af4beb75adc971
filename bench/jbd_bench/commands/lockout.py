"""``jbd-bench lockout``: show that a client locks itself out of firmware 2.1, or does not."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from .._lockout_criteria import Logs, Verdict
    from .._lockout_result import Falsifier, Finding
    from ..clients import Entry, Log

HELP: Final = "play the lockout of Android 3.1.1026 on firmware 2.1: trace, criteria, verdict"

Paint: TypeAlias = "Callable[[str, str], str]"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--target",
        default="emulator:0x21",
        metavar="TARGET",
        help="the board: emulator:0x21, serial:/dev/ttyUSB0, rfc2217://host:port, "
        "socket://host:port; over Bluetooth emulator-ble:0x21?paced=1, ble:ADDRESS, "
        "ble:name=NAME (default %(default)s)",
    )
    parser.add_argument(
        "--client", default="android-3.1.1026", metavar="ID", help="model (default %(default)s)"
    )
    parser.add_argument(
        "--loop",
        metavar="A|B|C",
        help="what 3.1.1026 does while stuck: A repeats, B asks, C reconnects (default A)",
    )
    parser.add_argument(
        "--pin-step",
        metavar="ANSWER",
        help="06 answers silence, bad-checksum, 0x83 or 0x81 instead; emulated targets",
    )
    parser.add_argument(
        "--no-controls", action="store_true", help="leave out the plays on other firmware"
    )
    parser.add_argument(
        "--allow",
        metavar="LIST",
        help="what may be changed on a real board: password is needed, settings may be",
    )
    parser.add_argument(
        "--expect",
        choices=("reproduced", "not-reproduced"),
        help="exit with 1 unless the verdict is this",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Play, judge, print.

    Raises:
        JbdError: an unknown client or option, or no leave to write.
        LinkError: the target cannot be opened, or fails.
    """
    from jbd_protocol import LocalError

    from .._leave import parse_leaves
    from .._lockout import PIN_STEPS, play_lockout, with_pin_step
    from .._lockout_criteria import judge
    from ..clients import client_model

    target = args.target
    if args.pin_step is not None:
        if args.pin_step not in PIN_STEPS:
            raise LocalError(f"pin-step {args.pin_step!r}: must be {', '.join(PIN_STEPS)}")
        target = with_pin_step(target, args.pin_step)
    model = client_model(args.client, **({} if args.loop is None else {"loop": args.loop}))
    logs = play_lockout(
        target,
        model,
        leaves=None if args.allow is None else parse_leaves(args.allow),
        controls=not args.no_controls,
    )
    verdict = judge(logs)
    if args.json:
        print(json.dumps({**verdict.to_json(), "target": target, "trace": _trace(logs, verdict)}))
    else:
        _show(target, model.title, logs, verdict)
    return 0 if args.expect in (None, verdict.outcome.replace(" ", "-")) else 1


def _tags(verdict: Verdict) -> dict[int, list[str]]:
    """Return which criteria an entry shows, by the entry's identity."""
    tags: dict[int, list[str]] = {}
    shown = [(row.id, row.frames) for row in verdict.criteria]
    shown += [(row.id, row.frames) for row in verdict.falsifiers if row.fired]
    for name, frames in shown:
        for entry in frames:
            tags.setdefault(id(entry), []).append(name)
    return tags


def _parts(logs: Logs) -> tuple[tuple[str, Log], ...]:
    return ("first", logs.first), ("clear", logs.clear), ("repeat", logs.repeat)


def _trace(logs: Logs, verdict: Verdict) -> list[dict[str, object]]:
    tags = _tags(verdict)
    return [
        {"part": part, **entry.to_json(), "criteria": tags.get(id(entry), [])}
        for part, log in _parts(logs)
        for entry in log
    ]


def _show(target: str, title: str, logs: Logs, verdict: Verdict) -> None:
    paint, tags = _painter(), _tags(verdict)
    print(f"{title}\non {target}")
    heads = {
        "first": "The client meets the board",
        "clear": "Another client sends the clear word",
        "repeat": "The same again",
    }
    for part, log in _parts(logs):
        print(f"\n{paint('bold', heads[part])}")
        for entry in log:
            print(_line(entry, tags.get(id(entry), []), paint))
    print(f"\n{paint('bold', 'Criteria')}")
    for row in verdict.criteria:
        print(_row(row, paint))
    print(paint("bold", "Falsifiers: none may come true"))
    for falsifier in verdict.falsifiers:
        print(_falsifier(falsifier, paint))
    print(paint("bold", "Controls: the same client on other boards, embedded emulator"))
    for row in verdict.controls:
        print(_row(row, paint))
    colour = "green" if verdict.reproduced else "yellow"
    print(f"\n{paint(colour, verdict.outcome)}: {verdict.why}")


def _line(entry: Entry, tags: list[str], paint: Paint) -> str:
    from ..clients._log import ARROWS

    head = f"{entry.t_s:9.3f} s  {ARROWS[entry.direction]:5}"
    shown = entry.frame.hex(" ").upper()
    if len(entry.frame) > 14:
        # The words say what a long payload holds; the whole is in --json.
        shown = f"{entry.frame[:8].hex(' ').upper()} .. {entry.frame[-3:].hex(' ').upper()}"
    words = entry.text if len(entry.text) <= 90 else f"{entry.text[:87]}..."
    body = f"{shown:43} {words}" if shown else words
    tag = f"  {paint('cyan', '[' + ' '.join(tags) + ']')}" if tags else ""
    return f"{head} {body}{tag}"


def _row(row: Finding, paint: Paint) -> str:
    mark = paint("green", "holds") if row.passed else paint("red", "fails")
    if row.why == "not played":
        mark = "-    "
    times = ", ".join(f"{entry.t_s:.3f}" for entry in row.frames[:8] if entry.frame)
    seen = f"  (at {times} s)" if times else ""
    why = f": {row.why}" if row.why else ""
    return f"  {row.id} {mark}  {row.text}{why}{seen}  [{row.evidence.grade}]"


def _falsifier(row: Falsifier, paint: Paint) -> str:
    if row.fired is None:
        mark = "not played"
    else:
        mark = paint("red", "came true ") if row.fired else paint("green", "no        ")
    return f"  {row.id} {mark}  {row.text}{': ' + row.why if row.fired else ''}"


def _painter() -> Paint:
    """Return what colours a text: rich where there is a terminal and rich, else nothing."""
    if not sys.stdout.isatty():
        return lambda _style, text: text
    try:
        from rich.console import Console
        from rich.style import Style
    except ModuleNotFoundError:
        return lambda _style, text: text
    system = Console().color_system
    if system is None:
        return lambda _style, text: text
    return lambda style, text: Style.parse(style).render(text)
