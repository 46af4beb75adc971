"""Payloads by register: decode gives values with units, encode gives the same bytes back."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from ._basic_info import BASIC_INFO, BasicInfo, parse_basic_info
from ._errors import LocalError, PayloadError
from ._frames import MAX_DATA, ReadRequest, Request, Response, WriteRequest
from ._layout import pack, unpack
from ._parameters import ParameterBlock, parse_parameter_block
from ._registers import COUNTERS, Register, register
from ._units import Quantity, Value

CELL_VOLTAGES: Final = 0x04
_CELL_WORDS: Final = tuple(struct.Struct(f">{n}H") for n in range(0x80))


class CellVoltages(NamedTuple):
    """Register 0x04: one voltage in mV per series cell, cell 1 first."""

    cell_mv: tuple[int, ...]

    def to_payload(self) -> bytes:
        """Return two bytes per cell.

        Raises:
            LocalError: a voltage does not fit 16 bits, or there are more than 127 cells.
        """
        try:
            return _CELL_WORDS[len(self.cell_mv)].pack(*self.cell_mv)
        except (struct.error, IndexError):
            raise LocalError(
                f"cell_mv of {len(self.cell_mv)} cells: at most 127 of 0 to 65535 mV"
            ) from None

    def values(self) -> dict[str, Quantity]:
        """Return the voltages by name."""
        return {"cells": Quantity(self.cell_mv, "mV")}


class ErrorCounters(NamedTuple):
    """Register 0xAA: how often each protection tripped; 11 words, newer boards 12."""

    counts: tuple[int, ...]
    trailing: bytes = b""

    def to_payload(self) -> bytes:
        """Return two bytes per counter.

        Raises:
            LocalError: a counter does not fit 16 bits.
        """
        try:
            return struct.pack(f">{len(self.counts)}H", *self.counts) + self.trailing
        except struct.error:
            raise LocalError(f"counts {self.counts}: must be 0 to 65535 each") from None

    def values(self) -> dict[str, Quantity]:
        """Return the counters by name; words beyond the known ones as ``countN``."""
        names = (*COUNTERS, *(f"count{n}" for n in range(len(COUNTERS), len(self.counts))))
        shown = {name: Quantity(n) for name, n in zip(names, self.counts, strict=False)}
        return shown | ({"trailing": Quantity(self.trailing)} if self.trailing else {})


@dataclass(frozen=True, slots=True)
class Fields:
    """A payload of which a row of the register table says what is where."""

    row: Register
    data: bytes
    written: bool = False

    def to_payload(self) -> bytes:
        """Return the payload."""
        return self.data

    def values(self) -> dict[str, Quantity]:
        """Return every named field; bytes no row names as ``trailing``."""
        layout = self.row.request if self.written else self.row.layout
        shown = unpack(layout, self.data)
        open_ended = any(not field.size for field in layout)
        end = len(self.data) if open_ended else max(
            (field.offset + field.size for field in layout), default=0
        )  # fmt: skip
        if self.data[end:]:
            shown["trailing"] = Quantity(self.data[end:])
        return shown

    def replace(self, **values: Value) -> Fields:
        """Return a copy with some fields changed and every other bit as it was.

        Raises:
            LocalError: an unknown name, or a value that its field cannot hold.
        """
        layout = self.row.request if self.written else self.row.layout
        return Fields(self.row, pack(layout, values, self.data), self.written)


@dataclass(frozen=True, slots=True)
class Opaque:
    """A payload of which no source says what it holds."""

    data: bytes

    def to_payload(self) -> bytes:
        """Return the payload."""
        return self.data

    def values(self) -> dict[str, Quantity]:
        """Return the bytes, or nothing where there are none."""
        return {"data": Quantity(self.data)} if self.data else {}


Payload: TypeAlias = "BasicInfo | CellVoltages | ErrorCounters | ParameterBlock | Fields | Opaque"


def parse_cell_voltages(payload: bytes) -> CellVoltages:
    """Return one voltage in mV per series cell, cell 1 first.

    Raises:
        PayloadError: odd length, the board announced half a cell; or more than a frame holds.
    Source: vendor protocol V4 and V11, section 3.2; captures.
    """
    if len(payload) % 2:
        raise PayloadError(CELL_VOLTAGES, payload, "half a cell")
    if len(payload) > MAX_DATA:
        raise PayloadError(CELL_VOLTAGES, payload, f"{len(payload)} bytes, {MAX_DATA} are the most")
    return CellVoltages(_CELL_WORDS[len(payload) // 2].unpack(payload))


def parse_error_counters(payload: bytes) -> ErrorCounters:
    """Return the counters of register 0xAA, and a last odd byte as it is."""
    whole = len(payload) // 2
    return ErrorCounters(struct.unpack_from(f">{whole}H", payload), payload[2 * whole :])


def decode_payload(address: int, data: bytes) -> Payload:
    """Return what a board's answer to ``address``, status 0x00, holds.

    Args:
        address: the register that was asked for. It is not always the byte the answer echoes:
            a board of 2018 echoes A5.
        data: the payload.
    Raises:
        PayloadError: the bytes cannot be what the register holds.
    """
    if address == BASIC_INFO:
        return parse_basic_info(data)
    if address == CELL_VOLTAGES:
        return parse_cell_voltages(data)
    if address == 0xAA:
        return parse_error_counters(data)
    if address == 0xFA:
        return parse_parameter_block(data)
    row = register(address)
    return Fields(row, data) if row is not None and row.layout and data else Opaque(data)


def decode_request(request: Request) -> Payload:
    """Return what the data of a request holds, by the row of what it asks for."""
    row = register(request.register, write=isinstance(request, WriteRequest))
    if request.register == 0xFA:
        return parse_parameter_block(request.data)
    if isinstance(request, ReadRequest) or row is None or not row.request:
        return Opaque(request.data)
    return Fields(row, request.data, written=True)


def encode_setting(key: int | str, values: Mapping[str, Value], base: bytes = b"") -> bytes:
    """Return the data that writes ``values`` into a setting or command.

    Args:
        key: address or short name of the register.
        values: by field name, in the field's unit.
        base: the data read before, from which every bit that is not named is taken.
    Raises:
        LocalError: no such register, no such field, or a value that its field cannot hold.
    """
    row = register(key, write=True)
    if row is None or not row.request:
        shown = f"0x{key:02X}" if isinstance(key, int) else repr(key)
        raise LocalError(f"register {shown}: nothing is known to be written there")
    return pack(row.request, values, base)


def decode_response(response: Response) -> Payload:
    """Return what an answer holds, by the register it echoes; a refusal holds nothing known.

    Raises:
        PayloadError: the bytes cannot be what the register holds.
    """
    if response.status:
        return Opaque(response.data)
    return decode_payload(response.register, response.data)
