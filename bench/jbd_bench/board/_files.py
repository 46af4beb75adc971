"""What is known of a unit, wherever it comes from: a target, a snapshot, a vendor's file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from jbd_protocol import (
    PARAMETERS,
    TEXT_SETTINGS,
    LocalError,
    ParameterFile,
    parse_fig,
)

from ._identity import BoardIdentity
from ._snapshot import Snapshot

KINDS: Final = (".toml", ".fig")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One side of a comparison.

    Attributes:
        name: of the target or file.
        settings: raw data by address; a text with its length byte and nothing behind it.
        parameters: two bytes by number, those that no setting holds.
        identity: None for a vendor's file.
        refused: registers that were asked for and not served.
        counters, payloads: live values, by register.
        notes: what could not be read and why.
    """

    name: str
    settings: Mapping[int, bytes]
    parameters: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    identity: BoardIdentity | None = None
    refused: Mapping[int, int | None] = field(default_factory=lambda: MappingProxyType({}))
    payloads: Mapping[int, bytes] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()


def known_of(snapshot: Snapshot) -> Known:
    """Return what a snapshot knows; settings that only 0xFA showed count as settings."""
    by_number: dict[int, bytes] = {}
    words = snapshot.parameters
    alone: dict[int, bytes] = {}
    for row in PARAMETERS.values():
        numbers = range(row.number, row.number + row.words)
        if any(n not in words for n in numbers):
            continue
        raw = b"".join(words[n] for n in numbers)
        if row.address is None:
            alone |= {n: words[n] for n in numbers}
        elif row.byte is None:
            by_number[row.address] = raw
        else:
            half = bytearray(by_number.get(row.address, bytes(2)))
            half[row.byte] = raw[1]
            by_number[row.address] = bytes(half)
    settings = by_number | dict(snapshot.settings)
    return Known(
        name=snapshot.target,
        settings={address: _trimmed(address, raw) for address, raw in sorted(settings.items())},
        parameters=alone,
        identity=snapshot.identity,
        refused=snapshot.refused,
        payloads=snapshot.payloads,
        notes=snapshot.notes,
    )


def read_known(path: Path) -> Known:
    """Return what a snapshot or a vendor's parameter file says.

    Raises:
        LocalError: it is neither, or cannot be read; the message names the file and why.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LocalError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    try:
        if path.suffix == ".fig":
            # The vendor's tools write Latin-1.
            return _known_of_fig(str(path), parse_fig(raw.decode("latin-1")))
        return replace(known_of(Snapshot.from_toml(raw.decode("utf-8"))), name=str(path))
    except UnicodeDecodeError:
        raise LocalError(f"{path}: is not text in UTF-8") from None
    except LocalError as error:
        raise LocalError(f"{path}: {error}") from None


def write_snapshot(snapshot: Snapshot, path: Path) -> None:
    """Write a snapshot as TOML, or its settings as a vendor's ``.fig``.

    Raises:
        LocalError: a ``.fig`` of settings that were not read.
        OSError: the file cannot be written.
    """
    if path.suffix != ".fig":
        _replace(path, snapshot.to_toml().encode())
        return
    settings = known_of(snapshot).settings
    if not settings:
        raise LocalError(f"out {path}: no settings to write; {'; '.join(snapshot.notes)}")
    file = ParameterFile({a: raw[1:] if a in TEXT_SETTINGS else raw for a, raw in settings.items()})
    # The lines end as the vendor's tool ends them: no translation.
    _replace(path, file.to_text().encode("latin-1"))


def _replace(path: Path, data: bytes) -> None:
    """Write a file whole or not at all: a full disk must not cost the snapshot before."""
    if path.exists() and not path.is_file():
        path.write_bytes(data)
        return
    there = path.resolve()
    beside = there.with_name(f".{there.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(there)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink()
        if isinstance(error, OSError):
            raise OSError(error.errno, error.strerror, str(path)) from None
        raise


def _known_of_fig(name: str, file: ParameterFile) -> Known:
    return Known(
        name=name,
        settings={
            address: bytes((len(raw),)) + raw if address in TEXT_SETTINGS else raw
            for address, raw in file.settings.items()
        },
        notes=tuple(f"{key}: a key that no source documents" for key in file.unknown),
    )


def _trimmed(address: int, raw: bytes) -> bytes:
    """Return a text without the stale bytes behind it, which are nobody's setting."""
    return raw[: 1 + min(raw[0], 31)] if address in TEXT_SETTINGS and raw else raw
