"""A state and traffic as rich text."""

from __future__ import annotations

from typing import Any, Final

from rich.table import Table as Grid
from rich.text import Text

State = dict[str, Any]  # Any: values of a JSON object
_LOW_MV, _HIGH_MV = 2000, 4000
_BAR: Final = 28
_MARKS: Final = {"cuvp_mv": ("┃", "yellow"), "balance_mv": ("┊", "cyan"), "covp_mv": ("┃", "red")}
_GRADES: Final = {"captured": "green", "vendor document": "blue", "reported": "yellow",
                  "assumed": "magenta"}  # fmt: skip
_LAMPS: Final = {"clear": ("○", "dim"), "pending": ("◐", "yellow"), "tripped": ("●", "bold red"),
                 "releasing": ("◑", "cyan")}  # fmt: skip
_DIRECTIONS: Final = {"rx": ("request", "cyan"), "tx": ("answer", "green"),
                      "silence": ("silence", "yellow"), "fault": ("mark", "red")}  # fmt: skip


def figures(state: State) -> Grid:
    """Return voltage, current, charge, FETs and temperatures."""
    pack, fets = state["pack"], state["fets"]
    grid = Grid.grid(padding=(0, 4), expand=False)
    for _ in range(5):
        grid.add_column()
    grid.add_row(*(Text(name, style="dim") for name in (
        "pack", "current", "board believes / true", "FETs", "temperatures")))  # fmt: skip
    fet = Text()
    for name in ("charge", "discharge"):
        fet.append("● " if fets[name] else "○ ", style="green" if fets[name] else "dim")
        fet.append(f"{name} {'on' if fets[name] else 'off'}  ")
    probes = "  ".join(
        f"{ntc['celsius']:.1f} °C" if ntc["state"] == "ok" else ntc["state"] for ntc in pack["ntcs"]
    )
    soc = Text.assemble((f"{pack['soc_believed']} %", "bold"), " / ",
                        (f"{pack['soc_true']:.1f} %", "bold green"))  # fmt: skip
    grid.add_row(
        Text(f"{pack['mv'] / 1000:.2f} V", style="bold"),
        Text(f"{pack['current_ma'] / 1000:.2f} A", style="bold"),
        soc, fet, Text(f"{probes}  air {pack['ambient_celsius']:.0f} °C"),
    )  # fmt: skip
    return grid


def title(state: State) -> Text:
    """Return name, firmware and what is out of the ordinary."""
    text = Text.assemble((state["name"], "bold"), f"  firmware {state['firmware']} · "
                         f"{state['title']} · {state['board_name']}  ")  # fmt: skip
    mode = {"asleep": "cyan", "factory": "yellow"}.get(state["mode"], "green")
    text.append(f" {state['mode']} ", style=f"{mode} reverse")
    marks = [
        (not state["plugged"], " unplugged ", "red reverse"),
        (state["pin"]["locked"], " PIN not presented ", "yellow reverse"),
        (state["clock"]["speed"] > 1, f" x{state['clock']['speed']} ", "cyan reverse"),
        (state["clock"]["behind"], " machine too slow ", "yellow reverse"),
        (bool(state["scenario"]), " scenario ", "cyan reverse"),
        (bool(state["faults"]), f" {len(state['faults'])} faults ", "red reverse"),
    ]
    for there, words, style in marks:
        if there:
            text.append(" ").append(words, style=style)
    return text


def cells(state: State) -> Grid:
    """Return a bar for each cell, with the limits in force drawn in."""
    limits = state["limits"]
    marks = {_place(limits[key]): mark for key, mark in _MARKS.items()}
    grid = Grid.grid(padding=(0, 1))
    for cell in state["pack"]["cells"]:
        out = not limits["cuvp_mv"] < cell["mv"] < limits["covp_mv"]
        notes = (("↓ balancing", cell["bled"]), ("held", cell["held_mv"] is not None))
        grid.add_row(
            Text(f"{cell['number']:2}", style="dim"),
            _bar(_place(cell["mv"]), "red" if out else "green", marks),
            Text(f"{cell['mv'] / 1000:.3f} V", style="bold"),
            Text(f"{cell['soc']:5.1f} %", style="dim"),
            Text(" ".join(word for word, on in notes if on), style="cyan"),
        )
    return grid


def _bar(filled: int, style: str, marks: dict[int, tuple[str, str]]) -> Text:
    bar = Text()
    for column in range(_BAR + 1):
        usual = ("█", style) if column < filled else ("·", "dim")
        bar.append(*marks.get(column, usual))
    return bar


def protections(state: State) -> Grid:
    """Return lamps, and what is wrong."""
    grid = Grid.grid(padding=(0, 2))
    row = []
    for one in state["protections"]:
        glyph, style = _LAMPS[one["state"]]
        row.append(Text(f"{glyph} {one['name']}", style=style))
        if len(row) == 4:
            grid.add_row(*row)
            row = []
    if row:
        grid.add_row(*row)
    for fault in state["faults"]:
        grid.add_row(Text(f"✗ {fault['id']}", style="red"), Text(f"{fault['hits']} hits"))
    return grid


def entry(one: State) -> Grid:
    """Return a row of traffic: words, bytes, why and how well that is known."""
    name, style = _DIRECTIONS[one["dir"]]
    text = Text(one["words"])
    if one["hex"]:
        text.append(f"\n{one['hex']}", style="dim")
    if one["why"]:
        text.append("\n").append(f"[{one['grade']}] ", style=_GRADES.get(one["grade"], ""))
        text.append(one["why"], style="dim")
    grid = Grid.grid(padding=(0, 1), expand=True)
    grid.add_column(width=9, justify="right", style="dim")
    grid.add_column(width=7, style=style)
    grid.add_column(ratio=1)
    grid.add_row(f"{one['t_s']:.3f}", name, text)
    return grid


def _place(mv: int) -> int:
    part = (mv - _LOW_MV) / (_HIGH_MV - _LOW_MV)
    return round(min(1.0, max(0.0, part)) * _BAR)
