"""Requirements on the page: what was asked, what came, and the frames that show it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, Final

from ._result import FAILED, NOT_JUDGED, PASSED, Case, Row

_CASES_SHOWN: Final = 12
_FRAMES_SHOWN: Final = 10
_UNFINISHED: Final = "(unfinished)"
_HEX_SHOWN: Final = 132
"""Characters of a long frame; the whole stands in the JSON."""


def pill(text: str, kind: str | None = None) -> str:
    """Return a word in its colour."""
    name = (kind or text).replace(" ", "-")
    return f'<span class="pill {escape(name)}">{escape(text)}</span>'


def finding(row: Row) -> str:
    """Return a requirement the unit is refused for, with all its evidence open."""
    entry = row.entry
    several = sum(case.outcome == FAILED for case in row.cases) > 1
    # What is new beside a known deviation is not to be looked for among the cases.
    why = "" if several and row.baseline != FAILED else f'<div class="why">{escape(row.why)}</div>'
    return (
        f'<div class="finding"><span class="id">{escape(entry.id)}</span> {pill(row.outcome)} '
        f'<span class="soft">{escape(entry.area)}, baseline: {escape(row.baseline)}</span>'
        f'<div class="said">{escape(_sentence(entry.text))}</div>'
        f'{why}<div class="soft">{_source(row)}</div>{evidence(row)}</div>'
    )


def requirement_row(row: Row) -> str:
    """Return a requirement as a line that opens."""
    entry = row.entry
    said = f'<div class="why">{escape(row.why)}</div>' if row.outcome == FAILED else ""
    if row.outcome == NOT_JUDGED:
        said = f'<div class="soft">{escape(row.why)}</div>'
    shown = evidence(row)
    more = f"<details><summary>{_summary(row)}</summary><div>{_source(row)}{shown}</div></details>"
    return (
        f'<tr><td class="id">{escape(entry.id)}</td><td>{escape(_sentence(entry.text))}{said}{more}'
        f"</td><td>{pill(row.outcome)}</td></tr>"
    )


def evidence(row: Row) -> str:
    """Return measurements and frames: of what failed, else of the first case that passed."""
    cases = [case for case in row.cases if case.outcome == FAILED]
    if not cases:
        cases = [case for case in row.cases if case.outcome == PASSED][:1]
    measured = _measurements(m for case in row.cases for m in case.measurements)
    parts = [measured]
    for case in cases[:_CASES_SHOWN]:
        name = f'<p class="soft">{escape(_case_name(case))}</p>' if len(row.cases) > 1 else ""
        said = f'<p class="why">{escape(case.failure)}</p>' if case.failure and name else ""
        parts.append(name + said + _frames(case))
    if len(cases) > _CASES_SHOWN:
        parts.append(f'<p class="soft">and {len(cases) - _CASES_SHOWN} more cases</p>')
    return "".join(parts)


def _summary(row: Row) -> str:
    counts = [(name, sum(case.outcome == name for case in row.cases))
              for name in (PASSED, FAILED, "skipped")]  # fmt: skip
    told = ", ".join(f"{count} {name}" for name, count in counts if count)
    return f"{escape(row.entry.grade)}; {told or 'no case'}"


def _source(row: Row) -> str:
    entry = row.entry
    return f"Source: {escape(entry.source)} ({escape(entry.grade)}). Tier: {escape(entry.tier)}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _case_name(case: Case) -> str:
    name = case.test.rpartition("::")[2].removeprefix("test_")
    head, bracket, rest = name.partition("[")
    return head.replace("_", " ") + (f": {rest.removesuffix(']')}" if bracket else "")


def _measurements(rows: Iterable[Mapping[str, Any]]) -> str:  # Any: values of a JSON object
    lines = "".join(
        f'<tr><td>{escape(row["name"])}</td><td class="n">{row["value"]:g}</td>'
        f"<td>{escape(row['unit'])}</td><td>{_limits(row)}</td>"
        f"<td>{pill(PASSED if row['holds'] else FAILED)}</td></tr>"
        for row in rows
    )
    if not lines:
        return ""
    return (
        '<table><tr><th>measured</th><th class="n">value</th><th>unit</th><th>limit</th><th></th>'
        f"</tr>{lines}</table>"
    )


def _limits(row: Mapping[str, Any]) -> str:
    low, high = row["low"], row["high"]
    if low is None:
        return "none" if high is None else f"at most {high:g}"
    return f"at least {low:g}" if high is None else f"{low:g} to {high:g}"


def _frames(case: Case) -> str:
    if not case.traffic:
        return ""
    pieces = _joined(case.traffic)
    left, pieces = len(pieces[:-_FRAMES_SHOWN]), pieces[-_FRAMES_SHOWN:]
    more = f'<p class="soft">{left} frames before these are in acceptance.json</p>' if left else ""
    start = float(str(pieces[0]["t_s"]))
    lines = "".join(
        f"<tr><td>{float(str(piece['t_s'])) - start:.3f} s</td>"
        f'<td class="{"to" if piece["direction"] == ">" else "from"}">'
        f"{_arrow(str(piece['direction']))}</td>"
        f'<td class="hex">{_hex(str(piece["hex"]))}</td>'
        f'<td class="meaning">{escape(str(piece["meaning"]))}</td></tr>'
        for piece in pieces
    )
    return f'{more}<div class="frames"><table>{lines}</table></div>'


def _joined(traffic: Iterable[Mapping[str, object]]) -> list[dict[str, object]]:
    """Return pieces put together to whole frames: how a board cuts them is in the JSON."""
    joined: list[dict[str, object]] = []
    for piece in traffic:
        last = joined[-1] if joined else None
        if (
            last is not None
            and last["meaning"] == _UNFINISHED
            and last["direction"] == piece["direction"]
        ):
            last["hex"] = f"{last['hex']} {piece['hex']}"
            last["meaning"] = piece["meaning"]
        else:
            joined.append(dict(piece))
    return joined


def _arrow(direction: str) -> str:
    return {">": "→ board", "<": "← board"}.get(direction, "")


def _hex(text: str) -> str:
    return escape(text if len(text) <= _HEX_SHOWN else f"{text[:_HEX_SHOWN]}…")
