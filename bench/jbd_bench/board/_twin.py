"""The emulated unit that is a board's likeness: the ``[[unit]]`` table of a snapshot."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from jbd_emulator import BOARDS
from jbd_protocol import (
    CAPACITY_POINTS,
    COUNTERS,
    SETTINGS,
    TEXT_SETTINGS,
    UNIT_X10,
    BasicInfo,
    Fets,
    Protection,
    parse_cell_voltages,
    parse_error_counters,
)

from ._closest import closest, facts_otherwise, traits_of
from ._snapshot import MONITORING, Snapshot

_MOST_NAME: Final = 31
_MOST_MV: Final = 10_000
_LEAST_RSOC: Final = 10
_LEARNED: Final = 0.03
"""How far the capacity behind the percentage is from nominal before it counts as learned; the
percentage is rounded, which makes up to 5 % at 10 %, and up to 1 % above 50 %."""
_LENGTHS: Final = {"tail_bytes": (0, *range(9, 65)), "counter_words": (11, 12)}
_FALLBACK: Final = 0x21
"""What stands for a board that nothing is like: its facts are written out beside it."""


def unit_table(snapshot: Snapshot) -> dict[str, object]:
    """Return the keys that make ``jbd-emulator serve`` answer as the board did."""
    info, identity = snapshot.info, snapshot.identity
    traits = traits_of(snapshot.frames)
    found = closest(info.version, traits)
    base = found.version if found is not None else _FALLBACK
    kit = next((kit for kit in BOARDS.values() if kit.cells == identity.cells), None)
    table: dict[str, object] = {
        "firmware": f"0x{base:02X}",
        "board": kit.key if kit is not None else "4s",
        "source": f"snapshot of {snapshot.target}, {snapshot.taken:%Y-%m-%d %H:%M} UTC",
    }
    if base != info.version:
        table["version"] = f"0x{info.version:02X}"
    if identity.name is not None:
        table["model"] = identity.name[:_MOST_NAME]
    table["cells"] = min(max(info.cells, 3), 32)
    table["ntcs"] = min(len(info.ntc_dk), 8)
    if info.nominal_mah:
        table["capacity_mah"] = info.nominal_mah
    table |= dict(_refusals(snapshot))
    counters = snapshot.payloads.get(0xAA)
    if counters is not None:
        table["counters"] = list(parse_error_counters(counters).counts[: len(COUNTERS)])
    facts = facts_otherwise(base, traits)
    if held := {name: value for name, value in facts.items() if _can_be_done(name, value)}:
        table["facts"] = held
    table["pack"] = _pack(snapshot, info)
    if snapshot.parameters:
        table["parameters"] = {
            str(n): _hex(raw) for n, raw in snapshot.parameters.items() if len(raw) == 2
        }
    table["settings"] = {f"0x{a:02X}": _hex(raw) for a, raw in _settings(snapshot, info).items()}
    return table


def _pack(snapshot: Snapshot, info: BasicInfo) -> dict[str, object]:
    """Return what was measured, for the pack to start from."""
    cells = snapshot.payloads.get(0x04, b"")
    pack: dict[str, object] = {
        "cell_mv": [
            min(mv, _MOST_MV)
            for mv in parse_cell_voltages(cells[: len(cells) & ~1]).cell_mv[
                : min(max(info.cells, 3), 32)
            ]
        ],
        "ntc_dk": list(info.ntc_dk[:8]),
        "current_ma": info.current_ma,
        "remaining_mah": info.remaining_mah,
        "cycles": info.cycles,
    }
    if snapshot.parameters:
        # Parameter 112 tells what was learned.
        pass
    elif info.tail is not None:
        pack["full_charge_mah"] = info.tail.full_charge_mah
    elif info.rsoc_percent >= _LEAST_RSOC:
        # What the percentage is taken of: nominal, or what the board has learned.
        full_mah = 100 * info.remaining_mah / info.rsoc_percent
        if info.nominal_mah and abs(full_mah / info.nominal_mah - 1) > _LEARNED:
            pack["full_charge_mah"] = round(full_mah)
    if info.protection_bits & Protection.SOFTWARE_LOCK:
        pack["fet_lock"] = int((Fets.CHARGE | Fets.DISCHARGE) & ~info.fet_bits)
    return pack


def _settings(snapshot: Snapshot, info: BasicInfo) -> dict[int, bytes]:
    """Return the settings that can be held, and what 0x03 tells of those that were not read."""
    wide = bool(info.fet_bits & Fets.UNIT_X10)
    told = {
        0x10: min(info.nominal_mah // (100 if wide else 10), 0xFFFF),
        0x15: info.date_code,
        0x17: info.cycles,
        0x2E: (1 << min(len(info.ntc_dk), 8)) - 1,
        0x2F: info.cells,
    }
    if wide and not snapshot.parameters:
        told[0x2D] = UNIT_X10
    if snapshot.settings or snapshot.parameters:
        told = {}
    return {a: n.to_bytes(2, "big") for a, n in told.items()} | {
        address: raw
        for address, raw in snapshot.settings.items()
        if address in SETTINGS and _can_be_held(address, raw)
    }


def _can_be_held(address: int, raw: bytes) -> bool:
    if address in TEXT_SETTINGS:
        return bool(raw) and raw[0] <= min(len(raw) - 1, 31)
    return len(raw) == 2


def _can_be_done(name: str, value: object) -> bool:
    """Return whether the emulator can answer at such a length; else it does as its row says."""
    lengths = _LENGTHS.get(name)
    return lengths is None or value in lengths


def _refusals(snapshot: Snapshot) -> Iterator[tuple[str, str]]:
    """Yield the registers that this board does not serve, and its firmware's row does."""
    for address, status in snapshot.refused.items():
        setting = address in SETTINGS and address not in CAPACITY_POINTS and snapshot.settings
        if address in MONITORING[1:] or setting:
            yield f"answer_{address:02X}", "silence" if status is None else f"0x{status:02X}"


def _hex(raw: bytes) -> str:
    return raw.hex(" ").upper()
