"""A run in words: the table at the end, and failures that explain themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ._report import Recorder, TestRecord

_TRAFFIC_SHOWN: Final = 8
_FAILURES_SHOWN: Final = 20


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, numbers: int = 1) -> list[str]:
    """Return an aligned table; columns from ``numbers`` on stand to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]

    def line(row: Sequence[str]) -> str:
        cells = (
            cell.rjust(width) if n >= numbers else cell.ljust(width)
            for n, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        return "  ".join(cells).rstrip()

    return [line(head), line(["-" * width for width in widths]), *map(line, rows)]


def summary_lines(recorder: Recorder) -> list[str]:
    """Return the table of suites and targets, with a last row of sums."""
    rows = recorder.summary()
    cells = [
        [
            str(row["suite"]),
            str(row["target"] or "-"),
            *(str(row[key]) for key in ("passed", "failed", "skipped")),
            f"{row['seconds']:.1f} s",
        ]
        for row in rows
    ]
    sums = [sum(int(str(row[key])) for row in rows) for key in ("passed", "failed", "skipped")]
    seconds = sum(float(str(row["seconds"])) for row in rows)
    cells.append(["all", "", *map(str, sums), f"{seconds:.1f} s"])
    return table(["suite", "target", "passed", "failed", "skipped", "time"], cells, numbers=2)


def skip_lines(recorder: Recorder) -> list[str]:
    """Return why tests were skipped, one line a reason."""
    reasons: dict[str, int] = {}
    for test in recorder.tests:
        if test.reason is not None and test.outcome == "skipped":
            reasons[test.reason] = reasons.get(test.reason, 0) + 1
    return [f"skipped {count}: {reason}" for reason, count in reasons.items()]


def failure_lines(recorder: Recorder) -> list[str]:
    """Return every failure with its requirement, both sides and the frames around it.

    The same failure on several targets is told once.
    """
    lines: list[str] = []
    for error in recorder.errors:
        lines += ["", f"NOT COLLECTED {error}"]
    groups: dict[tuple[str, str | None], list[TestRecord]] = {}
    for test in recorder.failed:
        name = test.id.replace(test.target or "", "*")
        groups.setdefault((name, test.failure), []).append(test)
    for tests in list(groups.values())[:_FAILURES_SHOWN]:
        lines += ["", *_failure(tests)]
    more = len(groups) - _FAILURES_SHOWN
    return lines + ["", f"... and {more} more; --report has them all"] * (more > 0)


def _failure(tests: Sequence[TestRecord]) -> Iterator[str]:
    test = tests[0]
    yield f"FAILED {test.title}"
    yield f"  {test.id}"
    for other in tests[1:]:
        yield f"  also on {other.target}"
    for row in test.requirements:
        yield f"  {row['id']} {row['text']}  [{row['grade']}: {row['source']}]"
    yield f"  {test.failure}"
    for piece in test.traffic[-_TRAFFIC_SHOWN:]:
        yield f"    {piece['t_s']:9.3f} {piece['direction']} {piece['hex']}  {piece['meaning']}"
