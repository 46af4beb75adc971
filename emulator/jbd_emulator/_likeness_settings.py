"""The settings of a unit that is made like one board, out of its table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from jbd_protocol import PARAMETERS, SETTINGS, TEXT_SETTINGS, JbdError

from ._parameters import ONLY_BY_NUMBER, factory_words
from .board._limits import LEARNED_CAPACITY
from .plant._limits import table, text

if TYPE_CHECKING:
    from .profiles import BoardKit


def likeness_settings(
    given: Mapping[str, object], board: BoardKit, full_charge_mah: object
) -> dict[int, bytes]:
    """Return the kit's settings, with those of a unit table in their place.

    Args:
        given: ``model``, ``parameters`` and ``settings`` are read.
        full_charge_mah: a number to burn in as learned, None for none.
    Raises:
        ValueError: one line names the key and the limit.
    """
    settings = dict(board.settings)
    if "model" in given:
        settings |= factory_words(text("model", given["model"]))
    _put_words(settings, table("parameters", given.get("parameters", {})))
    named: dict[str, object] = {}
    for key, value in table("settings", given.get("settings", {})).items():
        if not key.startswith("0x"):
            named[key] = value
            continue
        address = whole_of("settings", key, 0, 0xFF)
        settings[address] = _setting(address, key, value)
    if named:
        # A scenario's words for settings; only who uses them loads it.
        from .scenario._actions import encode_settings

        try:
            settings |= encode_settings(named, settings.__getitem__)
        except JbdError as error:
            raise ValueError(f"settings {error}") from None
    if isinstance(full_charge_mah, (int, float)):
        scale = 100 if int.from_bytes(settings[0x2D], "big") & 0x1000 else 10
        counts = min(round(full_charge_mah / scale), 0xFFFF)
        settings[LEARNED_CAPACITY] = counts.to_bytes(2, "big")
    return settings


def _setting(address: int, key: str, value: object) -> bytes:
    if address not in SETTINGS:
        raise ValueError(f"settings {key}: no such setting; there is 0x10 to 0x47, 0xA0 to 0xA2")
    raw = _hex(f"settings {key}", value)
    if address in TEXT_SETTINGS:
        if not raw or raw[0] > min(len(raw) - 1, 31):
            raise ValueError(f"settings {key}: must be a length byte and that many characters")
    elif len(raw) != 2:
        raise ValueError(f"settings {key}: must be 2 bytes, not {len(raw)}")
    return raw


def _put_words(settings: dict[int, bytes], given: Mapping[str, object]) -> None:
    """Put words in by number; those that are settings too, into the settings."""
    words = {}
    for key, value in given.items():
        n = whole_of("parameters", key, 0, 0xFFFF)
        words[n] = _hex(f"parameters {key}", value)
        if len(words[n]) != 2:
            raise ValueError(f"parameters {key}: must be 2 bytes, not {len(words[n])}")
    for row in PARAMETERS.values():
        numbers = range(row.number, row.number + row.words)
        if row.address is None:
            settings |= {ONLY_BY_NUMBER + n: words[n] for n in numbers if n in words}
        elif any(n not in words for n in numbers):
            continue
        elif row.byte is not None:
            half = bytearray(settings[row.address])
            half[row.byte] = words[row.number][1]
            settings[row.address] = bytes(half)
        else:
            raw = b"".join(words[n] for n in numbers)
            sized = row.address in TEXT_SETTINGS
            settings[row.address] = raw[: 1 + min(raw[0], 31)] if sized else raw


def _hex(name: str, value: object) -> bytes:
    try:
        return bytes.fromhex(str(value))
    except ValueError:
        raise ValueError(f"{name} {value!r}: must be bytes in hexadecimal") from None


def whole_of(name: str, value: object, least: int, most: int) -> int:
    """Return a whole number, also one that is written as text; raises ValueError."""
    try:
        n = int(str(value), 0)
    except ValueError:
        n = least - 1
    if not least <= n <= most or isinstance(value, bool):
        raise ValueError(f"{name} {value!r}: must be a whole number, {least} to {most}")
    return n
