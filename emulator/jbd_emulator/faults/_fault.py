"""A fault as a value: what, where and how often, checked when it is made."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from .._config import ConfigError
from ._kinds import KINDS, WHERE, Field, Kind, Value


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, with coordinates.

    ``kind`` is a row of ``KINDS``, which says what the fields mean, their units, limits and
    defaults; a field that the kind does not have is refused. Fields that are left out hold their
    defaults afterwards.

    >>> Fault("split", register=0x03, byte=20, times=3).gap_s
    0.06

    Raises:
        ConfigError: one line that names kind, field and limit.
    """

    kind: str
    id: str = ""
    direction: str = ""
    end: str = "board"
    register: int | None = None
    access: str = "any"
    nth: int = 1
    every: int = 1
    times: int | None = None
    p: float = 1.0
    heals_after_s: float | None = None
    byte: int | None = None
    count: int | None = None
    mask: int | None = None
    data: bytes | None = None
    copies: int | None = None
    gap_s: float | None = None
    delay_s: float | None = None
    jitter_s: float | None = None
    timeout_s: float | None = None
    margin_s: float | None = None
    size: int | None = None
    frames: int | None = None
    hold_s: float | None = None
    value: int | None = None
    by: int | None = None
    for_s: float | None = None
    reason: int | None = None
    down_s: float | None = None
    status: int | None = None
    carried_out: bool | None = None
    settings: int | None = None
    half: bool | None = None
    ntc: int | None = None
    state: str | None = None
    fet: str | None = None
    counter: str | None = None

    def __post_init__(self) -> None:
        row = KINDS.get(self.kind)
        if row is None:
            raise ConfigError(f"fault kind {self.kind!r}: unknown; there is {', '.join(KINDS)}")
        taken = {field.name: field for field in (*WHERE, *row.fields)}
        for name in _NAMES:
            given: Value | None = getattr(self, name)
            field = taken.get(name)
            if field is None:
                if given is not None:
                    raise ConfigError(
                        f"fault {self.kind} {name}: not a field of this kind; there is "
                        + ", ".join(taken)
                    )
                continue
            object.__setattr__(self, name, self._checked(row, field, given))

    @property
    def row(self) -> Kind:
        """The kind's row."""
        return KINDS[self.kind]

    def as_table(self) -> dict[str, object]:
        """Return what :func:`fault_from_table` makes an equal fault of, as JSON and TOML take it.

        Bytes are hexadecimal text; what holds its default is left out.
        """
        table: dict[str, object] = {"kind": self.kind}
        for field in (*WHERE, *self.row.fields):
            value = getattr(self, field.name)
            if value is None or value == _default(self.row, field):
                continue
            table[field.name] = value.hex() if isinstance(value, bytes) else value
        return table

    def __str__(self) -> str:
        """What it is, in the words of its table."""
        rest = self.as_table()
        kind = rest.pop("kind")
        shown = (
            f"{key}=0x{value:02X}" if key == "register" else f"{key}={value}"
            for key, value in rest.items()
            if key != "id"
        )
        return " ".join((str(kind), *shown))

    def _checked(self, row: Kind, field: Field, given: Value | None) -> Value | None:
        where = f"fault {row.name} {field.name}"
        if given is None or (field.name == "direction" and not given):
            if field.needed:
                raise ConfigError(f"{where}: missing")
            return _default(row, field)
        if field.name == "direction" and given not in row.directions:
            raise ConfigError(f"{where} {given!r}: must be {' or '.join(row.directions)}")
        return _check(where, field, given)


_NAMES: Final = tuple(field.name for field in fields(Fault) if field.name != "kind")


def fault_from_table(table: Mapping[str, object]) -> Fault:
    """Return the fault that a TOML table, or a JSON object, describes.

    Keys are the fields of :class:`Fault`. A register may be text such as ``"0x03"``, bytes are
    text of hexadecimal digits.

    Raises:
        ConfigError: one line that names kind, field and limit.
    """
    if not isinstance(table, Mapping):
        raise ConfigError(f"fault {table!r}: is not a table")
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"fault kind {kind!r}: unknown; there is {', '.join(KINDS)}")
    known = {field.name: field for field in (*WHERE, *KINDS[kind].fields)}
    values: dict[str, object] = {}
    for key, value in table.items():
        if key == "kind":
            continue
        field = known.get(key)
        if field is None:
            raise ConfigError(
                f"fault {kind} {key}: not a field of this kind; there is {', '.join(known)}"
            )
        values[key] = _from_outside(f"fault {kind} {key}", field, value)
    return Fault(kind, **values)  # type: ignore[arg-type]  # checked field by field when made


def _default(row: Kind, field: Field) -> Value | None:
    return row.directions[0] if field.name == "direction" else field.default


def _from_outside(where: str, field: Field, value: object) -> object:
    """Return text turned into what it stands for where the field allows text."""
    if value is None:
        # JSON's null; a field that is not given.
        return None
    try:
        if field.type == "bytes" and isinstance(value, str):
            return bytes.fromhex(value)
        if field.type == "register" and isinstance(value, str):
            return int(value, 0)
    except ValueError:
        what = "hexadecimal digits" if field.type == "bytes" else "a register such as 0x03"
        raise ConfigError(f"{where} {value!r}: must be {what}") from None
    return value


def _check(where: str, field: Field, value: Value) -> Value:
    """Refuse what the field cannot hold."""
    limits = f"{field.low:g} to {field.high:g}"
    if field.type == "flag":
        if not isinstance(value, bool):
            raise ConfigError(f"{where} {value!r}: must be true or false")
    elif field.type == "choice":
        if value not in field.choices:
            raise ConfigError(f"{where} {value!r}: must be one of {', '.join(field.choices)}")
    elif field.type == "bytes":
        if not isinstance(value, bytes) or not field.low <= len(value) <= field.high:
            raise ConfigError(f"{where} {value!r}: must be {limits} bytes")
    elif field.type == "text":
        if not isinstance(value, str) or len(value) > field.high or not value.isprintable():
            raise ConfigError(f"{where} {value!r}: must be text, at most {field.high:g} characters")
    elif field.type == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{where} {value!r}: must be a number, {limits}")
        if not (math.isfinite(value) and field.low <= value <= field.high):
            raise ConfigError(f"{where} {value!r}: must be {limits} {field.unit}".rstrip())
        return float(value)
    elif isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{where} {value!r}: must be a whole number, {limits}")
    elif not field.low <= value <= field.high:
        raise ConfigError(f"{where} {value!r}: must be {limits} {field.unit}".rstrip())
    return value


assert {field.name for row in KINDS.values() for field in (*WHERE, *row.fields)} == set(_NAMES)
