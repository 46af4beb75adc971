"""Registers and values in words, as a report of a restore has them."""

from __future__ import annotations

from jbd_protocol import SETTINGS, TEXT_SETTINGS, BasicInfo, Fets, decode_payload


def title(address: int) -> str:
    """Return a register's name and address."""
    row = SETTINGS.get(address)
    return f"{row.title if row is not None else 'register'} (0x{address:02X})"


def shown(address: int, raw: bytes) -> str:
    """Return what raw data says, with units."""
    if address in TEXT_SETTINGS:
        return repr(raw[1 : 1 + raw[0]].decode("latin-1")) if raw else "nothing"
    values = decode_payload(address, raw).values()
    return ", ".join(
        f"{value.hex() if isinstance(value, bytes) else value} {unit}".rstrip()
        for value, unit in values.values()
    )


def on(info: BasicInfo, fet: Fets) -> str:
    """Return whether a FET is on, as a word."""
    return "on" if info.fets & fet else "off"
