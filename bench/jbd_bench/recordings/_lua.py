"""The tables of the Wireshark dissector, made from the register table.

``python -m jbd_bench.recordings._lua`` writes them into ``jbd.lua``; a test fails where the two
differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from jbd_protocol import (
    COMMANDS,
    PROTECTION_NAMES,
    SETTINGS,
    Field,
    Kind,
    ModuleCommand,
    Register,
    Status,
    register,
    status_name,
)

SCRIPT: Final = Path(__file__).with_name("jbd.lua")
BEGIN: Final = "-- BEGIN generated from jbd_protocol\n"
END: Final = "-- END generated from jbd_protocol\n"
_REST: Final = (Kind.TEXT, Kind.SIZED_TEXT, Kind.WORDS, Kind.BYTES)


def lua_tables() -> str:
    """Return the generated part of the script, with its two marks."""
    addresses = sorted({row.address for row in (*COMMANDS, *SETTINGS.values())})
    read = {a: row for a in addresses if (row := register(a)) is not None}
    written = {a: row for a in addresses if (row := register(a, write=True)) is not None}
    lines = [
        *_table("READ", (_row(row, row.layout) for row in read.values())),
        *_table("WRITTEN", (_row(row, row.request) for row in written.values())),
        *_table("STATUS", (f"[{int(s)}] = {_text(status_name(s))}" for s in Status)),
        *_table("MODULE", (f"[{int(c)}] = {_text(c.name.lower())}" for c in ModuleCommand)),
        *_table("PROTECTION", map(_text, PROTECTION_NAMES)),
    ]
    return BEGIN + "\n".join(lines) + "\n" + END


def write_tables(path: Path = SCRIPT) -> None:
    """Put the tables into the script; raises OSError where it cannot be written."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition(BEGIN)
    path.write_text(head + lua_tables() + rest.partition(END)[2], encoding="utf-8")


def _table(name: str, rows: Iterable[str]) -> Iterator[str]:
    yield f"local {name} = {{"
    for row in rows:
        yield f"  {row},"
    yield "}"


def _row(row: Register, layout: Iterable[Field]) -> str:
    fields = ", ".join(map(_field, layout))
    return (
        f"[0x{row.address:02X}] = {{ name = {_text(row.name)}, title = {_text(row.title)}, "
        f"fields = {{ {fields} }} }}"
    )


def _field(field: Field) -> str:
    parts = [f"name = {_text(field.name)}", f"kind = {_text(field.kind.name)}"]
    parts.append(f"offset = {field.offset}")
    if field.kind not in _REST:
        parts.append(f"size = {field.size}")
    if field.signed:
        parts.append("signed = true")
    if field.scale != 1:
        parts.append(f"scale = {field.scale}")
    if field.unit:
        parts.append(f"unit = {_text(field.unit)}")
    if field.bits is not None:
        parts.append(f"high = {field.bits[0]}, low = {field.bits[1]}")
    if field.codes:
        parts.append("codes = { " + ", ".join(map(str, field.codes)) + " }")
    if field.flags:
        parts.append("flags = { " + ", ".join(map(_text, field.flags)) + " }")
    return "{ " + ", ".join(parts) + " }"


def _text(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


if __name__ == "__main__":
    write_tables()
