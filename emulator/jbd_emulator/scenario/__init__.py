"""Scenarios: a unit, its pack, what is connected, and what happens to them over time.

A scenario is a TOML file or the same tables from Python. The unit on the wire lives through it,
in real time behind ``serve`` or in stepped time in a test; both run the same ticks.
"""

from ._actions import ACTIONS, Action, Stage
from ._gallery import load_scenario, scenario_names, scenario_text
from ._scenario import Event, Scenario, TerminalRow, parse_scenario, scenario_from_table
from ._schema import SCHEMA_FILE, scenario_schema
from ._story import Story
from ._times import seconds
from ._triggers import DEEDS, Deed, Trigger

__all__ = [
    "ACTIONS",
    "DEEDS",
    "SCHEMA_FILE",
    "Action",
    "Deed",
    "Event",
    "Scenario",
    "Stage",
    "Story",
    "TerminalRow",
    "Trigger",
    "load_scenario",
    "parse_scenario",
    "scenario_from_table",
    "scenario_names",
    "scenario_schema",
    "scenario_text",
    "seconds",
]
