"""A snapshot as TOML: ``[[unit]]`` is its likeness for serve, ``[snapshot]`` the record."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, cast

from jbd_protocol import (
    PARAMETERS,
    SETTINGS,
    LocalError,
    PayloadError,
    decode_payload,
    parse_basic_info,
    register,
)

from ..records import Direction, Piece
from ._identity import BoardIdentity
from ._snapshot import Snapshot
from ._twin import unit_table

FORMAT: Final = 1
_SILENCE: Final = "silence"


def to_toml(snapshot: Snapshot) -> str:
    """Return the file."""
    return "\n".join(_lines(snapshot)) + "\n"


def _lines(snapshot: Snapshot) -> Iterator[str]:
    yield f"# {_one_line(snapshot.identity.describe())}"
    yield "# [[unit]] is for `jbd-emulator serve --config` and may be edited; [snapshot] is the"
    yield "# record, for `jbd-bench diff` and `jbd-bench restore`."
    yield ""
    yield from _unit(unit_table(snapshot))
    yield ""
    yield "[snapshot]"
    yield f"format = {FORMAT}"
    yield f"target = {quoted(snapshot.target)}"
    yield f"taken = {snapshot.taken.isoformat()}"
    yield f"notes = [{', '.join(map(quoted, snapshot.notes))}]"
    yield ""
    yield "[snapshot.identity]"
    for name, value in snapshot.identity.to_table().items():
        yield f"{name} = {quoted(value) if isinstance(value, str) else value}"
    yield from _raw("payloads", snapshot.payloads, _payload_name)
    yield from _raw("settings", snapshot.settings, _setting_values)
    yield from _raw("parameters", snapshot.parameters, _parameter_name, "{}")
    if snapshot.refused:
        yield ""
        yield "[snapshot.refused]"
        for address, status in snapshot.refused.items():
            said = _SILENCE if status is None else f"0x{status:02X}"
            yield f'"0x{address:02X}" = "{said}"{_register_name(address)}'
    yield ""
    yield "[snapshot.traffic]"
    yield "# seconds since the first piece, > to the board, < from it"
    yield "frames = ["
    for piece in snapshot.frames:
        text = piece.data.hex(" ").upper() or piece.note
        yield f"  {quoted(f'{piece.t_s:.6f} {piece.direction} {text}')},"
    yield "]"


def _unit(table: Mapping[str, object]) -> Iterator[str]:
    yield "[[unit]]"
    for key, value in table.items():
        if not isinstance(value, Mapping):
            yield f"{key} = {_value(value)}"
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield ""
            yield f"[unit.{key}]"
            yield from (f"{_key(name)} = {_value(item)}" for name, item in value.items())


def _key(name: str) -> str:
    return name if name.replace("_", "").isalpha() else f'"{name}"'


def _value(value: object) -> str:
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _raw(
    name: str,
    rows: Mapping[int, bytes],
    comment: Callable[[int, bytes], str],
    key: str = "0x{:02X}",
) -> Iterator[str]:
    if rows:
        yield ""
        yield f"[snapshot.{name}]"
    for number, data in rows.items():
        yield f'"{key.format(number)}" = "{data.hex(" ").upper()}"{comment(number, data)}'


def _register_name(address: int) -> str:
    row = register(address)
    return f"  # {row.title}" if row is not None else ""


def _payload_name(address: int, _: bytes) -> str:
    return _register_name(address)


def _setting_values(address: int, raw: bytes) -> str:
    row = SETTINGS.get(address)
    if row is None:
        return ""
    try:
        values = decode_payload(address, raw).values()
    except PayloadError:
        return f"  # {row.title}"
    shown = ", ".join(
        str(value) if name == row.name else f"{name} {value}"
        for name, value in values.items()
        if name not in ("text_length", "stale_bytes_after_text")
    )
    return f"  # {_one_line(f'{row.title}: {shown}')}"


def _parameter_name(number: int, _: bytes) -> str:
    row = PARAMETERS.get(number)
    return f"  # {row.name}" if row is not None else ""


def quoted(text: str) -> str:
    """Return a text as TOML's basic string."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(_escape(c) for c in escaped) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code < 0x20 or 0x7F <= code <= 0x9F else character


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def from_toml(text: str) -> Snapshot:
    """Return what :func:`to_toml` gave.

    Raises:
        LocalError: it is not that; the message names the field.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LocalError(f"snapshot: {error}") from None
    try:
        return _read(_table(document, "snapshot"))
    except (ValueError, PayloadError) as error:
        raise LocalError(f"snapshot: {error}") from None


def _read(table: Mapping[str, object]) -> Snapshot:
    if table.get("format") != FORMAT:
        raise ValueError(f"format {table.get('format')!r}: must be {FORMAT}")
    taken = table.get("taken")
    if not isinstance(taken, datetime) or taken.tzinfo is None:
        raise ValueError(f"taken {taken!r}: must be a date with time and zone")
    payloads = _bytes_by_number(table, "payloads")
    if 0x03 not in payloads:
        raise ValueError("payloads: 0x03 is missing")
    parse_basic_info(payloads[0x03])
    return Snapshot(
        target=_text(table, "target"),
        taken=taken,
        identity=BoardIdentity.from_table(_table(table, "identity")),
        payloads=payloads,
        settings=_bytes_by_number(table, "settings"),
        parameters=_bytes_by_number(table, "parameters"),
        refused=MappingProxyType(
            {
                _number("refused", key, 0xFF): _status(key, value)
                for key, value in _table(table, "refused", {}).items()
            }
        ),
        notes=tuple(_texts(table, "notes")),
        frames=tuple(
            _piece(n, line) for n, line in enumerate(_texts(_table(table, "traffic"), "frames"), 1)
        ),
    )


def _table(
    table: Mapping[str, object], key: str, missing: Mapping[str, object] | None = None
) -> Mapping[str, object]:
    value = table.get(key, missing)
    if not isinstance(value, Mapping):
        raise ValueError(f"[{key}]: missing, or not a table")
    return cast("Mapping[str, object]", value)


def _text(table: Mapping[str, object], key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str):
        raise ValueError(f"{key} {value!r}: must be text")
    return value


def _texts(table: Mapping[str, object], key: str) -> list[str]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError(f"{key}: must be a list of texts")
    return value


def _bytes_by_number(table: Mapping[str, object], key: str) -> Mapping[int, bytes]:
    rows: dict[int, bytes] = {}
    most = 0xFFFF if key == "parameters" else 0xFF
    for name, value in _table(table, key, {}).items():
        try:
            rows[_number(key, name, most)] = bytes.fromhex(str(value))
        except ValueError:
            raise ValueError(f"{key} {name} = {value!r}: must be bytes in hexadecimal") from None
    odd = [n for n, raw in rows.items() if len(raw) != 2] if key == "parameters" else []
    if odd:
        raise ValueError(f"parameters {odd[0]}: must be 2 bytes")
    return MappingProxyType(rows)


def _number(key: str, name: str, most: int) -> int:
    try:
        number = int(name, 0)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise ValueError(f"{key} {name!r}: must be a number, 0 to {most}")
    return number


def _status(key: str, value: object) -> int | None:
    return None if value == _SILENCE else _number(f"refused {key}", str(value), 0xFF)


def _piece(number: int, line: str) -> Piece:
    time, _, rest = line.partition(" ")
    sign, _, data = rest.partition(" ")
    try:
        direction = Direction(sign)
        if direction is Direction.MARK:
            return Piece(float(time), direction, b"", data)
        return Piece(float(time), direction, bytes.fromhex(data))
    except ValueError:
        raise ValueError(
            f"frames {number}, {line!r}: must be seconds, > or < or #, bytes in hexadecimal"
        ) from None
