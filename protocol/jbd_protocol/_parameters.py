"""Register 0xFA: the vendor's new line reads settings by parameter number.

A parameter is one or more words; most are the settings of 0x10..0x47 and 0xA0..0xA2 under
another number, and the two bytes of a packed setting are two parameters. No answer to 0xFA was
ever captured, so all of this is the vendor's word (V11, section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from ._errors import LocalError
from ._layout import Field, Kind, unpack
from ._registers import SETTINGS
from ._units import Quantity

MAX_READ_WORDS: Final = 95
"""Most words one read may ask for. Source: vendor V11."""


class Parameter(NamedTuple):
    """A parameter of register 0xFA.

    Attributes:
        number: first word's number.
        words: how many words.
        name: short name; that of the setting where it is one.
        address: the setting that holds it, None where only 0xFA reaches it.
        byte: where the setting packs two parameters: 0 or 1; None where it is the whole setting.
        field: how its bytes read.
    """

    number: int
    words: int
    name: str
    address: int | None
    byte: int | None
    field: Field


def _rows() -> tuple[Parameter, ...]:
    rows: list[Parameter] = []

    def whole(number: int, address: int) -> None:
        field = SETTINGS[address].request[0]
        rows.append(Parameter(number, 1, field.name, address, None, field))

    def half(number: int, name: str, address: int, byte: int, unit: str = "") -> None:
        rows.append(Parameter(number, 1, name, address, byte, Field(name, unit=unit)))

    def block(number: int, words: int, name: str, address: int | None, kind: Kind) -> None:
        rows.append(Parameter(number, words, name, address, None, Field(name, kind, size=0)))

    def alone(number: int, name: str, unit: str = "", scale: int = 1) -> None:
        rows.append(Parameter(number, 1, name, None, None, Field(name, unit=unit, scale=scale)))

    for number in range(40):
        whole(number, 0x10 + number)
    half(40, "secondary_oc", 0x38, 1)
    half(41, "short_circuit", 0x38, 0)
    half(42, "hw_ov_uv_delay", 0x39, 0)
    half(43, "sc_rel", 0x39, 1, "s")
    for number in range(44, 56):
        address, byte = 0x3A + (number - 44) // 2, number % 2
        half(number, SETTINGS[address].request[byte].name, address, byte, "s")
    block(56, 16, "manufacturer_info", 0xA0, Kind.SIZED_TEXT)
    block(72, 16, "bms_code", 0xA1, Kind.SIZED_TEXT)
    block(88, 16, "barcode", 0xA2, Kind.SIZED_TEXT)
    for number in range(104, 112):
        whole(number, 0x40 + number - 104)
    alone(112, "learned_capacity", "mAh", 10)
    alone(113, "correction_interval", "s")
    alone(114, "rated_voltage", "dV")
    alone(115, "rated_current", "A")
    alone(116, "max_power", "W")
    alone(117, "rated_charge_voltage", "dV")
    alone(118, "rated_discharge_current", "A")
    alone(119, "rated_charge_current", "A")
    alone(120, "rated_discharge_power", "W")
    alone(121, "min_identify_current", "mA")
    alone(122, "sleep_time", "s")
    block(123, 35, "reserved_alarm", None, Kind.BYTES)
    block(158, 12, "battery_model", None, Kind.SIZED_TEXT)
    block(170, 6, "unique_id", None, Kind.BYTES)
    block(176, 8, "hardware_name", None, Kind.SIZED_TEXT)
    return tuple(rows)


PARAMETERS: Final[Mapping[int, Parameter]] = MappingProxyType({row.number: row for row in _rows()})
"""By first number. That the numbers stand for the settings of 0x10..0x3F is assumed from the
identical order and units; 42..47 by the capacity-register notes."""
LAST_PARAMETER: Final = max(row.number + row.words - 1 for row in PARAMETERS.values())


class ParameterBlock(NamedTuple):
    """What 0xFA carries: a first number, a count of words, and the words where there are any."""

    first: int
    word_count: int
    data: bytes = b""
    head: bytes | None = None
    """The bytes as they came where they were too few to hold number and count."""

    def to_payload(self) -> bytes:
        """Return the payload.

        Raises:
            LocalError: number or count does not fit.
        """
        if self.head is not None:
            return self.head
        if not (0 <= self.first <= 0xFFFF and 0 <= self.word_count <= 0xFF):
            raise LocalError(
                f"parameters {self.first}, {self.word_count} words: must be 0 to 65535, 0 to 255"
            )
        return self.first.to_bytes(2, "big") + bytes((self.word_count,)) + self.data

    def values(self) -> dict[str, Quantity]:
        """Return number, count, words and every parameter that is whole in the block."""
        if self.head is not None:
            return {"data": Quantity(self.head)} if self.head else {}
        shown = {"first_param": Quantity(self.first), "count": Quantity(self.word_count, "words")}
        if not self.data:
            return shown
        words = tuple(
            f"0x{self.data[n : n + 2].hex().upper()}" for n in range(0, len(self.data), 2)
        )
        shown["words"] = Quantity(words)
        number = self.first
        while (row := PARAMETERS.get(number)) is not None:
            at = 2 * (number - self.first)
            piece = self.data[at : at + 2 * row.words]
            if (len(piece) < 2 * row.words and row.words == 1) or not piece:
                break
            # A text need not be read to the end of its block.
            shown |= {
                key: value
                for key, value in unpack((row.field,), piece).items()
                if key not in ("text_length", "bits_set")
            }
            number += row.words
        return shown


def parse_parameter_block(payload: bytes) -> ParameterBlock:
    """Return what an 0xFA request or answer carries. Source: vendor V11, section 5."""
    if len(payload) < 3:
        return ParameterBlock(0, 0, b"", payload)
    return ParameterBlock(int.from_bytes(payload[:2], "big"), payload[2], payload[3:])


def read_parameters(first: int, count: int) -> bytes:
    """Return the data of a read request for ``count`` words from number ``first``.

    Raises:
        LocalError: more words than a read may ask for, or a number out of range.
    """
    if not 1 <= count <= MAX_READ_WORDS:
        raise LocalError(f"count {count}: a read asks for 1 to {MAX_READ_WORDS} words")
    return ParameterBlock(first, count).to_payload()
