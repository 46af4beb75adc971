"""The study's numbers, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ._chargers import BASE_C, CHARGE_C, EVENING_C, EVENING_H, StudyPlan
from ._result import FullCharge, Result

_HEADS: Final = (
    ("", "charger"),
    ("after full charge", "true    board"),
    ("lowest, plugged in", "true    board"),
    ("full cycles", "a week"),
    ("hours above", "3.500 V/cell"),
    ("highest", "cell, V"),
    ("charge FET", "off, h"),
    ("", "tripped"),
)


def table_text(plan: StudyPlan, results: Sequence[Result]) -> str:
    """Return the table as it is printed."""
    rows = [_row(result) for result in results]
    widths = [
        max(len(line) for line in (*head, *(row[n] for row in rows)))
        for n, head in enumerate(_HEADS)
    ]
    lines = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
        for cells in (
            [head[0] for head in _HEADS],
            [head[1] for head in _HEADS],
            *rows,
        )
    ]
    return "\n".join([_heading(plan), "", *lines, "", *_conclusions(results)]) + "\n"


def results_json(plan: StudyPlan, results: Sequence[Result]) -> dict[str, Any]:
    """Return one object; shares are 0..1. Any: values of a JSON object."""
    return {
        "cells": plan.cells,
        "capacity_ah": plan.capacity_ah,
        "days": plan.days,
        "seed": plan.seed,
        "charge_a": CHARGE_C * plan.capacity_ah,
        "base_load_a": BASE_C * plan.capacity_ah,
        "evening_load_a": EVENING_C * plan.capacity_ah,
        "evening_h": list(EVENING_H),
        "chargers": [_object(result) for result in results],
    }


def _object(result: Result) -> dict[str, Any]:
    first = result.fulls[0] if result.fulls else None
    return {
        "charger": result.key,
        "title": result.title,
        "soc_after_full": first.soc if first else None,
        "rsoc_after_full": first.rsoc if first else None,
        "lowest_soc": result.lowest_soc,
        "lowest_rsoc": result.lowest_rsoc,
        "cycles_per_week": result.cycles_per_week,
        "hours_above_3500_mv": result.hours_above,
        "highest_cell_mv": result.highest_mv,
        "lowest_cell_mv": result.lowest_mv,
        "trips": result.trips,
        "charge_fet_off_h": result.charge_off_h,
        "full_charges": [_full(one) for one in result.fulls],
        "charge_error": result.charge_error,
        "energy_error": result.energy_error,
    }


def _full(one: FullCharge) -> dict[str, Any]:
    return {
        "at_h": one.at_h,
        "soc": one.soc,
        "rsoc": one.rsoc,
        "lowest_soc": one.lowest_soc,
        "lowest_rsoc": one.lowest_rsoc,
        "followed_by_another": one.closed,
    }


def _row(result: Result) -> list[str]:
    first = result.fulls[0] if result.fulls else None
    trips = ", ".join(f"{name} {count}x" for name, count in result.trips.items())
    return [
        result.title,
        _pair(first.soc, first.rsoc) if first else "never full",
        _pair(result.lowest_soc, result.lowest_rsoc),
        f"{result.cycles_per_week:11.2f}",
        f"{result.hours_above:12.1f}",
        f"{result.highest_mv / 1000:7.3f}",
        f"{result.charge_off_h:10.1f}",
        trips or "nothing",
    ]


def _pair(soc: float | None, rsoc: float | None) -> str:
    return "" if soc is None or rsoc is None else f"{100 * soc:5.1f} % {100 * rsoc:5.0f} %"


def _heading(plan: StudyPlan) -> str:
    on, off = EVENING_H
    return (
        f"{plan.cells} cells of {plan.capacity_ah:g} Ah for {plan.days:g} days, plugged in all the "
        f"time; chargers of {CHARGE_C * plan.capacity_ah:g} A;\nload "
        f"{BASE_C * plan.capacity_ah:g} A around the clock and "
        f"{EVENING_C * plan.capacity_ah:g} A more from {on:g} to {off:g} h.\n"
        "State of charge: the truth, and what the board believes."
    )


def _conclusions(results: Sequence[Result]) -> list[str]:
    """Say in words what the numbers come to."""
    lines = []
    for result in results:
        if result.lowest_soc is None:
            lines.append(f"{result.title}: never full.")
            continue
        depths = [one.depth for one in result.fulls if one.closed] or [result.fulls[-1].depth]
        points = f"{100 * min(depths):.0f}"
        if max(depths) > 0.05:
            lines.append(
                f"{result.title}: sinks at least {points} points after each of "
                f"{len(depths)} full charges, plugged in."
            )
        else:
            lines.append(f"{result.title}: stays within {100 * max(depths):.1f} points of full.")
    return lines
