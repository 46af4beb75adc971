"""Packs and terminals from tables as TOML gives them."""

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from ._limits import items, only, table, text, whole
from ._pack import Pack
from ._terminals import (
    CcCvSupply,
    ConstantCurrentLoad,
    ConstantPowerLoad,
    CsvProfile,
    DailySchedule,
    LeadAcidCharger,
    ResistanceLoad,
    SolarProfile,
    Terminal,
    daily_load,
)


class _Kind(NamedTuple):
    # Any: each maker checks its own arguments, whose types the table does not know.
    make: Callable[..., Any]
    needed: tuple[str, ...]
    optional: tuple[str, ...] = ()


def _csv_profile(content: object, **rest: object) -> CsvProfile:
    # Any: as above; parse checks what it is given.
    options: dict[str, Any] = dict(rest)
    return CsvProfile.parse(text("content", content), **options)


def _rows_profile(rows: object, **rest: object) -> CsvProfile:
    pairs: list[Any] = [items("rows", row) for row in items("rows", rows)]
    for count, pair in enumerate(pairs, start=1):
        whole(f"row {count} length", len(pair), 2, 2)
    options: dict[str, Any] = dict(rest)
    return CsvProfile(pairs, **options)


def _solar(charger: object, **rest: Any) -> SolarProfile:
    return SolarProfile(terminal_from_table(table("charger", charger)), **rest)


def _schedule(terminal: object, **rest: Any) -> DailySchedule:
    return DailySchedule(terminal_from_table(table("terminal", terminal)), **rest)


TERMINAL_KINDS: Final[Mapping[str, _Kind]] = {
    "cc_cv": _Kind(CcCvSupply, ("voltage_mv", "current_ma"), ("resistance_ohm",)),
    "csv": _Kind(_csv_profile, ("content",), ("shape", "ceiling_mv")),
    "current_load": _Kind(ConstantCurrentLoad, ("current_ma",)),
    "daily_load": _Kind(daily_load, ("current_ma", "on_hour", "off_hour")),
    "lead_acid": _Kind(
        LeadAcidCharger,
        ("current_ma", "absorption_mv", "float_mv"),
        (
            "absorption_s",
            "tail_ma",
            "rebulk_mv",
            "rebulk_s",
            "rebulk_after_s",
            "resistance_ohm",
        ),
    ),
    "power_load": _Kind(ConstantPowerLoad, ("power_mw",), ("minimum_mv",)),
    "profile": _Kind(_rows_profile, ("rows",), ("shape", "ceiling_mv")),
    "resistance_load": _Kind(ResistanceLoad, ("resistance_ohm",)),
    "schedule": _Kind(_schedule, ("terminal", "on_hour", "off_hour")),
    "solar": _Kind(_solar, ("charger", "peak_ma"), ("sunrise_hour", "sunset_hour")),
}

_PACK_FIELDS: Final = (
    "cells",
    "capacity_mah",
    "soc",
    "ambient_dk",
    "spread",
    "ntcs",
    "bleed_ohm",
    "start_s",
)
_CELL_FIELDS: Final = ("soc", "capacity_factor", "resistance_factor", "leak_ma")


def terminal_from_table(table: Mapping[str, object]) -> Terminal:
    """Return the source or load a table describes.

    Args:
        table: `kind` is one of cc_cv, csv (its text in `content`), current_load, daily_load,
            lead_acid, power_load, profile (`rows` of [time_s, current_ma]), resistance_load,
            schedule (any `terminal` table between two hours), solar (any `charger` table);
            the rest are the arguments of that class, by the same names and units.

    Raises:
        ValueError: an unknown kind or field, one that is missing, or a value out of its limits;
            one line names the field and the limit.
    """
    kind = TERMINAL_KINDS[text("kind", table.get("kind"), tuple(TERMINAL_KINDS))]
    given = {key: value for key, value in table.items() if key != "kind"}
    only("", given, kind.needed + kind.optional)
    for name in kind.needed:
        if name not in given:
            raise ValueError(f"{name}: missing from a {table['kind']} table")
    terminal: Terminal = kind.make(**given)
    return terminal


def pack_from_table(table: Mapping[str, object]) -> Pack:
    """Return the pack a table describes.

    Args:
        table: the arguments of Pack by name, `seed` (0..2^63-1, default 0) in place of `rng`;
            `cell` is a list of tables with `number` (the first is 1) and the arguments of
            Pack.set_cell; `ntc` a list of tables with `number` and `state` (ok, open, short).

    Raises:
        ValueError: an unknown field, or a value out of its limits; one line names the field
            and the limit.
    """
    only("", table, (*_PACK_FIELDS, "seed", "cell", "ntc"))
    seed = whole("seed", table.get("seed", 0), 0, 2**63 - 1)
    # Any: Pack checks what it is given.
    arguments: dict[str, Any] = {key: table[key] for key in _PACK_FIELDS if key in table}
    pack = Pack(**arguments, rng=random.Random(seed))
    for entry in _entries("cell", table):
        only("cell ", entry, ("number", *_CELL_FIELDS))
        faults: dict[str, Any] = {key: entry[key] for key in _CELL_FIELDS if key in entry}
        pack.set_cell(_count("cell number", entry), **faults)
    for entry in _entries("ntc", table):
        only("ntc ", entry, ("number", "state"))
        pack.set_ntc(_count("ntc number", entry), text("ntc state", entry.get("state")))
    return pack


def _entries(field: str, source: Mapping[str, object]) -> list[Mapping[str, object]]:
    return [table(field, entry) for entry in items(field, source.get(field, []))]


def _count(field: str, entry: Mapping[str, object]) -> int:
    return whole(field, entry.get("number"), 1, 32)
