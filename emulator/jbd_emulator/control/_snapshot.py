"""All that a page shows of a unit, as JSON takes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import (
    COUNTERS,
    PROTECTION_NAMES,
    ZERO_CELSIUS_DK,
    bit_names,
    decode_payload,
    decode_pin,
)

from ..profiles import PasswordFunction

if TYPE_CHECKING:
    from .._device import Device
    from ..frontends._server import ServedUnit

Table = dict[str, Any]  # Any: values of a JSON object
_STATES: Final = ("clear", "pending", "tripped", "releasing")
_SOFTWARE_LOCK: Final = PROTECTION_NAMES.index("software")


def summary(name: str, served: ServedUnit) -> Table:
    """Return what tells a unit from others."""
    device = served.unit.device
    return {
        "name": name,
        "firmware": f"0x{device.firmware.version:02X}",
        "board": device.board.key,
        "cells": device.board.cells,
        "ports": {kind: where for kind, where in served.reach().items() if where is not None},
    }


def snapshot(name: str, served: ServedUnit) -> Table:
    """Return the state of a unit: what it believes, what is true, and what was done to it."""
    unit, device = served.unit, served.unit.device
    return summary(name, served) | {
        "title": device.firmware.title,
        "board_name": device.board.name,
        "mode": device.mode.name.lower(),
        "sleeps": device.sleeps,
        "plugged": served.plugged,
        "clock": {
            "pack_s": round(device.pack.time_s, 3),
            "speed": device.speed,
            "behind": served.behind,
        },
        "pin": _pin(device),
        "pack": _pack(device),
        "fets": _fets(device),
        "limits": _limits(device),
        "protections": _protections(device),
        "counters": dict(zip(COUNTERS, device.monitor.counters, strict=True)),
        "faults": [active.as_dict() for active in unit.faults.active] if unit.faulty else [],
        "scenario": _scenario(served),
        "links": served.links(),
    }


def settings(device: Device) -> list[Table]:
    """Return every setting: raw bytes, and its fields in their units."""
    from jbd_protocol import SETTINGS

    rows = []
    for address, row in SETTINGS.items():
        if address not in device.settings:
            continue
        raw = device.settings[address]
        shown = decode_payload(address, raw).values()
        rows.append({
            "register": f"0x{address:02X}",
            "name": row.name,
            "title": row.title,
            "raw": raw.hex(),
            "fields": [
                {"name": key, "value": _plain(value.value), "unit": value.unit}
                for key, value in shown.items()
            ],
            "grade": str(row.evidence.grade),
            "source": row.evidence.source,
        })  # fmt: skip
    return rows


def _pin(device: Device) -> Table:
    kept = device.pin.kept
    shown = decode_pin(kept) if kept is not None else None
    return {
        "function": device.firmware.password.value is PasswordFunction.PRESENT,
        "set": kept is not None,
        "digits": shown[0] if shown else None,
        "hex": kept.hex() if kept is not None else None,
        "locked": device.pin.locked,
        "grade": str(device.firmware.password.evidence.grade),
        "source": device.firmware.password.evidence.source,
    }


def _pack(device: Device) -> Table:
    pack, monitor, lab = device.pack, device.monitor, device.lab
    sample, bled = monitor.sample, monitor.shown_balance
    charger = lab.charger
    return {
        "mv": sample.pack_mv,
        "current_ma": sample.current_ma,
        "soc_true": round(100 * pack.soc, 2),
        "soc_believed": monitor.rsoc_percent,
        "stored_mah": round(pack.stored_mah / len(pack.cells), 1),
        "remaining_mah": round(monitor.remaining_mah, 1),
        "full_mah": monitor.full_mah,
        "nominal_mah": monitor.nominal_mah,
        "cycles": monitor.cycles,
        "ambient_celsius": _celsius(pack.ambient_dk),
        "load_ma": lab.load_ma,
        "charger": {"voltage_mv": charger[0], "current_ma": charger[1]} if charger else None,
        "held_ma": pack.held_ma,
        "cells": [
            {
                "number": n,
                "mv": sample.cell_mv[n - 1],
                "soc": round(100 * cell.soc, 2),
                "celsius": _celsius(cell.temp_dk),
                "bled": bool(bled >> n - 1 & 1),
                "held_mv": cell.held_mv,
                "capacity_mah": round(cell.capacity_mah, 1),
                "resistance_factor": round(cell.resistance_factor, 4),
                "leak_ma": cell.leak_ma,
            }
            for n, cell in enumerate(pack.cells, 1)
        ],
        "ntcs": [
            {
                "number": n,
                "celsius": _celsius(dk),
                "state": state,
                "held_celsius": None if held is None else _celsius(held),
            }
            for n, (dk, (state, held)) in enumerate(
                zip(sample.ntc_dk, pack.ntcs, strict=True), 1
            )
        ],
    }  # fmt: skip


def _fets(device: Device) -> Table:
    monitor = device.monitor
    on, lock = monitor.fets, monitor.fet_lock
    return {
        "charge": bool(on & 1),
        "discharge": bool(on & 2),
        "charge_locked": bool(lock & 1),
        "discharge_locked": bool(lock & 2),
        "switch_closed": monitor.switch_closed,
    }


def _limits(device: Device) -> Table:
    """Return what a page draws into its bars: mV of a cell and of the pack."""
    store = device.settings
    return {
        "covp_mv": store.word(0x24),
        "covp_rel_mv": store.word(0x25),
        "cuvp_mv": store.word(0x26),
        "cuvp_rel_mv": store.word(0x27),
        "povp_mv": 10 * store.word(0x20),
        "puvp_mv": 10 * store.word(0x22),
        "balance_mv": store.word(0x2A),
        "chgot_celsius": _celsius(store.word(0x18)),
        "chgut_celsius": _celsius(store.word(0x1A)),
        "dsgot_celsius": _celsius(store.word(0x1C)),
        "dsgut_celsius": _celsius(store.word(0x1E)),
    }


def _protections(device: Device) -> list[Table]:
    """Return one row per bit of word 16 of 0x03 that means something here, worst state first."""
    monitor = device.monitor
    found: dict[int, int] = {}
    for row in monitor.protections.rows:
        bit = int(row.bit).bit_length() - 1
        found[bit] = max(found.get(bit, 0), monitor.protections.state(row.name))
    shown = bit_names(monitor.shown_protection, PROTECTION_NAMES)
    found[_SOFTWARE_LOCK] = 2 if PROTECTION_NAMES[_SOFTWARE_LOCK] in shown else 0
    return [
        {"name": PROTECTION_NAMES[bit], "bit": bit, "state": _STATES[state]}
        for bit, state in sorted(found.items())
    ]


def _scenario(served: ServedUnit) -> Table | None:
    story, scenario = served.unit.device.story, served.unit.config.scenario
    if story is None or scenario is None:
        return None
    done = len(story.past)
    # One that waits for a client has no time; there is nothing to count down to.
    past = {id(event) for event in story.past}
    due = (one for one in scenario.events if one.when is None and id(one) not in past)
    coming = next(due, None)
    return {
        "name": scenario.name,
        "title": scenario.title,
        "time_s": round(story.time_s, 3),
        "lasts_s": scenario.lasts_s,
        "events": len(scenario.events),
        "happened": done,
        "next": None if coming is None else {
            "at_s": coming.at_s, "do": coming.do, "note": coming.note,
        },
    }  # fmt: skip


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    return list(value) if isinstance(value, tuple) else value


def _celsius(dk: float) -> float:
    return round((dk - ZERO_CELSIUS_DK) / 10, 1)
