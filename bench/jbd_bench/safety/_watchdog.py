"""The watchdog: cell voltage, temperature and current are looked at while tests run.

The limits are the board's own, from the settings it held before anything was written, and any
tighter ones a person gives. It looks between two exchanges, never into one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    UNIT_X10,
    ZERO_CELSIUS_DK,
    BasicInfo,
    JbdError,
    LocalError,
    Quantity,
    decode_payload,
)

if TYPE_CHECKING:
    from ..board import Snapshot

LOOK_EVERY_S: Final = 2.0
"""Seconds between two looks; each is one read of 0x03 and one of 0x04."""
AWAKE_S: Final = 20.0
"""After a longer silence the board may sleep (captured: after 30 s), and it is the test that wakes
it, not the watchdog."""
_NO_PROBE_DK: Final = 2431
"""What an input without a probe shows. Captured."""
_UNITS: Final = {"cell_mv": "mV", "pack_mv": "mV", "temp_c": "degC", "current_ma": "mA"}


class WatchdogTripped(JbdError):
    """A reading left its limits: the run ends and only what restores the board is sent."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The range of one reading, both ends still good.

    Attributes:
        name: ``cell_mv``, ``pack_mv``, ``temp_c`` or ``current_ma``, charging positive.
        low, high: None for no limit on that side.
        source: ``given`` or the board's settings that it comes from.
    """

    name: str
    low: float | None
    high: float | None
    source: str = "given"

    def broken_by(self, value: float) -> str | None:
        """Return in words how a reading breaks it, None where it does not."""
        unit = _UNITS[self.name]
        if self.high is not None and value > self.high:
            return f"{value:g} {unit}, above {self.high:g} {unit} ({self.source})"
        if self.low is not None and value < self.low:
            return f"{value:g} {unit}, below {self.low:g} {unit} ({self.source})"
        return None


def parse_limit(text: str) -> Limit:
    """Return the limit that ``cell_mv=2800:3600`` says; either side of the colon may be empty.

    Raises:
        LocalError: unknown name, no range, or an empty one.
    """
    name, equals, span = text.partition("=")
    low, colon, high = span.partition(":")
    if name not in _UNITS:
        raise LocalError(f"limit {text!r}: must be of {', '.join(_UNITS)}")
    try:
        ends = [float(end) if end else None for end in (low, high)]
    except ValueError:
        ends = [None, None]
    if not all(end is None or isfinite(end) for end in ends):
        # No reading is above "not a number": a limit that nothing breaks is worse than none.
        raise LocalError(f"limit {text!r}: must be finite numbers, {_UNITS[name]}")
    if not equals or not colon or ends == [None, None]:
        raise LocalError(
            f"limit {text!r}: must be {name}=LOW:HIGH, {_UNITS[name]}; one may be empty"
        )
    if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        raise LocalError(f"limit {text!r}: low must be below high")
    return Limit(name, ends[0], ends[1])


def limits_of(snapshot: Snapshot) -> tuple[Limit, ...]:
    """Return a board's own limits: just short of its software protections.

    A cell at its threshold trips the board after the delay, so the thresholds themselves are past
    the limit. Fields that the board did not tell set none.
    """
    values: dict[str, Quantity] = {}
    for address in (*range(0x18, 0x2A), 0x2D):
        if (raw := snapshot.settings.get(address)) is not None:
            values |= decode_payload(address, raw).values()
    wide = snapshot.settings.get(0x2D, b"\x00\x00")
    tens = 10 if int.from_bytes(wide, "big") & UNIT_X10 else 1

    def end(key: str, step: float, *, scale: float = 1.0, zero: float = 0.0) -> float | None:
        quantity = values.get(key)
        if quantity is None or not isinstance(quantity.value, int):
            return None
        return (quantity.value - zero) * scale + step

    def temperature(low: str, high: str) -> tuple[float | None, float | None]:
        zero = ZERO_CELSIUS_DK
        return end(low, 0.1, scale=0.1, zero=zero), end(high, -0.1, scale=0.1, zero=zero)

    rows = [
        ("cell_mv", end("cuvp", 1), end("covp", -1), "the board's cuvp and covp"),
        ("pack_mv", end("puvp", 10), end("povp", -10), "the board's puvp and povp"),
        ("current_ma", end("dsgoc", 10 * tens, scale=tens), end("chgoc", -10 * tens, scale=tens),
         "the board's dsgoc and chgoc"),
        ("temp_c", *temperature("dsgut", "dsgot"), "the board's dsgut and dsgot"),
        ("temp_c", *temperature("chgut", "chgot"), "the board's chgut and chgot, charging"),
    ]  # fmt: skip
    return tuple(
        Limit(*row) for row in rows if any(isinstance(side, float | int) for side in row[1:3])
    )


@dataclass(slots=True)
class Watchdog:
    """What is watched on one board, and when it was looked at last.

    Attributes:
        given: limits a person set.
        own: the board's.
        simulated: a cell simulator drives the board past its own limits on purpose: only what was
            given counts.
        cells: how many the board had when it was found; a test that counts more of them makes the
            board show inputs that nothing is wired to. None counts all.
        looked_s: when, on the link's clock; None for never.
        heard_s: when the board was heard last, likewise.
    """

    given: tuple[Limit, ...] = ()
    own: tuple[Limit, ...] = ()
    simulated: bool = False
    cells: int | None = None
    looked_s: float | None = None
    heard_s: float | None = None

    @property
    def limits(self) -> tuple[Limit, ...]:
        """What counts now."""
        return self.given if self.simulated else self.given + self.own

    def is_due(self, now_s: float) -> bool:
        """Return whether to look now."""
        if not self.limits:
            return False
        asleep = self.heard_s is not None and now_s - self.heard_s > AWAKE_S
        return not asleep and (self.looked_s is None or now_s - self.looked_s >= LOOK_EVERY_S)

    def judge(self, info: BasicInfo, cell_mv: Iterable[int]) -> None:
        """Take one look into account.

        Raises:
            WatchdogTripped: a reading is past a limit.
        """
        readings: Mapping[str, dict[str, float]] = {
            "cell_mv": {
                f"cell {n}": mv for n, mv in enumerate(tuple(cell_mv)[: self.cells], start=1)
            },
            "pack_mv": {"pack voltage": info.pack_mv},
            "current_ma": {"current": info.current_ma},
            "temp_c": {
                f"NTC {n}": round((dk - ZERO_CELSIUS_DK) / 10, 1)
                for n, dk in enumerate(info.ntc_dk, start=1)
                if dk != _NO_PROBE_DK
            },
        }
        for limit in self.limits:
            if limit.source.endswith("charging") and info.current_ma <= 0:
                continue
            for title, value in readings[limit.name].items():
                if (broken := limit.broken_by(value)) is not None:
                    raise WatchdogTripped(f"watchdog: {title} is at {broken}")
