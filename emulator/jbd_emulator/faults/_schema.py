"""JSON Schema of a fault's table, made from the table of kinds."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ._kinds import KINDS, WHERE, Field, Kind

Schema = dict[str, Any]
"""JSON Schema is JSON: what a key holds depends on the key."""


def fault_schema(rows: Iterable[Kind] = tuple(KINDS.values())) -> Schema:
    """Return the schema of one ``[[fault]]`` table; one branch per kind."""
    return {"type": "object", "required": ["kind"], "oneOf": [_kind(row) for row in rows]}


def field_schema(field: Field) -> Schema:
    """Return the schema of one field."""
    about: Schema = {"description": field.about + (f" ({field.unit})" if field.unit else "")}
    if field.default not in (None, "", b""):
        about["default"] = field.default
    if field.type == "choice":
        return about | {"enum": list(field.choices)}
    if field.type == "flag":
        return about | {"type": "boolean"}
    if field.type == "text":
        return about | {"type": "string", "maxLength": int(field.high)}
    if field.type == "bytes":
        # Spaces between bytes are allowed, as in a log.
        pairs = f"{{{int(field.low)},{int(field.high)}}}"
        return about | {"type": "string", "pattern": rf"^\s*([0-9A-Fa-f]{{2}}\s*){pairs}$"}
    kind = "number" if field.type == "number" else "integer"
    number = {"type": kind, "minimum": field.low, "maximum": field.high}
    if field.type == "register":
        return about | {"anyOf": [number, {"type": "string", "pattern": "^0[xX][0-9A-Fa-f]{1,2}$"}]}
    return about | number


def _kind(row: Kind) -> Schema:
    properties: Schema = {"kind": {"const": row.name}}
    properties |= {field.name: field_schema(field) for field in (*WHERE, *row.fields)}
    properties["direction"] |= {"enum": list(row.directions), "default": row.directions[0]}
    needed = [field.name for field in row.fields if field.needed]
    return {
        "title": row.name,
        "description": row.about,
        "properties": properties,
        "required": ["kind", *needed],
        "additionalProperties": False,
    }
