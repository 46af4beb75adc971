"""JSON Schema of a scenario file, made from the tables that check one; editors read it."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

from jbd_protocol import FUNCTION_FLAGS, SETTINGS

from .._config import LIKENESS_KEYS, UnitConfig
from ..faults._kinds import KINDS, WHERE
from ..faults._schema import Schema, fault_schema
from ..plant._tables import TERMINAL_KINDS
from ..profiles import BOARDS, FIRMWARE
from ._actions import ACTIONS
from ._triggers import DEEDS

SCHEMA_FILE: Final = "scenario.schema.json"
"""Its name among the scenarios of the package."""
_TIME: Final[Schema] = {
    "description": "seconds, or a text such as 90 s, 15 min, 2 h or 1.5 d",
    "anyOf": [
        {"type": "number", "minimum": 0, "maximum": 1e9},
        {"type": "string", "pattern": r"^\s*[0-9]+(\.[0-9]*)?\s*(s|min|h|d)\s*$"},
    ],
}
_NUMBER: Final[Schema] = {"type": "number"}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 1}
_TEXT: Final[Schema] = {"type": "string"}
_REGISTER_TEXT: Final[Schema] = {"type": "string", "pattern": "^0[xX][0-9A-Fa-f]{1,2}$"}
_FLAG: Final[Schema] = {"type": "boolean"}
_OF_FIELD: Final[dict[str, Schema]] = {
    "cell": _WHOLE, "ntc": _WHOLE, "terminal": _TEXT, "id": _TEXT, "digits": _TEXT,
    "closed": _FLAG, "up": _FLAG, "end": {"enum": ["board", "client"]},
    "state": {"enum": ["ok", "open", "short"]}, "settings": {"$ref": "#/$defs/settings"},
    "version": {"anyOf": [{"type": "integer"}, _TEXT]},
}  # fmt: skip
"""Fields of actions that are no number."""
_OF_UNIT: Final[dict[str, Schema]] = {
    "firmware": {"anyOf": [{"enum": [f"0x{version:02X}" for version in FIRMWARE]}, _TEXT,
                           {"type": "integer"}]},
    "board": {"enum": list(BOARDS)},
    "sleep": _FLAG,
    "pin": {"type": "string", "pattern": "^[0-9]{6}$"},
    "seed": {"type": "integer"},
    "speed": {"type": "integer", "minimum": 1, "maximum": 10_000},
}  # fmt: skip
_NOT_IN_A_SCENARIO: Final = ("answers", "faults", "scenario", "likeness", "state")


def scenario_schema() -> Schema:
    """Return the schema of a scenario file."""
    unit = {
        field.name: _OF_UNIT.get(field.name, {"type": ["number", "string"]})
        for field in fields(UnitConfig)
        if field.name not in _NOT_IN_A_SCENARIO
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "jbd-emulator scenario",
        "type": "object",
        "properties": {
            "title": {"type": "string", "description": "one sentence"},
            "about": {"type": "string", "description": "the story"},
            "lasts": _TIME,
            **unit,
            **{
                key: {"description": "of one board that the unit is made like"}
                for key in sorted(LIKENESS_KEYS - {"pack", "settings"})
            },
            "pack": {"type": "object", "description": "the pack at the start"},
            "settings": {"$ref": "#/$defs/settings"},
            "terminal": {"type": "array", "items": {"$ref": "#/$defs/terminal"}},
            "fault": {"type": "array", "items": {"$ref": "#/$defs/fault"}},
            "event": {"type": "array", "items": {"$ref": "#/$defs/event"}},
        },
        "patternProperties": {"^answer_[0-9A-Fa-f]{2}$": _TEXT},
        "additionalProperties": False,
        "$defs": {
            "settings": _settings(),
            "terminal": _terminal(),
            "fault": fault_schema(),
            "trigger": _trigger(),
            "event": {"oneOf": [_event(do) for do in ACTIONS]},
        },
    }


def _settings() -> Schema:
    names = {field.name for row in SETTINGS.values() for field in row.layout}
    value = {"type": ["number", "string", "boolean"]}
    return {
        "type": "object",
        "description": "by field name, in the field's unit",
        "properties": dict.fromkeys(sorted(names), value)
        | {name: _FLAG for name in FUNCTION_FLAGS if name},
        "additionalProperties": False,
    }


def _terminal() -> Schema:
    return {
        "type": "object",
        "required": ["kind"],
        "properties": {
            "name": {"type": "string", "description": "what events call it"},
            "connected": {"type": "boolean", "default": True},
            "file": {"type": "string", "description": "of a csv terminal, beside the scenario"},
            "kind": {"enum": list(TERMINAL_KINDS)},
        },
    }


def _trigger() -> Schema:
    table = {
        "type": "object",
        "properties": {
            "client": {"enum": list(DEEDS)},
            "register": {
                "anyOf": [{"type": "integer", "minimum": 0, "maximum": 0xFF}, _REGISTER_TEXT]
            },
            "nth": {"type": "integer", "minimum": 1, "maximum": 1_000_000, "default": 1},
        },
        "required": ["client"],
        "additionalProperties": False,
    }
    about = "; ".join(f"{name}: {row.about}" for name, row in DEEDS.items())
    return {"description": f"what a client does. {about}", "anyOf": [{"enum": list(DEEDS)}, table]}


def _event(do: str) -> Schema:
    row = ACTIONS[do]
    # Any: the properties of a schema are schemas.
    own: dict[str, Any] = {
        name: _OF_FIELD.get(name, _NUMBER) for name in (*row.needed, *row.optional)
    }
    if do == "fault":
        # Which fields go with which kind is told by the check; an editor offers them all.
        own = {field.name: True for kind in KINDS.values() for field in (*WHERE, *kind.fields)}
        own["kind"] = {"enum": list(KINDS)}
    trigger = {"$ref": "#/$defs/trigger"}
    always = {
        "at": _TIME,
        "when": trigger,
        "after": _TIME,
        "note": _TEXT,
        "do": {"const": do, "description": row.about},
    }
    if row.undo is not None:
        always |= {"until": {"anyOf": [_TIME, trigger]}, "for": _TIME}
    return {
        "type": "object",
        "title": do,
        "properties": always | own,
        "required": ["do", *row.needed],
        "anyOf": [{"required": ["at"]}, {"required": ["when"]}],
        "additionalProperties": False,
    }
