"""``jbd-emulator scenarios``: what a unit can live through."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap

from ..scenario import ACTIONS, DEEDS, Scenario, load_scenario, scenario_names, scenario_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``scenarios``."""
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="print this one's TOML, to start your own from"
    )
    parser.add_argument("--actions", action="store_true", help="list what an event may do instead")
    parser.add_argument("--triggers", action="store_true", help="list what an event may wait for")
    parser.add_argument("--schema", action="store_true",
                        help="print the JSON Schema of a scenario, for editors")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="a list of objects")


def run(args: argparse.Namespace) -> int:
    """List the gallery or the actions, or print one scenario; return 0."""
    if args.schema:
        from ..scenario import scenario_schema

        sys.stdout.write(json.dumps(scenario_schema(), indent=1) + "\n")
        return 0
    if args.triggers:
        return _triggers(as_json=args.json)
    if args.actions:
        return _actions(as_json=args.json)
    if args.name is not None and not args.json:
        sys.stdout.write(scenario_text(args.name))
        return 0
    names = scenario_names() if args.name is None else (args.name,)
    rows = [_row(load_scenario(name)) for name in names]
    if args.json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    width = 2 + max(len(str(row["name"])) for row in rows)
    for row in rows:
        sys.stdout.write(f"{row['name']:<{width}}{row['title']}\n")
    sys.stdout.write(
        "\njbd-emulator serve --scenario NAME lives through one, jbd-emulator scenarios NAME prints"
        "\nits TOML, jbd-emulator scenarios --actions lists what an event may do.\n"
    )
    return 0


def _row(scenario: Scenario) -> dict[str, object]:
    return {
        "name": scenario.name,
        "title": scenario.title,
        "about": " ".join(scenario.about.split()),
        "board": scenario.config().board,
        "lasts_s": scenario.lasts_s,
        "events": len(scenario.events),
    }


def _triggers(*, as_json: bool) -> int:
    rows = {name: f"the client {row.about}" for name, row in DEEDS.items()}
    if as_json:
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    for name, about in rows.items():
        sys.stdout.write(f"{name:<17}{about}\n")
    return 0


def _actions(*, as_json: bool) -> int:
    if as_json:
        rows = [
            {"do": do, "about": row.about, "needed": row.needed, "optional": row.optional}
            for do, row in ACTIONS.items()
        ]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
        return 0
    for do, row in ACTIONS.items():
        optional = () if do == "fault" else row.optional
        fields = ", ".join((*row.needed, *(f"[{name}]" for name in optional)))
        lines = textwrap.wrap(row.about + (f": {fields}" if fields else ""), 80)
        sys.stdout.write(f"{do:<17}" + f"\n{'':<17}".join(lines) + "\n")
    return 0
