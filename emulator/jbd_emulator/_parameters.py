"""Register 0xFA over the settings store: the same settings under the vendor's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from jbd_protocol import (
    LAST_PARAMETER,
    MAX_READ_WORDS,
    PARAMETERS,
    TEXT_SETTINGS,
    Parameter,
    parse_parameter_block,
)

from ._store import SettingsStore

ONLY_BY_NUMBER: Final = 0x100
"""Words that no register reaches are kept in the store at this plus their number."""
_MODEL: Final = 158
_MODEL_WORDS: Final = 12

_BY_WORD: Final[Mapping[int, Parameter]] = MappingProxyType(
    {row.number + n: row for row in PARAMETERS.values() for n in range(row.words)}
)


def factory_words(name: str) -> dict[int, bytes]:
    """Return what a new board holds in the words that no register reaches.

    All zero, but for the battery model, which is what 0x05 answers (vendor V11).
    """
    words = {
        ONLY_BY_NUMBER + number: b"\x00\x00"
        for number, row in _BY_WORD.items()
        if row.address is None
    }
    block = bytes((min(len(name), 31),)) + name.encode("latin-1")[:31]
    # 0x05 may carry 31 characters, the block of the document only 23; the name goes on behind
    # it in the words of the unique id, which are zero here.
    words |= {
        ONLY_BY_NUMBER + _MODEL + n: block[2 * n : 2 * n + 2].ljust(2, b"\x00")
        for n in range((len(block) + 1) // 2)
    }
    return words


def battery_model(settings: SettingsStore) -> bytes:
    """Return the text of 0x05, without its length byte."""
    words = (settings[ONLY_BY_NUMBER + _MODEL + n] for n in range(16))
    block = b"".join(words)
    return block[1 : 1 + min(block[0], 31)]


def read(settings: SettingsStore, data: bytes) -> bytes | None:
    """Return the data that answers a read, None where the request makes no sense."""
    block = parse_parameter_block(data)
    last = block.first + block.word_count - 1
    if block.head or not 1 <= block.word_count <= MAX_READ_WORDS or last > LAST_PARAMETER:
        return None
    return data[:3] + b"".join(_word(settings, n) for n in range(block.first, last + 1))


def write(settings: SettingsStore, data: bytes) -> bool:
    """Put words in force; return False and change nothing where one of them cannot be."""
    block = parse_parameter_block(data)
    last = block.first + block.word_count - 1
    if block.head or not block.word_count or len(block.data) != 2 * block.word_count:
        return False
    if last > LAST_PARAMETER:
        return False
    changed: dict[int, bytearray] = {}
    for n in range(block.word_count):
        word = block.data[2 * n : 2 * n + 2]
        if not _put(settings, changed, block.first + n, word):
            return False
    try:
        for address, raw in changed.items():
            text = address in TEXT_SETTINGS
            settings.check(address, bytes(raw[: 1 + raw[0]] if text else raw))
    except ValueError:
        return False
    for address, raw in changed.items():
        text = address in TEXT_SETTINGS
        settings.write(address, bytes(raw[: 1 + raw[0]] if text else raw))
    return True


def _put(settings: SettingsStore, changed: dict[int, bytearray], number: int, word: bytes) -> bool:
    row = _BY_WORD[number]
    if row.address is None:
        changed[ONLY_BY_NUMBER + number] = bytearray(word)
        return True
    size = 2 * row.words
    raw = changed.setdefault(row.address, bytearray(settings[row.address].ljust(size, b"\x00")))
    if row.byte is not None:
        if word[0]:
            return False
        raw[row.byte] = word[1]
        return True
    at = 2 * (number - row.number)
    raw[at : at + 2] = word
    return True


def _word(settings: SettingsStore, number: int) -> bytes:
    row = _BY_WORD[number]
    if row.address is None:
        return settings[ONLY_BY_NUMBER + number]
    raw = settings[row.address]
    if row.byte is not None:
        return bytes((0, raw[row.byte]))
    at = 2 * (number - row.number)
    return raw[at : at + 2].ljust(2, b"\x00")
