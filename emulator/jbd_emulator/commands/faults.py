"""``jbd-emulator faults``: what can go wrong, and the fields of each."""

from __future__ import annotations

import argparse
import json
import sys
import textwrap
from dataclasses import asdict

from .._config import ConfigError
from ..faults import KINDS, WHERE, Field, Kind


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``faults``."""
    parser.add_argument("kind", nargs="?", metavar="KIND", help="show this one with its fields")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="the table as one object")
    shape.add_argument("--markdown", action="store_true", help="the tables of docs/faults.md")
    shape.add_argument("--schema", action="store_true", help="JSON Schema of a [[fault]] table")


def run(args: argparse.Namespace) -> int:
    """List the kinds, or show one; return 0."""
    if args.kind is not None and args.kind not in KINDS:
        raise ConfigError(f"fault kind {args.kind!r}: unknown; there is {', '.join(KINDS)}")
    rows = [KINDS[args.kind]] if args.kind else list(KINDS.values())
    if args.schema:
        from ..faults._schema import fault_schema

        text = json.dumps(fault_schema(rows), indent=1)
    elif args.json:
        table = {"where": [asdict(one) for one in WHERE], "kinds": [asdict(row) for row in rows]}
        text = json.dumps(table, indent=1, default=bytes.hex)
    elif args.markdown:
        text = as_markdown(rows)
    else:
        text = _as_text(rows, with_fields=args.kind is not None)
    sys.stdout.write(text + "\n")
    return 0


def as_markdown(rows: list[Kind]) -> str:
    """Return the coordinates and the kinds as two tables."""
    lines = ["| where | what it says | limits | default |", "|---|---|---|---|"]
    lines += [f"| `{one.name}` | {one.about} | {limits(one)} | {_default(one)} |" for one in WHERE]
    lines += ["", "| kind | what happens | direction | fields |", "|---|---|---|---|"]
    for row in rows:
        fields = "; ".join(f"`{one.name}` {_short(one)}" for one in row.fields)
        lines.append(f"| `{row.name}` | {row.about} | {', '.join(row.directions)} | {fields} |")
    return "\n".join(lines)


def limits(field: Field) -> str:
    """Return what a field holds, in words."""
    if field.type == "choice":
        return ", ".join(field.choices)
    if field.type == "flag":
        return "true, false"
    if field.type == "text":
        return f"text, at most {field.high:g} characters"
    if field.type == "register":
        return f"0x{int(field.low):02X} to 0x{int(field.high):02X}"
    if field.type == "bytes":
        return f"{field.low:g} to {field.high:g} bytes, hexadecimal"
    return f"{field.low:g} to {field.high:g} {field.unit}".rstrip()


def _default(field: Field) -> str:
    if field.default is None:
        return "required" if field.needed else ""
    if isinstance(field.default, bytes):
        return field.default.hex() or "empty"
    return str(field.default) or "empty"


def _short(field: Field) -> str:
    default = _default(field)
    return f"{field.about} ({limits(field)}{', default ' + default if default else ''})"


def _as_text(rows: list[Kind], *, with_fields: bool) -> str:
    lines = []
    for row in rows:
        about = textwrap.wrap(f"{row.about} ({', '.join(row.directions)})", 78)
        lines.append(f"{row.name:<18}" + f"\n{'':<18}".join(about))
    if with_fields:
        lines += ["", "fields of its own:"]
        lines += [_field(one) for one in rows[0].fields] or ["  none"]
        lines += ["where and how often:"]
        lines += [_field(one) for one in WHERE]
    else:
        lines += [
            "",
            "jbd-emulator faults KIND shows the fields of one; docs/faults.md has examples.",
        ]
    return "\n".join(lines)


def _field(field: Field) -> str:
    return f"  {field.name:<16}" + f"\n{'':<18}".join(textwrap.wrap(_short(field), 78))
