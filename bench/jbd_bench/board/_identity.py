"""Which board this is, as far as reading tells, and in which words two differ."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Final

from jbd_protocol import (
    LAST_PARAMETER,
    SETTINGS,
    BasicInfo,
    ReadRequest,
    decode_date,
    parse_basic_info,
    parse_parameter_block,
    read_parameters,
)

from .._client import BmsClient

PATIENCE_S: Final = 0.6
"""How long an answer that need not come is waited for, in seconds; captured answers of awake boards
come within 0.12 s."""
_NUMBERS: Final = ((6, 1), (56, 48), (158, 26))
"""First parameter and count of words: serial number; the three texts; model, id, hardware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardIdentity:
    """What tells one board from another; None where the board did not say.

    Nearly all of it is a setting and can be rewritten: :data:`SETTINGS_OF` says which. What no
    setting holds is the version, the counter length and the tail, and they tell firmwares apart
    and not two boards of one delivery.

    Attributes:
        version: firmware version byte of 0x03.
        name: 0x05, the battery model.
        cells: series count.
        ntcs: temperature probes.
        tail_bytes: bytes of 0x03 behind the temperatures: 0, 9 or more.
        cell_bytes: length of 0x04.
        counter_bytes: length of 0xAA, 22 or 24.
        date_code: manufacture date, packed as in 0x03.
        nominal_mah: nominal capacity, mAh.
        serial_num: 0x16, or parameter 6.
        manufacturer: 0xA0.
        device_name: 0xA1.
        barcode: 0xA2.
        unique_id: parameters 170..175, hexadecimal; boards that serve 0xFA alone.
        hardware: parameters 176..183, likewise.
    """

    version: int
    name: str | None
    cells: int
    ntcs: int
    tail_bytes: int
    cell_bytes: int | None
    counter_bytes: int | None
    date_code: int
    nominal_mah: int
    serial_num: int | None = None
    manufacturer: str | None = None
    device_name: str | None = None
    barcode: str | None = None
    unique_id: str | None = None
    hardware: str | None = None

    @property
    def basic_info_bytes(self) -> int:
        """Length of 0x03."""
        return 23 + 2 * self.ntcs + self.tail_bytes

    @property
    def version_text(self) -> str:
        """``2.1`` for 0x21."""
        return f"{self.version >> 4}.{self.version & 0xF}"

    def differences(self, other: BoardIdentity, *, written: Collection[int] = ()) -> list[str]:
        """Return in words where ``other`` is not this board; empty where nothing speaks against.

        A field that either did not tell is not compared.

        Args:
            other: the board on the port.
            written: settings that were written since, by address: what they hold is not compared.
        """
        return [
            f"{TITLES[field.name]} {shown(field.name, theirs)}, not {shown(field.name, ours)}"
            for field in fields(self)
            if (ours := getattr(self, field.name)) is not None
            and (theirs := getattr(other, field.name)) is not None
            and ours != theirs
            and not set(SETTINGS_OF.get(field.name, ())) & set(written)
        ]

    def describe(self) -> str:
        """Return one line that names the board to a person."""
        made = decode_date(self.date_code)
        parts = [
            self.name or "(no name)",
            f"firmware {self.version_text}",
            f"{self.cells} cells",
            f"{self.nominal_mah / 1000:g} Ah",
            f"made {made}" if made else "",
            f"serial {self.serial_num}" if self.serial_num is not None else "",
            f"bar code {self.barcode}" if self.barcode else "",
        ]
        return ", ".join(part for part in parts if part)

    def to_table(self) -> dict[str, int | str]:
        """Return every field that is known, as TOML and JSON take it."""
        return {
            field.name: value
            for field in fields(self)
            if (value := getattr(self, field.name)) is not None
        }

    @classmethod
    def from_table(cls, table: Mapping[str, object]) -> BoardIdentity:
        """Return what :meth:`to_table` gave.

        Raises:
            ValueError: a field is missing, unknown or of another type; it is named.
        """
        values: dict[str, object] = {}
        for field in fields(cls):
            kind = str if "str" in str(field.type) else int
            value = table.get(field.name)
            optional = "None" in str(field.type)
            if (value is None and not optional) or (
                value is not None and (not isinstance(value, kind) or isinstance(value, bool))
            ):
                raise ValueError(f"{field.name} {value!r}: must be {_KINDS[kind]}")
            values[field.name] = value
        if unknown := sorted(set(table) - set(values)):
            raise ValueError(f"{unknown[0]}: unknown field")
        return cls(**values)  # type: ignore[arg-type]  # each was checked against its own type


SETTINGS_OF: Final[Mapping[str, tuple[int, ...]]] = MappingProxyType(
    {
        "cells": (0x2F,),
        "cell_bytes": (0x2F,),
        "ntcs": (0x2E,),
        "date_code": (0x15,),
        "nominal_mah": (0x10, 0x2D),
        "serial_num": (0x16,),
        "manufacturer": (0xA0,),
        "device_name": (0xA1,),
        "barcode": (0xA2,),
    }
)
"""The settings a field comes from, by address; writing one changes the field."""

_KINDS: Final = {int: "a whole number", str: "text"}
TITLES: Final = {
    "version": "firmware version",
    "name": "board name",
    "cells": "series count",
    "ntcs": "NTC count",
    "tail_bytes": "bytes of 03 behind the NTCs",
    "cell_bytes": "bytes of 04",
    "counter_bytes": "bytes of AA",
    "date_code": "manufacture date",
    "nominal_mah": "nominal capacity",
    "serial_num": "serial number",
    "manufacturer": "manufacturer name",
    "device_name": "device name",
    "barcode": "bar code",
    "unique_id": "unique id",
    "hardware": "hardware name",
}


def read_identity(client: BmsClient) -> BoardIdentity:
    """Return which board this is; reads and never writes.

    Raises:
        ReplyTimeout, RequestRefused, PayloadError: not even register 0x03 is served.
        LinkError: the link is gone.
    """
    payload = client.read(0x03)
    info = parse_basic_info(payload)
    name = _optional(client, ReadRequest(0x05))
    cells = _optional(client, ReadRequest(0x04))
    counters = _optional(client, ReadRequest(0xAA))
    return identity_of(
        info, name=name, cells=cells, counters=counters, words=_identifying_words(client)
    )


def identity_of(
    info: BasicInfo,
    *,
    name: bytes | None,
    cells: bytes | None,
    counters: bytes | None,
    words: Mapping[int, bytes],
    settings: Mapping[int, bytes] = MappingProxyType({}),
) -> BoardIdentity:
    """Return the identity that payloads, settings by address and parameter words by number tell."""
    serial = settings.get(0x16) or words.get(6)
    return BoardIdentity(
        version=info.version,
        name=None if name is None else name.decode("latin-1"),
        cells=info.cells,
        ntcs=len(info.ntc_dk),
        tail_bytes=len(info.to_payload()) - 23 - 2 * len(info.ntc_dk),
        cell_bytes=None if cells is None else len(cells),
        counter_bytes=None if counters is None else len(counters),
        date_code=info.date_code,
        nominal_mah=info.nominal_mah,
        serial_num=None if serial is None else int.from_bytes(serial, "big"),
        manufacturer=_sized_text(settings.get(0xA0) or _block(words, 56, 16)),
        device_name=_sized_text(settings.get(0xA1) or _block(words, 72, 16)),
        barcode=_sized_text(settings.get(0xA2) or _block(words, 88, 16)),
        unique_id=None if (raw := _block(words, 170, 6)) is None else raw.hex(),
        hardware=_sized_text(_block(words, 176, 8)),
    )


def words_of(answer: bytes) -> dict[int, bytes]:
    """Return the words of an answer to 0xFA by number, without those that no number was seen of."""
    block = parse_parameter_block(answer)
    whole = min(len(block.data) // 2, LAST_PARAMETER + 1 - block.first)
    return {block.first + n: block.data[2 * n : 2 * n + 2] for n in range(whole)}


def _identifying_words(client: BmsClient) -> dict[int, bytes]:
    words: dict[int, bytes] = {}
    # Some boards keep silent at 0xFA: a client of its own, that does not ask for long.
    client = BmsClient(client.link, timeout_s=PATIENCE_S, retries=1)
    for first, count in _NUMBERS:
        answer = _optional(client, ReadRequest(0xFA, read_parameters(first, count)))
        if answer is None:
            # Refused or silent: a board without access by number, which is most of them.
            break
        words |= words_of(answer)
    return words


def _optional(client: BmsClient, request: ReadRequest) -> bytes | None:
    answer = client.exchange(request)
    return None if answer is None or answer.status else answer.data


def _block(words: Mapping[int, bytes], first: int, count: int) -> bytes | None:
    numbers = range(first, first + count)
    return b"".join(words[n] for n in numbers) if all(n in words for n in numbers) else None


def _sized_text(raw: bytes | None) -> str | None:
    return None if not raw else raw[1 : 1 + raw[0]].decode("latin-1")


def shown(name: str, value: int | str) -> str:
    """Return a field's value as people read it."""
    if name == "version":
        return f"0x{value:02X}"
    if name == "date_code":
        assert isinstance(value, int)
        return str(decode_date(value) or f"0x{value:04X}")
    if name == "nominal_mah":
        return f"{value} mAh"
    return repr(value) if isinstance(value, str) else str(value)


assert set(TITLES) == {field.name for field in fields(BoardIdentity)}
assert all(address in SETTINGS for rows in SETTINGS_OF.values() for address in rows)
