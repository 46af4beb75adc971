"""One look at a unit: everything it tells a reader, as values and as a page for a person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from jbd_protocol import (
    COUNTERS,
    SETTINGS,
    ZERO_CELSIUS_DK,
    BasicInfo,
    Fets,
    Protection,
    Quantity,
    ReplyTimeout,
    RequestRefused,
    decode_payload,
)

from ._client import BmsClient

_BAR: Final = 30
_BAR_LOW_MV, _BAR_HIGH_MV = 2500, 3650
"""The ends of a cell's bar: the protection thresholds of the LiFePO4 kits."""
_NO_PROBE_DK: Final = 0x097F
"""What stands where no probe is fitted, -30.0 degC (captured)."""


@dataclass(slots=True)
class Reading:
    """What one look found; None where the unit refused or kept silent."""

    target: str
    info: BasicInfo
    cell_mv: tuple[int, ...] | None = None
    name: str | None = None
    counters: tuple[int, ...] | None = None
    parameters: dict[int, dict[str, Quantity]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """Return everything by name, values in the units that stand in the names' ``unit``."""
        return {
            "target": self.target,
            "name": self.name,
            "version": self.info.version_text,
            "basic_info": _shown(self.info.values()),
            "cells_mv": None if self.cell_mv is None else list(self.cell_mv),
            "error_counters": None
            if self.counters is None
            else dict(zip(_counter_names(len(self.counters)), self.counters, strict=True)),
            "parameters": {
                f"0x{address:02X}": _shown(values) for address, values in self.parameters.items()
            },
            "notes": self.notes,
        }


def read_unit(client: BmsClient, *, parameters: bool = False) -> Reading:
    """Look at a unit.

    Args:
        client: of the unit.
        parameters: read the settings, too; needs factory mode, which is left with 0000.
    Raises:
        ReplyTimeout, RequestRefused, PayloadError: not even register 0x03 is served.
        WriteRefused: settings are asked for on a link without leave to enter factory mode.
    """
    reading = Reading(client.link.name, client.basic_info())
    try:
        reading.cell_mv = client.cell_voltages()
    except (RequestRefused, ReplyTimeout) as error:
        reading.notes.append(f"cell voltages: {error}")
    try:
        reading.name = client.board_name()
    except (RequestRefused, ReplyTimeout) as error:
        reading.notes.append(f"board name: {error}")
    try:
        reading.counters = client.error_counters().counts
    except (RequestRefused, ReplyTimeout) as error:
        reading.notes.append(f"error counters: {error}")
    if parameters:
        _read_parameters(client, reading)
    return reading


def _read_parameters(client: BmsClient, reading: Reading) -> None:
    try:
        with client.factory_mode():
            for address in SETTINGS:
                try:
                    reading.parameters[address] = decode_payload(
                        address, client.read(address)
                    ).values()
                except RequestRefused:
                    # A setting this firmware does not have.
                    continue
    except (RequestRefused, ReplyTimeout) as error:
        hint = "; a PIN is set: --pin" if getattr(error, "status", 0) == 0x81 else ""
        reading.notes.append(f"parameters: {error}{hint}")


def page(reading: Reading) -> Iterator[str]:
    """Yield the lines of a page for a person."""
    info = reading.info
    yield f"{reading.name or '(no name)'}   firmware {info.version_text}   {reading.target}"
    yield ""
    power_w = info.pack_mv * info.current_ma / 1e6
    flow = "charging" if info.current_ma > 0 else "discharging" if info.current_ma < 0 else "idle"
    yield f"Pack     {info.pack_mv / 1000:.2f} V   {info.current_ma / 1000:+.2f} A   " + (
        f"{power_w:+.1f} W   {flow}"
    )
    yield (
        f"Charge   {info.rsoc_percent} %   {info.remaining_mah / 1000:.2f} of "
        f"{info.nominal_mah / 1000:.2f} Ah   {info.cycles} cycles"
    )
    yield f"FETs     charge {_on(info, Fets.CHARGE)}, discharge {_on(info, Fets.DISCHARGE)}"
    yield f"Trips    {_protections(info)}"
    yield f"Probes   {', '.join(_degrees(dk) for dk in info.ntc_dk) or 'none'}"
    if info.manufactured is not None:
        yield f"Made     {info.manufactured}"
    yield ""
    yield from _cells(reading)
    if reading.counters is not None:
        names = _counter_names(len(reading.counters))
        tripped = [
            f"{name.removesuffix('_err_cnt').removesuffix('_cnt')} {count}"
            for name, count in zip(names, reading.counters, strict=True)
            if count
        ]
        yield f"Counters {', '.join(tripped) or 'all zero'}"
    yield from _parameters(reading)
    for note in reading.notes:
        yield f"Note     {note}"


def _cells(reading: Reading) -> Iterator[str]:
    cells = reading.cell_mv
    if not cells:
        return
    balancing = reading.info.balancing_cells
    for number, mv in enumerate(cells, start=1):
        share = (mv - _BAR_LOW_MV) / (_BAR_HIGH_MV - _BAR_LOW_MV)
        filled = round(_BAR * max(0.0, min(1.0, share)))
        mark = "  balancing" if number in balancing else ""
        yield f"Cell {number:2}  {mv / 1000:.3f} V  {'#' * filled}{'.' * (_BAR - filled)}{mark}"
    yield f"Spread   {max(cells) - min(cells)} mV"


def _parameters(reading: Reading) -> Iterator[str]:
    if not reading.parameters:
        return
    yield ""
    for address, values in reading.parameters.items():
        row = SETTINGS[address]
        shown = ", ".join(
            _field(row.name, name, value) for name, value in values.items() if name != "text_length"
        )
        yield f"{address:02X}  {row.title:48} {shown}"


def _field(setting: str, name: str, value: Quantity) -> str:
    """Return a field in words; the only one of its setting needs no name."""
    return str(value) if name in (setting, "bits_set") else f"{name.replace('_', ' ')} {value}"


def _on(info: BasicInfo, fet: Fets) -> str:
    return "on" if info.fets & fet else "OFF"


def _protections(info: BasicInfo) -> str:
    words = [
        (flag.name or "").lower().replace("_", " ")
        for flag in Protection
        if info.protections & flag
    ]
    return ", ".join(words) or "none"


def _degrees(dk: int) -> str:
    return "no probe" if dk == _NO_PROBE_DK else f"{(dk - ZERO_CELSIUS_DK) / 10:.1f} degC"


def _counter_names(count: int) -> list[str]:
    return [*COUNTERS, *(f"count{n}" for n in range(len(COUNTERS), count))][:count]


def _shown(values: dict[str, Quantity]) -> dict[str, object]:
    shown: dict[str, object] = {}
    for name, quantity in values.items():
        value, unit = quantity.display()
        shown[name] = {"value": value, "unit": unit} if unit else value
    return shown
