"""What the settings in force mean to the board, worked out once for every board that has them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jbd_protocol import FUNCTION_FLAGS, SETTINGS, UNIT_X10, Field, decode_payload

from .._parameters import ONLY_BY_NUMBER
from ._rows import Measured, ProtectionRow

if TYPE_CHECKING:
    from .._store import SettingsStore

LEARNED_CAPACITY: Final = ONLY_BY_NUMBER + 112
"""Parameter 112: what the board has learned, in capacity counts; 0 is nothing. Vendor V11."""
_LEAST_CURRENT: Final = ONLY_BY_NUMBER + 121
"""Parameter 121: the smallest current that is recognised, mA. Vendor V11."""
_ADDRESSES: Final = (*range(0x10, 0x48), LEARNED_CAPACITY, _LEAST_CURRENT)
_PLACE: Final = {address: 2 * n for n, address in enumerate(_ADDRESSES)}
_HOME: Final[dict[str, tuple[int, Field]]] = {
    field.name: (address, field)
    for address, row in SETTINGS.items()
    if address in _PLACE
    for field in row.layout
}
_POINTS: Final = (0x13, 0x46, 0x35, 0x45, 0x34, 0x44, 0x33, 0x43, 0x32, 0x42, 0x47)
"""Settings of the cell voltages at 0, 10 .. 100 %. 0x42..0x47 captured, the rest vendor V11."""
_PER_SECOND: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6}
_SHUNT_FINE: Final = 0x8000
_MOST_CELLS: Final = 32


class Level(NamedTuple):
    """The numbers of one protection, signed so that larger is worse.

    Attributes:
        threshold: passed at this value and above.
        release: released at this value and below, if the threshold is not passed.
        delay_s: how long it must be passed.
        release_delay_s: how long it must be released.
    """

    threshold: float
    release: float
    delay_s: float
    release_delay_s: float


class Limits(NamedTuple):
    """All that one set of settings says.

    Attributes:
        levels: by the row of the protection.
        calm: for each kind of reading, the highest that no row minds: thresholds not reached.
        calm_low: likewise the lowest.
        cells, ntcs: what is watched.
        load_detection, switch: bits ``scrl`` and ``switch`` of 0x2D.
        balancing, only_charging: bits ``balance_en`` and ``chg_balance_en``.
        balance_start_mv, balance_window_mv: 0x2A and 0x2B.
        count_mah, count_ma: what one count of a capacity and of a current is, 10 or 100.
        nominal_mah, cycle_mah: 0x10 and 0x11.
        full_mah: what the board takes for full: learned, else nominal.
        learn_mah: the least and the most that it may learn.
        full_mv, empty_mv: 0x12 and 0x13, per cell.
        points_mv: cell voltages at 0, 10 .. 100 %, never falling.
        drain_ma: what the board itself takes, 0x14.
        least_ma: smaller currents are taken for none.
    """

    levels: tuple[Level, ...]
    calm: tuple[float, ...]
    calm_low: tuple[float, ...]
    cells: int
    ntcs: int
    load_detection: bool
    switch: bool
    balancing: bool
    only_charging: bool
    balance_start_mv: int
    balance_window_mv: int
    count_mah: int
    count_ma: int
    nominal_mah: int
    cycle_mah: int
    full_mah: float
    learn_mah: tuple[float, float]
    full_mv: int
    empty_mv: int
    points_mv: tuple[int, ...]
    drain_ma: int
    least_ma: int


def limits_of(settings: SettingsStore, rows: tuple[ProtectionRow, ...]) -> Limits:
    """Return what the settings in force say; boards of the same settings share one object."""
    return _decode(b"".join([settings[address] for address in _ADDRESSES]), rows)


@lru_cache(maxsize=64)
def _decode(raw: bytes, rows: tuple[ProtectionRow, ...]) -> Limits:
    def word(address: int) -> int:
        at = _PLACE[address]
        return int.from_bytes(raw[at : at + 2], "big")

    flags = word(0x2D)
    on = {name for n, name in enumerate(FUNCTION_FLAGS) if flags >> n & 1}
    count = 100 if flags & UNIT_X10 else 10
    nominal = word(0x10) * count
    learned = word(LEARNED_CAPACITY) * count
    if "fcc_limit" in on:
        learned = min(learned, nominal)
    levels = tuple(_level(raw, row, count) for row in rows)
    calm, calm_low = _calm(levels, rows)
    points: list[int] = []
    for address in _POINTS:
        points.append(max(word(address), *points[-1:], 0))
    return Limits(
        levels=levels,
        calm=calm,
        calm_low=calm_low,
        cells=max(1, min(word(0x2F), _MOST_CELLS)),
        ntcs=word(0x2E).bit_count(),
        load_detection="scrl" in on,
        switch="switch" in on,
        balancing="balance_en" in on,
        only_charging="chg_balance_en" in on,
        balance_start_mv=word(0x2A),
        balance_window_mv=word(0x2B),
        count_mah=count,
        count_ma=count,
        nominal_mah=nominal,
        cycle_mah=word(0x11) * count,
        full_mah=float(learned or nominal),
        # "The maximum correction ratio is 20 %" (vendor document: JBD, explanation of terms);
        # fcc_limit: never above nominal (assumed, from the name in V11).
        learn_mah=(0.8 * nominal, nominal * (1.0 if "fcc_limit" in on else 1.2)),
        full_mv=word(0x12),
        empty_mv=word(0x13),
        points_mv=tuple(points),
        drain_ma=word(0x14),
        least_ma=word(_LEAST_CURRENT),
    )


def _level(raw: bytes, row: ProtectionRow, count_ma: int) -> Level:
    if row.threshold is None:
        return Level(1.0, 0.0, 0.0, 0.0)
    sign = 1 if row.over else -1
    threshold, _ = _number(raw, row.threshold)
    if row.shunt:
        threshold = -_shunt_ma(raw, threshold)
    elif row.measured is Measured.CURRENT:
        # Settings files hold magnitudes too: with the wrong sign any current would trip, and
        # without this one of nothing would, too.
        threshold = sign * max(1, sign * threshold * count_ma // 10)
    release = threshold if row.release is None else _number(raw, row.release)[0]
    return Level(
        sign * threshold,
        sign * release,
        _seconds(raw, row.delay),
        _seconds(raw, row.release_delay),
    )


def _shunt_ma(raw: bytes, level_mv: int) -> int:
    """Return the current that gives ``level_mv`` over the shunt; out of reach without a shunt."""
    shunt = int.from_bytes(raw[_PLACE[0x2C] : _PLACE[0x2C] + 2], "big")
    flags = int.from_bytes(raw[_PLACE[0x2D] : _PLACE[0x2D] + 2], "big")
    fine = shunt & _SHUNT_FINE or flags & UNIT_X10
    micro_ohm = (shunt & ~_SHUNT_FINE) * (10 if fine else 100)
    doubled, _ = _number(raw, "sc_dsgoc_x2")
    return level_mv * (2 if doubled else 1) * 1_000_000 // micro_ohm if micro_ohm else 1 << 40


def _number(raw: bytes, name: str) -> tuple[int, str]:
    """Return a field of the settings by name, and its unit."""
    address, _ = _HOME[name]
    at = _PLACE[address]
    first, second = raw[at : at + 2]
    if address == 0x38:
        # The field is four bits wide, the front end's table has eight codes: jbdtool reads three.
        second &= 0x7F
    value, unit = decode_payload(address, bytes((first, second))).values()[name]
    assert isinstance(value, int), name
    return value, unit


def _seconds(raw: bytes, name: str | None) -> float:
    if name is None:
        return 0.0
    value, unit = _number(raw, name)
    return value * _PER_SECOND[unit]


def _calm(
    levels: tuple[Level, ...], rows: tuple[ProtectionRow, ...]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return, by kind of reading, the bounds that no threshold lies within."""
    high = [float("inf")] * len(Measured)
    low = [float("-inf")] * len(Measured)
    for level, row in zip(levels, rows, strict=True):
        if row.over:
            high[row.measured] = min(high[row.measured], level.threshold)
        else:
            low[row.measured] = max(low[row.measured], -level.threshold)
    return tuple(high), tuple(low)
