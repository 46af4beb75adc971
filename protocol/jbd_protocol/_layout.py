"""Payload layouts as data: a row says place, size, sign, scale and unit; two loops serve all.

:func:`unpack` turns bytes into quantities, :func:`pack` puts quantities back. Bits and bytes
that no row names are taken from the payload that is changed, so nothing unknown is lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum, auto
from typing import Final, NamedTuple, TypeAlias

from ._basic_info import bit_names, decode_date, encode_date
from ._errors import LocalError
from ._units import Quantity, Value


class Kind(Enum):
    """How the bytes of a field are read."""

    NUMBER = auto()
    HEX = auto()
    """A code or a bit field, shown as hexadecimal digits."""
    FLAG = auto()
    """One bit, shown as true or false."""
    DATE = auto()
    TEXT = auto()
    """The rest of the payload as characters."""
    SIZED_TEXT = auto()
    """A length byte, that many characters, and whatever stale bytes follow."""
    WORDS = auto()
    """The rest of the payload as 16-bit numbers."""
    BYTES = auto()


class Field(NamedTuple):
    """One value inside a payload.

    Attributes:
        name: key of the value, the field's short name.
        offset: first byte, counted from 0.
        size: bytes of the number; 0 for the kinds that take the rest.
        bits: ``(high, low)`` where the value is a part of the number.
        scale: wire counts times this are ``unit``.
        codes: where the number selects a level: the levels, in ``unit``, in code order.
        flags: names of the bits, bit 0 first; adds a value ``bits_set``.
    """

    name: str
    kind: Kind = Kind.NUMBER
    offset: int = 0
    size: int = 2
    signed: bool = False
    scale: int = 1
    unit: str = ""
    bits: tuple[int, int] | None = None
    codes: tuple[int, ...] = ()
    flags: tuple[str, ...] = ()


Layout: TypeAlias = "Sequence[Field]"
Values: TypeAlias = "dict[str, Quantity]"

_TAKES_REST: Final = (Kind.TEXT, Kind.SIZED_TEXT, Kind.WORDS, Kind.BYTES)


def unpack(layout: Layout, data: bytes) -> Values:
    """Return the values that ``data`` holds; fields it is too short for are left out."""
    values: Values = {}
    for field in layout:
        if field.kind in _TAKES_REST:
            _unpack_rest(field, data, values)
        elif len(data) >= field.offset + field.size:
            _unpack_number(field, _number(field, data), values)
    return values


def pack(layout: Layout, values: Mapping[str, Value], base: bytes = b"") -> bytes:
    """Return ``base`` with ``values`` put in; without a base, with zeros elsewhere.

    Raises:
        LocalError: an unknown name, or a value that its field cannot hold.
    """
    fields = {field.name: field for field in layout}
    # All of the layout: a board takes a setting whole, also where one half of it is named.
    data = bytearray(base or max((field.offset + field.size for field in layout), default=0))
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            raise LocalError(f"{name}: no such field; there is {', '.join(fields)}")
        if field.kind in _TAKES_REST:
            _pack_rest(field, value, data)
        else:
            _pack_number(field, value, data)
    return bytes(data)


def _number(field: Field, data: bytes) -> int:
    return int.from_bytes(data[field.offset : field.offset + field.size], "big")


def _unpack_number(field: Field, number: int, values: Values) -> None:
    if field.bits is not None:
        high, low = field.bits
        number = number >> low & (1 << high - low + 1) - 1
    if field.kind is Kind.FLAG:
        values[field.name] = Quantity(bool(number))
    elif field.kind is Kind.HEX:
        values[field.name] = Quantity(f"0x{number:0{2 * field.size}X}")
        if field.flags:
            values["bits_set"] = Quantity(bit_names(number, field.flags))
    elif field.kind is Kind.DATE:
        day = decode_date(number)
        values[field.name] = Quantity(day.isoformat() if day else f"0x{number:04X}")
    elif field.codes:
        # A code beyond the table is kept as such, in hexadecimal: as a number it would be taken
        # for the level of that value (code 8 for 8 ms).
        known = number < len(field.codes)
        values[field.name] = (
            Quantity(field.codes[number], field.unit) if known else Quantity(f"0x{number:X}")
        )
    else:
        if field.signed and number >= 1 << 8 * field.size - 1:
            number -= 1 << 8 * field.size
        values[field.name] = Quantity(number * field.scale, field.unit)


def _unpack_rest(field: Field, data: bytes, values: Values) -> None:
    rest = data[field.offset :]
    if field.kind is Kind.TEXT:
        values[field.name] = Quantity(rest.decode("latin-1"))
    elif field.kind is Kind.BYTES:
        values[field.name] = Quantity(rest)
    elif field.kind is Kind.SIZED_TEXT:
        length = rest[0] if rest else 0
        values["text_length"] = Quantity(length)
        values[field.name] = Quantity(rest[1 : 1 + length].decode("latin-1"))
        if rest[1 + length :]:
            values["stale_bytes_after_text"] = Quantity(rest[1 + length :])
    else:
        words = [
            int.from_bytes(rest[n : n + 2], "big", signed=field.signed) * field.scale
            for n in range(0, len(rest) - 1, 2)
        ]
        values[field.name] = Quantity(tuple(words), field.unit)
        if len(rest) % 2:
            values["trailing"] = Quantity(rest[-1:])


def _pack_number(field: Field, value: Value, data: bytearray) -> None:
    number = _to_number(field, value)
    width = 8 * field.size
    if field.bits is not None:
        high, low = field.bits
        if not 0 <= number < 1 << high - low + 1:
            raise LocalError(f"{field.name} {value!r}: must be 0 to {(1 << high - low + 1) - 1}")
        mask = (1 << high - low + 1) - 1 << low
        _grow(data, field.offset + field.size)
        number = _number(field, bytes(data)) & ~mask | number << low
    else:
        least = -(1 << width - 1) if field.signed else 0
        most = (1 << width - 1) - 1 if field.signed else (1 << width) - 1
        if not least <= number <= most:
            raise LocalError(
                f"{field.name} {value!r}: must be {least * field.scale} to {most * field.scale}"
                + (f" {field.unit}" if field.unit else "")
            )
        _grow(data, field.offset + field.size)
    number &= (1 << width) - 1
    data[field.offset : field.offset + field.size] = number.to_bytes(field.size, "big")


def _to_number(field: Field, value: Value) -> int:
    if isinstance(value, str) and (field.kind is Kind.HEX or field.codes):
        return _integer(field, value, 16)
    if field.kind is Kind.DATE and isinstance(value, str):
        return _date_number(field, value)
    if not isinstance(value, int):
        raise LocalError(f"{field.name} {value!r}: must be a whole number")
    if field.codes:
        if value not in field.codes:
            levels = ", ".join(map(str, field.codes))
            raise LocalError(f"{field.name} {value!r}: must be one of {levels} {field.unit}")
        return field.codes.index(value)
    number, rest = divmod(value, field.scale)
    if rest:
        raise LocalError(
            f"{field.name} {value!r}: must be a multiple of {field.scale} {field.unit}"
        )
    return number


def _date_number(field: Field, value: str) -> int:
    if value.startswith("0x"):
        return _integer(field, value, 16)
    try:
        return encode_date(date.fromisoformat(value))
    except ValueError as error:
        raise LocalError(f"{field.name} {value!r}: {error}") from None


def _integer(field: Field, value: str, base: int) -> int:
    try:
        return int(value, base)
    except ValueError:
        raise LocalError(f"{field.name} {value!r}: must be hexadecimal digits") from None


def _pack_rest(field: Field, value: Value, data: bytearray) -> None:
    if field.kind is Kind.WORDS:
        if not isinstance(value, tuple):
            raise LocalError(f"{field.name} {value!r}: must be a tuple of whole numbers")
        raw = b"".join(_word(field, item) for item in value)
    elif isinstance(value, bytes) and field.kind is Kind.BYTES:
        raw = value
    elif isinstance(value, str) and field.kind is not Kind.BYTES:
        raw = _text(field, value)
    else:
        raise LocalError(f"{field.name} {value!r}: must be text or bytes")
    _grow(data, field.offset)
    if field.kind is Kind.SIZED_TEXT:
        # What stood behind the old text stays, behind the new one.
        old = bytes(data[field.offset :])
        raw = bytes((len(raw),)) + raw + (old[1 + old[0] :] if old else b"")
    data[field.offset :] = raw


def _word(field: Field, item: object) -> bytes:
    least, most = (-0x8000, 0x7FFF) if field.signed else (0, 0xFFFF)
    if not isinstance(item, int) or item % field.scale or not least <= item // field.scale <= most:
        unit = f" {field.unit}" if field.unit else ""
        raise LocalError(
            f"{field.name} {item!r}: must be {least * field.scale} to {most * field.scale}{unit} "
            f"in steps of {field.scale}"
        )
    return (item // field.scale & 0xFFFF).to_bytes(2, "big")


def _text(field: Field, value: str) -> bytes:
    try:
        raw = value.encode("latin-1")
    except UnicodeEncodeError:
        raise LocalError(f"{field.name} {value!r}: must be Latin-1 characters") from None
    if len(raw) > 31:
        raise LocalError(f"{field.name} of {len(raw)} characters: must be 0 to 31")
    return raw


def _grow(data: bytearray, size: int) -> None:
    data.extend(bytes(max(0, size - len(data))))
