"""The study's pictures. The only module that imports matplotlib, and only when it is called.

Colours are two of the Okabe-Ito set, told apart by every eye and, by lightness and dash, in grey
print too. Lines are labelled where they are, without a legend to look up.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .._config import ConfigError
from ._chargers import EVENING_H, StudyPlan
from ._result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE: Final = "#0072B2"
VERMILION: Final = "#D55E00"
INK: Final = "#333333"
GREY: Final = "#8C8C8C"
FAINT: Final = "#DDDDDD"
_STYLE: Final[dict[Any, Any]] = {  # Any: matplotlib types its keys as literals
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 9.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "charge-study",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
_FULL_POINTS: Final = 5.0


def write_plots(plan: StudyPlan, results: Sequence[Result], folder: Path) -> list[Path]:
    """Write every picture as PNG and as SVG and return their paths.

    Args:
        plan: of the study.
        results: in the order of the columns.
        folder: made where it is missing.

    Raises:
        ConfigError: matplotlib is not installed.
        OSError: the folder cannot be written.
    """
    try:
        import matplotlib
    except ImportError:
        raise ConfigError("out: needs matplotlib, install jbd-bench[plot]") from None
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with matplotlib.rc_context(_STYLE):
        pictures = {
            "charge-study": _everything(plan, results),
            "charge-study-soc": _headline(plan, results),
        }
        for name, figure in pictures.items():
            for kind in ("png", "svg"):
                path = folder / f"{name}.{kind}"
                # Without the date, the same study gives the same file.
                metadata = {"Date": None} if kind == "svg" else None
                figure.savefig(path, dpi=150, metadata=metadata)
                paths.append(path)
    return paths


def _figure(width: float, height: float) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    # Placed by hand: the layout solver's last digits differ from run to run, and the file with it.
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


# -- all that was asked for, a column for each charger -------------------------------------------


def _everything(plan: StudyPlan, results: Sequence[Result]) -> Figure:
    """Return the small multiples: one column per charger, one row per quantity, scales shared."""
    figure = _figure(13.0, 9.0)
    grid = figure.subplots(
        5, len(results), sharex=True, sharey="row", squeeze=False,
        height_ratios=(1.0, 1.0, 1.0, 1.5, 0.45),
    )  # fmt: skip
    for column, result in enumerate(results):
        axes = list(grid[:, column])
        _draw_column(axes, result, first=column == 0)
        axes[0].set_title(_heading(result), loc="left", fontsize=10, fontweight="bold")
        axes[0].text(
            0.0, 1.02, _finding(result), transform=axes[0].transAxes, fontsize=8.5, va="bottom"
        )
        _days(axes[-1], plan.days)
        axes[-1].set_xlabel("days")
    for axis, label in zip(
        grid[:, 0],
        ("pack\nV", "cells\nV", "current\nA, + charging", "state of charge\n%", ""),
        strict=True,
    ):
        axis.set_ylabel(label)
    grid[3, 0].set_ylim(0, 105)
    grid[2, 0].set_ylim(bottom=min(-12.0, *(min(r.trace.current_a) * 1.1 for r in results)))
    figure.subplots_adjust(left=0.09, right=0.99, top=0.915, bottom=0.06, hspace=0.12, wspace=0.07)
    for axis in grid[:, 0]:
        axis.yaxis.set_label_coords(-0.165, 0.5)
    figure.text(0.012, 0.985, _subtitle(plan), va="top")
    return figure


def _heading(result: Result) -> str:
    """Return the title in two lines, the second left free for the finding."""
    return f"{result.title}\n"


def _draw_column(axes: list[Axes], result: Result, *, first: bool) -> None:
    trace = result.trace
    days = [hour / 24.0 for hour in trace.hours]
    pack, cells, current, charge, fets = axes
    for axis in axes:
        axis.grid(axis="x", color=FAINT, linewidth=0.6)
        axis.set_axisbelow(True)
    pack.plot(days, trace.pack_v, color=BLUE, linewidth=1.1)
    low = [mv / 1000.0 for mv in trace.low_mv]
    high = [mv / 1000.0 for mv in trace.high_mv]
    # Where two lines lie on each other, the lower one is wide enough to be seen on both sides.
    cells.plot(days, high, color=VERMILION, linewidth=2.6)
    cells.plot(days, low, color=BLUE, linewidth=1.0)
    current.axhline(0.0, color=FAINT, linewidth=0.8)
    current.plot(days, trace.current_a, color=BLUE, linewidth=0.9)
    charge.plot(days, trace.soc, color=BLUE, linewidth=2.6)
    charge.plot(days, trace.rsoc, color=VERMILION, linewidth=1.0, linestyle=(0, (4, 2)))
    _draw_fets(fets, days, trace.fets)
    if first:
        cells.text(0.97, 0.34, "highest", transform=cells.transAxes, color=VERMILION, ha="right")
        cells.text(0.97, 0.12, "lowest", transform=cells.transAxes, color=BLUE, ha="right")
        charge.text(0.97, 0.60, "true", transform=charge.transAxes, color=BLUE, ha="right")
        charge.text(
            0.97, 0.46, "as the board believes", transform=charge.transAxes, color=VERMILION,
            ha="right",
        )  # fmt: skip


def _draw_fets(axis: Axes, days: list[float], fets: list[int]) -> None:
    """Draw a bar for each FET while it is on."""
    for row, bit in enumerate((2, 1)):
        axis.broken_barh(_spans(days, fets, bit), (row - 0.3, 0.6), facecolors=GREY)
    axis.set_yticks([0, 1], ["discharge FET", "charge FET"])
    axis.set_ylim(-0.6, 1.6)
    axis.tick_params(axis="y", length=0)


def _spans(days: list[float], fets: list[int], bit: int) -> list[tuple[float, float]]:
    """Return (start, width) of each stretch in which a FET is on."""
    spans: list[tuple[float, float]] = []
    start: float | None = None
    for day, bits in zip(days, fets, strict=True):
        if bits & bit and start is None:
            start = day
        elif not bits & bit and start is not None:
            spans.append((start, day - start))
            start = None
    if start is not None:
        spans.append((start, days[-1] - start))
    return spans


def _finding(result: Result) -> str:
    """Return one line on what this charger came to."""
    tripped = f"; {', '.join(result.trips)} trips" if result.trips else ""
    if result.charge_off_h >= 1.0:
        tripped += f", charge FET off {result.charge_off_h:.0f} h"
    if result.lowest_soc is None:
        return f"never full{tripped}"
    sunk = 100.0 * max(one.depth for one in result.fulls)
    if sunk < _FULL_POINTS:
        return f"stays full{tripped}"
    return f"full {len(result.fulls)} times, sinks to {100 * result.lowest_soc:.0f} %{tripped}"


def _subtitle(plan: StudyPlan) -> str:
    on, off = EVENING_H
    return (
        f"{plan.cells} LiFePO4 cells of {plan.capacity_ah:g} Ah, plugged in all the time, under "
        f"the same daily load (2 % of capacity an hour, 10 % from {on:g} to {off:g} h)"
    )


def _days(axis: Axes, days: float) -> None:
    step = max(1, round(days / 8))
    axis.set_xlim(0.0, days)
    axis.set_xticks([float(day) for day in range(0, int(days) + 1, step)])


# -- the one to remember ---------------------------------------------------------------------------


def _headline(plan: StudyPlan, results: Sequence[Result]) -> Figure:
    """Return the picture for the front page: state of charge of all chargers."""
    figure = _figure(8.0, 3.7)
    axis = figure.subplots()
    for day in range(int(plan.days) + 1):
        axis.axvspan(day + EVENING_H[0] / 24, day + EVENING_H[1] / 24, color="#F2F2F2", linewidth=0)
    full = [result for result in results if _stays_full(result)]
    for result in results:
        days = [hour / 24.0 for hour in result.trace.hours]
        color = BLUE if result in full else VERMILION
        axis.plot(days, result.trace.soc, color=color, linewidth=1.8)
        if result not in full:
            _label_low(axis, plan, result)
    if full:
        names = ", ".join(result.title.removeprefix("supply ") for result in full)
        axis.text(plan.days, 103, f"supply {names}: full all the time", color=BLUE,
                  ha="right", va="bottom", fontweight="bold")  # fmt: skip
    _days(axis, plan.days)
    axis.set_ylim(40, 112)
    axis.set_yticks([40, 60, 80, 100])
    axis.set_xlabel("days plugged in (grey: the evening's load)")
    axis.set_ylabel("true state of charge, %")
    figure.subplots_adjust(left=0.075, right=0.985, top=0.985, bottom=0.14)
    return figure


def _stays_full(result: Result) -> bool:
    depths = [one.depth for one in result.fulls]
    return bool(depths) and 100.0 * max(depths) < _FULL_POINTS


def _label_low(axis: Axes, plan: StudyPlan, result: Result) -> None:
    lows = [one.lowest_soc for one in result.fulls if one.closed]
    if not lows:
        return
    axis.text(plan.days, 100 * min(lows) - 3.0,
              f"{result.title}: down to {100 * max(lows):.0f} % or less between charges",
              color=VERMILION, ha="right", va="top", fontweight="bold")  # fmt: skip
