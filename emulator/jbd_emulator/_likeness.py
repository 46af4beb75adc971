"""What makes an emulated unit the likeness of one board: its settings, its cells, its ways.

These are keys of a unit table, as ``jbd-bench snapshot`` writes them and a person may:

=================  ==========================================================================
``version``        version byte that 0x03 shows, where no firmware of the table has it
``model``          what 0x05 answers
``cells, ntcs``    what is wired, where no board kit has as many
``capacity_mah``   of the cells
``settings``       raw data by address, ``"0x24" = "0E 42"``, or values by field name
``parameters``     two raw bytes by parameter number, as 0xFA serves them
``counters``       words of 0xAA
``facts``          what this board does otherwise than its firmware's row
``pack``           ``cell_mv``, ``ntc_dk``, ``current_ma``, ``remaining_mah``, ``cycles``,
                   ``full_charge_mah``, ``fet_lock``: measured, from which the pack starts
``source``         where all this is from; it becomes the evidence
=================  ==========================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import (
    COUNTERS,
    Evidence,
    Grade,
)

from ._likeness_settings import likeness_settings, whole_of
from ._rules import Fact
from .plant import Pack
from .plant._chemistry import ocv_mv
from .plant._limits import items, number, only, table, text, whole

if TYPE_CHECKING:
    from ._device import Device
    from .profiles import BoardKit, FirmwareProfile

FACTS: Final = (
    "password", "closed_setting", "capacity_points", "counter_words", "chip_type", "parameters",
    "new_commands", "tail_bytes", "zero_checksum_refusal",
)  # fmt: skip
"""The facts of a firmware that ``facts`` may set otherwise."""
SILENCE: Final = "silence"
_FACT_LIMITS: Final = {
    "closed_setting": (0, 0xFF),
    "counter_words": (11, 12),
    "chip_type": (0, 0xFF),
    "tail_bytes": (0, 64),
}
_PACK_KEYS: Final = (
    "cell_mv", "ntc_dk", "current_ma", "remaining_mah", "full_charge_mah", "cycles", "fet_lock",
)  # fmt: skip
_MOST_MAH: Final = 1e8
_KNOWN_TAIL: Final = 9
_BISECTIONS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """A board kit and a firmware made like one board, and the state that it starts from.

    Attributes:
        kit: the board, its settings those of the original.
        profile: the firmware, with the facts that were seen.
        counters: words of 0xAA, None for all zero.
        measured: the keys of ``pack``, checked.
    """

    kit: BoardKit
    profile: FirmwareProfile
    counters: tuple[int, ...] | None
    measured: Mapping[str, object]

    def lay_out(self, pack: Pack) -> None:
        """Put measured voltages and temperatures into a pack that rests.

        A voltage that the resting curve holds becomes the charge it stands for; any other, of an
        open wire or a cell just charged, is held as it is.
        """
        current_ma = _number(self.measured, "current_ma")
        pack.set_temperatures(_numbers(self.measured, "ntc_dk"))
        for n, mv in enumerate(_numbers(self.measured, "cell_mv"), start=1):
            cell = pack.cell(n)
            resting_mv = mv - current_ma * (cell.ohm + cell.polar_ohm)
            if ocv_mv(0.0) < resting_mv < ocv_mv(1.0):
                cell.rc_mv = current_ma * cell.polar_ohm
                pack.set_cell(n, soc=_soc_at(resting_mv))
            else:
                pack.hold_cell(n, mv=mv)

    def begin(self, device: Device) -> None:
        """Give a new device the counters and the gauge of the original."""
        monitor, measured = device.monitor, self.measured
        if self.counters is not None:
            words = [*self.counters, *(0 for _ in COUNTERS)]
            monitor.counters = words[: len(COUNTERS)]
        if "remaining_mah" in measured:
            monitor.remaining_mah = _number(measured, "remaining_mah")
        if "cycles" in measured:
            counted = _number(measured, "cycles") - device.settings.word(0x17)
            monitor.cycles_mah = max(0.0, counted) * device.settings.word(0x11) * 10.0
        monitor.fet_lock = int(_number(measured, "fet_lock"))
        current_ma = _number(measured, "current_ma")
        if current_ma < 0:
            device.lab.set_load(-current_ma)
        elif current_ma > 0:
            # Up to the pack's over-voltage, whatever charger there was.
            device.lab.set_charger(device.settings.word(0x20) * 10.0, current_ma)


def likeness_from_table(
    given: Mapping[str, object], firmware: FirmwareProfile, board: BoardKit
) -> Likeness:
    """Return what the keys of a unit table describe.

    Args:
        given: of ``LIKENESS_KEYS``, any of them.
        firmware: the row that ``facts`` change.
        board: the kit that stands for all that is not given.
    Raises:
        ValueError: one line names the key and the limit.
    """
    source = text("source", given.get("source", "the unit's own table"))
    evidence = Evidence(Grade.CAPTURED, source)
    facts: dict[str, Any] = _facts(given, firmware, evidence)  # Any: each was made as its field is
    profile = firmware._replace(**facts)
    if "version" in given:
        profile = profile._replace(
            version=whole_of("version", given["version"], 0, 0xFF),
            title=f"as seen: {source}; otherwise as {firmware.version_text}",
        )
    measured = _measured(given)
    settings = likeness_settings(given, board, measured.get("full_charge_mah"))
    kit = board._replace(
        name=text("model", given.get("model", board.name)),
        cells=whole_of("cells", given.get("cells", board.cells), 3, 32),
        ntcs=whole_of("ntcs", given.get("ntcs", board.ntcs), 0, 8),
        capacity_mah=whole_of(
            "capacity_mah", given.get("capacity_mah", board.capacity_mah), 1, int(_MOST_MAH)
        ),
        settings=MappingProxyType(settings),
        evidence=evidence,
    )
    for key, most in (("cell_mv", kit.cells), ("ntc_dk", kit.ntcs)):
        if len(_numbers(measured, key)) > most:
            raise ValueError(f"pack {key}: {len(_numbers(measured, key))} values for {most} inputs")
    return Likeness(kit=kit, profile=profile, counters=_counters(given), measured=measured)


# -- facts, counters, measured values ----------------------------------------------------------


def _facts(
    given: Mapping[str, object], firmware: FirmwareProfile, evidence: Evidence
) -> dict[str, Any]:
    facts = table("facts", given.get("facts", {}))
    only("facts ", facts, FACTS)
    return {
        name: Fact(_fact(name, value, getattr(firmware, name).value), evidence)
        for name, value in facts.items()
    }


def _fact(name: str, value: object, present: object) -> object:
    if isinstance(present, Enum) and not isinstance(present, int):
        kinds = {kind.name.lower(): kind for kind in type(present)}
        if str(value) not in kinds:
            raise ValueError(f"facts {name} {value!r}: must be {' or '.join(kinds)}")
        return kinds[str(value)]
    if name == "chip_type" and value == SILENCE:
        return None
    if isinstance(present, bool):
        if not isinstance(value, bool):
            raise ValueError(f"facts {name} {value!r}: must be true or false")
        return value
    n = whole_of(f"facts {name}", value, *_FACT_LIMITS[name])
    if name == "tail_bytes" and 0 < n < _KNOWN_TAIL:
        raise ValueError(f"facts tail_bytes {n}: must be 0, or {_KNOWN_TAIL} to 64")
    return n


def _counters(given: Mapping[str, object]) -> tuple[int, ...] | None:
    if "counters" not in given:
        return None
    words = items("counters", given["counters"])
    if len(words) > len(COUNTERS):
        raise ValueError(f"counters: {len(words)} words, {len(COUNTERS)} are the most")
    return tuple(whole("counters", word, 0, 0xFFFF) for word in words)


def _measured(given: Mapping[str, object]) -> Mapping[str, object]:
    pack = table("pack", given.get("pack", {}))
    only("pack ", pack, _PACK_KEYS)
    checked: dict[str, object] = {}
    for key, value in pack.items():
        if key in ("cell_mv", "ntc_dk"):
            most = 10_000 if key == "cell_mv" else 0xFFFF
            checked[key] = tuple(whole(f"pack {key}", one, 0, most) for one in items(key, value))
        elif key == "current_ma":
            checked[key] = number("pack current_ma", value, -1e7, 1e7)
        elif key == "fet_lock":
            checked[key] = whole("pack fet_lock", value, 0, 3)
        else:
            checked[key] = number(f"pack {key}", value, 0.0, _MOST_MAH)
    return MappingProxyType(checked)


def _numbers(measured: Mapping[str, object], key: str) -> tuple[int, ...]:
    values = measured.get(key, ())
    assert isinstance(values, tuple)
    return values


def _number(measured: Mapping[str, object], key: str) -> float:
    value = measured.get(key, 0)
    assert isinstance(value, (int, float))
    return value


def _soc_at(mv: float) -> float:
    """Return the charge at which a resting cell has a voltage."""
    low, high = 0.0, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if ocv_mv(middle) < mv else (low, middle)
    return (low + high) / 2
