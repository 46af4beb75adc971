"""The report for a person: one file, verdict first, without anything from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any, Final

from jbd_protocol import decode_date

from ._html_rows import finding, pill, requirement_row
from ._plots import Strip, latency_plot, share_bar
from ._result import FAILED, NOT_JUDGED, NOT_MEANT, PASSED, Change, Result, Row, UnitResult, Verdict

_WORDS: Final = {
    Verdict.ACCEPTED: "Accepted",
    Verdict.REFUSED: "Refused",
    Verdict.INCOMPLETE: "No verdict yet",
}
_REACH: Final = ("nothing", "live data", "data and parameters")
_REACH_OF: Final = "reach of "
_SHOWN: Final = 6
"""Requirements that the verdict names; the others follow below."""
_MEDIAN: Final = ", median"
_P95: Final = ", 95 %"


def page(result: Result) -> str:
    """Return the page."""
    style = (Path(__file__).parent / "report.css").read_text(encoding="utf-8")
    units = "".join(_unit(unit, result) for unit in result.units)
    several = _units_table(result) if len(result.units) > 1 else ""
    names = ", ".join(escape(unit.target) for unit in result.units)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_WORDS[result.verdict]}: {names}</title>"
        f"<style>{style}</style></head><body>"
        f'<div class="head"><h1>JBD BMS firmware acceptance</h1><span>{_date(result.started)}, '
        f"jbd-bench {escape(result.version)}</span></div>{several}{units}{_footer(result)}"
        "</body></html>\n"
    )


def _units_table(result: Result) -> str:
    rows = "".join(
        f"<tr><td>{pill(str(unit.verdict), _PILL[unit.verdict])}</td>"
        f'<td><a href="#unit-{n}">{escape(unit.target)}</a></td>'
        f"<td>{escape(_board(unit.identity))}</td>"
        f'<td class="n">{unit.count(PASSED)}</td><td class="n">{unit.count(FAILED)}</td>'
        f'<td class="n">{unit.count(NOT_JUDGED)}</td></tr>'
        for n, unit in enumerate(result.units, start=1)
    )
    return (
        f"<h2>{len(result.units)} units, side by side</h2><table><tr><th>verdict</th><th>unit</th>"
        '<th>board</th><th class="n">passed</th><th class="n">failed</th>'
        f'<th class="n">not judged</th></tr>{rows}</table>'
    )


_PILL: Final = {
    Verdict.ACCEPTED: "passed",
    Verdict.REFUSED: "failed",
    Verdict.INCOMPLETE: "not-judged",
}


def _unit(unit: UnitResult, result: Result) -> str:
    number = result.units.index(unit) + 1
    parts = [
        _banner(unit),
        _facts(unit, result),
        _changes(unit.changes, result.baseline),
        _findings(unit),
        _areas(unit),
        _latencies(unit),
        _clients(unit),
        _open(unit),
        _requirements(unit),
    ]
    return f'<section class="unit" id="unit-{number}">{"".join(parts)}</section>'


def _banner(unit: UnitResult) -> str:
    shown = [*unit.errors, *_banner_lines(unit), *_left_lines(unit), *unit.notes]
    items = "".join(f"<li>{escape(text)}</li>" for text in shown)
    board = _board(unit.identity)
    return (
        f'<div class="verdict {unit.verdict}"><div class="word">{_WORDS[unit.verdict]}</div>'
        f'<div class="about">{escape(board)}</div>'
        f'<div class="about">{escape(_in_short(unit))}</div><ul>{items}</ul></div>'
    )


def _in_short(unit: UnitResult) -> str:
    passed, refusing = unit.count(PASSED), len(unit.refusing)
    if unit.verdict is Verdict.REFUSED:
        return f"{_several(refusing, 'requirement')} failed that the baseline meets; {passed} met."
    if unit.verdict is Verdict.INCOMPLETE:
        missing = sum(row.effect == "blocks" for row in unit.rows)
        return (
            f"{_several(missing, 'requirement')} could be judged and was not; {passed} met. "
            "Nothing speaks against the firmware so far."
        )
    return f"{passed} requirements met; none failed that the baseline meets."


def _several(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"


def _banner_lines(unit: UnitResult) -> list[str]:
    """Return what refuses the unit or keeps the verdict open, the first of it."""
    rows = unit.refusing or [row for row in unit.rows if row.effect]
    lines = [f"{row.entry.id}: it is required that {row.entry.text}" for row in rows[:_SHOWN]]
    if len(rows) > _SHOWN:
        lines.append(f"and {len(rows) - _SHOWN} more, below")
    return lines


def _left_lines(unit: UnitResult) -> list[str]:
    """Return in short what nobody could judge: that does not count, and has to be known."""
    left = [row for row in unit.rows if row.outcome == NOT_JUDGED and not row.effect]
    lines = []
    if left:
        lines.append(
            f"{_several(len(left), 'requirement')} not judged, out of reach of this bench; none "
            "of them counts as passed"
        )
    areas = _by_area(unit)
    blank = [area for area, rows in areas.items()
             if not any(row.outcome in (PASSED, FAILED) for row in rows)
             and any(row.outcome == NOT_JUDGED for row in rows)]  # fmt: skip
    if blank:
        lines.append(f"not judged at all: {', '.join(blank)}")
    return lines


def _facts(unit: UnitResult, result: Result) -> str:
    identity = unit.identity
    made = identity.get("date_code")
    facts = [
        ("Unit", unit.target),
        ("Board name", identity.get("name")),
        ("Firmware it reports", _version(identity.get("version"))),
        ("Judged as", unit.judged_as or "common expectations"),
        ("Compared with", result.baseline),
        ("Series count", identity.get("cells")),
        ("Nominal capacity", _ah(identity.get("nominal_mah"))),
        ("Manufactured", decode_date(made) if isinstance(made, int) else None),
        ("Serial number", identity.get("serial_num")),
        ("Bar code", identity.get("barcode")),
        ("Tests may change", ", ".join(unit.allowed) or "nothing"),
        ("Verdict reaches to", f"tier {result.tier}"),
        ("Began", f"{_date(unit.started)}, took {unit.seconds:.0f} s"),
        ("Tool", f"jbd-bench {result.version}"),
    ]
    cells = "".join(
        f"<div><dt>{name}</dt><dd>{escape(str(value))}</dd></div>"
        for name, value in facts
        if value not in (None, "")
    )
    return f'<dl class="facts">{cells}</dl>'


def _findings(unit: UnitResult) -> str:
    rows = unit.refusing
    if not rows:
        return ""
    return f"<h2>What it is refused for</h2>{''.join(map(finding, rows))}"


def _changes(changes: Sequence[Change], baseline: str) -> str:
    head = f"<h2>What changed</h2><p class='soft'>Against {escape(baseline)}.</p>"
    if not changes:
        return f"{head}<p>Nothing.</p>"
    order = ("worse", "better", "identity", "measurement", "known deviation")
    rows = "".join(
        f"<tr><td>{pill(change.kind)}</td><td class='id'>{escape(change.subject)}</td>"
        f"<td>{escape(change.text)}</td></tr>"
        for change in sorted(changes, key=lambda change: order.index(change.kind))
    )
    return f'{head}<table class="changes">{rows}</table>'


def _by_area(unit: UnitResult) -> dict[str, list[Row]]:
    areas: dict[str, list[Row]] = {}
    for row in unit.rows:
        areas.setdefault(row.entry.area, []).append(row)
    return areas


def _areas(unit: UnitResult) -> str:
    lines = []
    for area, rows in _by_area(unit).items():
        counts = [sum(row.outcome == name for row in rows) for name in (PASSED, FAILED, NOT_JUDGED)]
        if not any(counts):
            continue
        cells = "".join(f'<td class="n">{count or "-"}</td>' for count in counts)
        lines.append(f'<tr><td>{escape(area)}</td>{cells}<td class="bar">{share_bar(*counts)}</td>'
                     "</tr>")  # fmt: skip
    return (
        '<h2>Requirements by area</h2><table class="areas"><tr><th>area</th>'
        '<th class="n">passed</th><th class="n">failed</th><th class="n">not judged</th><th></th>'
        f"</tr>{''.join(lines)}</table>"
    )


def measurements_of(unit: UnitResult) -> Iterator[Mapping[str, Any]]:  # Any: JSON values
    """Yield every measurement of a unit."""
    for row in unit.rows:
        for case in row.cases:
            yield from case.measurements


_GREY_DOTS: Final = " The grey dots below are the baseline's."


def _latencies(unit: UnitResult) -> str:
    found = {row["name"]: row for row in measurements_of(unit)}
    strips = [
        Strip(
            name=name.removesuffix(_MEDIAN),
            samples=row["samples"],
            limit_s=found.get(name.removesuffix(_MEDIAN) + _P95, {}).get("high"),
            before=unit.before.get(name, ()),
        )
        for name, row in found.items()
        if name.endswith(_MEDIAN) and row["samples"]
    ]
    if not strips:
        return ""
    if not any(sample for strip in strips for sample in strip.samples):
        return (
            "<h2>Answer latency</h2><p class='soft'>The embedded emulator answers in no time: its "
            "clock stands while it does. A board, or an emulator in another process, has "
            "latencies to show.</p>"
        )
    return (
        "<h2>Answer latency</h2><p class='soft'>Each dot is one exchange, from sending to the "
        "complete answer; the bar and the number are the median, the red line is what 19 of 20 "
        f"must keep.{_GREY_DOTS if any(s.before for s in strips) else ''}</p>"
        f"{latency_plot(strips)}"
    )


def _clients(unit: UnitResult) -> str:
    rows, dark = [], []
    for row in unit.rows:
        for one in (m for case in row.cases for m in case.measurements):
            if not one["name"].startswith(_REACH_OF):
                continue
            if not one["value"]:
                dark.append(one["name"].removeprefix(_REACH_OF))
            today = "" if one["low"] is None else _REACH[int(one["low"])]
            rows.append(
                f"<tr><td>{escape(one['name'].removeprefix(_REACH_OF))}</td>"
                f"<td>{_REACH[int(one['value'])]}</td><td>{today or '-'}</td>"
                f"<td>{pill(row.outcome)}</td></tr>"
            )
    if not rows:
        return ""
    return (
        "<h2>Apps and tools in the field</h2><p class='soft'>Models of the field's clients, played "
        f"against this unit by a user who knows no PIN.{_dark(dark)}</p><table><tr><th>client</th>"
        "<th>reaches here</th><th>must reach at least</th><th></th></tr>"
        f"{''.join(rows)}</table>"
    )


def _dark(clients: Sequence[str]) -> str:
    """Return a sentence on clients that show nothing at all, expected or not."""
    return f" <b>Shows no data on this unit: {escape(', '.join(clients))}.</b>" if clients else ""


def _open(unit: UnitResult) -> str:
    rows = [row for row in unit.rows if row.outcome == NOT_JUDGED]
    if not rows:
        return ""
    reasons: dict[tuple[str, str], list[str]] = {}
    for row in rows:
        reasons.setdefault((row.effect, row.why), []).append(row.entry.id)
    lines = "".join(
        f"<tr><td>{'keeps the verdict open' if effect else 'does not count'}</td>"
        f"<td>{escape(why)}</td><td class='n'>{len(ids)}</td>"
        f"<td><code>{escape(', '.join(ids))}</code></td></tr>"
        for (effect, why), ids in sorted(reasons.items(), reverse=True)
    )
    return (
        f"<h2>Not judged: {len(rows)}</h2><p class='soft'>None of these counts as passed.</p>"
        "<table class='open'><tr><th></th><th>why</th><th class='n'></th><th></th></tr>"
        f"{lines}</table>"
    )


def _requirements(unit: UnitResult) -> str:
    parts = ["<h2>Every requirement</h2>"]
    for area, rows in _by_area(unit).items():
        shown = [row for row in rows if row.outcome != NOT_MEANT]
        shown.sort(key=lambda row: row.entry.id)
        if shown:
            lines = "".join(map(requirement_row, shown))
            parts.append(f'<h3>{escape(area[0].upper() + area[1:])}</h3><table class="rest">{lines}'
                         "</table>")  # fmt: skip
    left = unit.count(NOT_MEANT)
    if left:
        parts.append(f"<p class='soft'>{left} more are about other firmwares, or units with "
                     "another state of the PIN.</p>")  # fmt: skip
    return "".join(parts)


def _footer(result: Result) -> str:
    return (
        "<footer>Accepted means: no requirement failed that the baseline meets, and nothing that "
        "could be judged was left out. Requirements carry how well they are known: captured from "
        "hardware, from a vendor document, reported by the field, or assumed. "
        f"jbd-bench {escape(result.version)}, {escape(result.started)}.</footer>"
    )


def _board(identity: Mapping[str, int | str]) -> str:
    if not identity:
        return "The board did not say what it is."
    parts = [
        identity.get("name") or "board without a name",
        f"firmware {_version(identity.get('version'))}",
        f"{identity['cells']} cells" if "cells" in identity else "",
        _ah(identity.get("nominal_mah")) or "",
    ]
    return ", ".join(str(part) for part in parts if part)


def _version(value: object) -> str | None:
    return f"{value >> 4}.{value & 15} (0x{value:02X})" if isinstance(value, int) else None


def _ah(value: object) -> str | None:
    return f"{value / 1000:g} Ah" if isinstance(value, int) else None


def _date(started: str) -> str:
    return started[:16].replace("T", " ") + " UTC" if started else ""
