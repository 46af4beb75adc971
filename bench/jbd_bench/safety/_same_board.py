"""Whether the board on the port is the one a journal was written for.

Nearly everything that tells boards apart is a setting, and the tests write settings: a field may
hold what it held before, or a value that the journal says it was given.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import fields
from typing import TYPE_CHECKING, Final

from jbd_protocol import JbdError

from ..board._identity import SETTINGS_OF

if TYPE_CHECKING:
    from ..board import BoardIdentity
    from ._record import Record

HIDDEN: Final = (0x16, 0xA0, 0xA1, 0xA2)
"""Settings that tell boards of one delivery apart and are read in factory mode alone: serial
number, manufacturer, device name, bar code."""
_NUMBERS: Final = {
    "name": range(158, 170),
    "unique_id": range(170, 176),
    "hardware": range(176, 184),
}
"""Words of 0xFA that a field comes from."""
_TEXTS: Final = {"manufacturer": 0xA0, "device_name": 0xA1, "barcode": 0xA2}
_ALWAYS_TOLD: Final = ("name", "cell_bytes")


class AnotherBoard(JbdError):
    """The board on the port is not the journal's; nothing was written to it.

    Attributes:
        target: the link's name.
        differences: what speaks against it, in words.
    """

    def __init__(self, target: str, differences: list[str]) -> None:
        super().__init__(f"{target}: another board: {'; '.join(differences)}")
        self.target, self.differences = target, differences


def check_same_board(record: Record, now: BoardIdentity, target: str) -> None:
    """Refuse a board that reading alone tells to be another.

    Raises:
        AnotherBoard: it is.
    """
    before = record.identity
    wrong = [
        field.name
        for field in fields(before)
        if not _accepted(record, field.name, getattr(before, field.name), getattr(now, field.name))
    ]
    if wrong:
        said = before.differences(now) or [
            f"{name.replace('_', ' ')} is not served" for name in wrong
        ]
        raise AnotherBoard(target, said)


def check_hidden(record: Record, held: dict[int, bytes], target: str) -> None:
    """Refuse a board that its serial number and texts tell to be another.

    Args:
        held: what the board holds at the addresses of :data:`HIDDEN`, as far as it served them.
    Raises:
        AnotherBoard: it is.
    """
    if record.snapshot is None:
        return
    before, written = record.snapshot.settings, record.ledger.written
    differences = [
        f"register 0x{address:02X} holds {raw.hex(' ')}, not {before[address].hex(' ')}"
        for address, raw in held.items()
        if address in before
        and address not in record.ledger.in_parts
        and raw not in {before[address], *written.get(address, ())}
    ]
    if differences:
        raise AnotherBoard(target, differences)


def _accepted(record: Record, name: str, before: object, now: object) -> bool:
    if before is None or before == now or record.ledger.numbers & set(_NUMBERS.get(name, ())):
        return True
    if record.ledger.in_parts & set(SETTINGS_OF.get(name, ())):
        return True
    if now is None:
        # What needs a PIN or keeps silent at times says nothing; these two every board serves.
        return name not in _ALWAYS_TOLD
    return now in _written(record, name)


def _written(record: Record, name: str) -> Collection[object]:
    """Return the values that a field can have come to by what was written."""
    if name == "cells":
        return _words(record, 0x2F)
    if name == "cell_bytes":
        return {2 * count for count in _words(record, 0x2F)}
    if name == "ntcs":
        return {mask.bit_count() for mask in _words(record, 0x2E)}
    if name == "date_code":
        return _words(record, 0x15)
    if name == "nominal_mah":
        return _nominal(record)
    if name == "serial_num":
        return _words(record, 0x16)
    if name in _TEXTS:
        given = record.ledger.written.get(_TEXTS[name], ())
        return {raw[1 : 1 + raw[0]].decode("latin-1") for raw in given if raw}
    return ()


def _nominal(record: Record) -> set[int]:
    """Return nominal capacities, mAh: bit 12 of 0x2D makes a count 100 mAh and not 10."""
    before = record.snapshot.settings.get(0x10, b"") if record.snapshot is not None else b""
    counts = _words(record, 0x10) | ({int.from_bytes(before, "big")} if before else set())
    flags = record.ledger.written.get(0x2D)
    nominal = record.identity.nominal_mah
    scales = (
        (10, 100) if flags or not before else (nominal // max(1, int.from_bytes(before, "big")),)
    )
    return {count * scale for count in counts for scale in scales}


def _words(record: Record, address: int) -> set[int]:
    return {int.from_bytes(raw, "big") for raw in record.ledger.written.get(address, ())}
