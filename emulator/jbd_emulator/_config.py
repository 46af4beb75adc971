"""What a unit is made of, from a line of text, a TOML table or Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import parse_qsl

from jbd_protocol import LocalError, PinEncoding, encode_pin

from .profiles import BOARDS, FIRMWARE, BoardKit, FirmwareProfile

if TYPE_CHECKING:
    from ._likeness import Likeness
    from .faults import Fault
    from .scenario import Scenario


class ConfigError(ValueError):
    """A unit that cannot be made; one line names the field and the limit."""


class Override(NamedTuple):
    """What a register answers in place of what the board would.

    Attributes:
        kind: ``silence``, ``bad-checksum``, ``status`` or ``delay``.
        status: the status byte of ``status``.
        delay_s: seconds of ``delay``.
    """

    kind: str
    status: int = 0
    delay_s: float = 0.0


LIKENESS_KEYS: Final = frozenset(
    {"version", "model", "cells", "ntcs", "capacity_mah", "settings", "parameters", "counters",
     "facts", "pack", "source"}
)  # fmt: skip
"""The keys of a unit table that make it the likeness of one board; ``_likeness`` reads them."""
_LONGEST_DELAY_S: Final = 86_400.0
_NO_OVERRIDES: Final[Mapping[int, Override]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitConfig:
    """One emulated unit.

    Attributes:
        firmware: version byte, a key of ``FIRMWARE``.
        board: key of ``BOARDS``.
        name: what the unit is called in logs; made of the two where empty.
        pin: six digits of a stored PIN, None for none. A firmware without a password function
            keeps it and never looks at it.
        pin_encoding: what a digit is on the wire; None takes the firmware's.
        seed: of everything random; the same seed gives the same bytes.
        soc_percent: true state of charge at the start, 0 to 100.
        load_ma: constant load at the terminals from the start, mA.
        charge_mv, charge_ma: supply at the terminals from the start, mV and mA.
        sleep: whether the board falls asleep after 30 s of silence, and starts asleep.
        answers: overrides by register; each is a fault under a shorter name.
        faults: what goes wrong from the start.
        state: file that settings and PIN survive a restart in, None for none.
        scenario: what the unit lives through; ``unit_from_table`` takes a name of the gallery or
            the path of a file. Its pack, and what is connected, are the scenario's.
        speed: how many times faster than its clock board and pack live, 1 to 10000. The wire, its
            silences and the board's sleep keep to the clock.
        likeness: the one board that the unit is made like: settings, facts and measured values
            that stand in place of firmware and kit; see ``jbd_emulator._likeness`` for its keys.
    """

    firmware: int = 0x21
    board: str = "4s"
    name: str = ""
    pin: str | None = None
    pin_encoding: PinEncoding | None = None
    seed: int = 0
    soc_percent: float = 70.0
    load_ma: float = 0.0
    charge_mv: float = 0.0
    charge_ma: float = 0.0
    sleep: bool = False
    answers: Mapping[int, Override] = field(default_factory=lambda: _NO_OVERRIDES)
    faults: tuple[Fault, ...] = ()
    state: Path | None = None
    scenario: Scenario | None = None
    speed: int = 1
    likeness: Likeness | None = None

    def __post_init__(self) -> None:
        if self.firmware not in FIRMWARE:
            known = ", ".join(f"0x{version:02X}" for version in FIRMWARE)
            raise ConfigError(f"firmware 0x{self.firmware:02X}: unknown; there is {known}")
        if self.board not in BOARDS:
            raise ConfigError(f"board {self.board!r}: unknown; there is {', '.join(BOARDS)}")
        if self.pin is not None:
            try:
                encode_pin(self.pin)
            except LocalError as error:
                raise ConfigError(str(error)) from None
        if not 0 <= self.soc_percent <= 100:
            raise ConfigError(f"soc_percent {self.soc_percent}: must be 0 to 100")
        for key in ("load_ma", "charge_mv", "charge_ma"):
            if not 0 <= getattr(self, key) <= 10_000_000:
                raise ConfigError(f"{key} {getattr(self, key)}: must be 0 to 10000000")
        if not 1 <= self.speed <= 10_000:
            raise ConfigError(f"speed {self.speed}: must be 1 to 10000")
        if self.scenario is not None and self.state is not None:
            raise ConfigError(f"state {self.state}: a scenario starts from its own pack")

    @property
    def profile(self) -> FirmwareProfile:
        """The firmware's row, with the PIN encoding asked for."""
        row = FIRMWARE[self.firmware] if self.likeness is None else self.likeness.profile
        if self.pin_encoding is None or self.pin_encoding is row.pin_encoding.value:
            return row
        return row._replace(pin_encoding=row.pin_encoding._replace(value=self.pin_encoding))

    @property
    def kit(self) -> BoardKit:
        """The board's row."""
        return BOARDS[self.board] if self.likeness is None else self.likeness.kit

    @property
    def stored_pin(self) -> bytes | None:
        """The six bytes of the PIN, as this firmware compares them."""
        if self.pin is None:
            return None
        return encode_pin(self.pin, self.profile.pin_encoding.value)

    @property
    def all_faults(self) -> tuple[Fault, ...]:
        """The faults, those that the overrides stand for included."""
        if not self.answers:
            return self.faults
        return tuple(_as_fault(*row) for row in self.answers.items()) + self.faults

    @property
    def title(self) -> str:
        """The name, or one made of firmware and board."""
        return self.name or f"0x{self.firmware:02X}-{self.board}"


def parse_unit(text: str, *, name: str = "") -> UnitConfig:
    """Return the unit that ``0x21?pin=123456&board=4s&answer_06=silence`` describes.

    Raises:
        ConfigError: the message names key and limit.
    """
    version, _, query = text.partition("?")
    values: dict[str, object] = {"firmware": version} if version else {}
    pairs = parse_qsl(query, keep_blank_values=True)
    return unit_from_table(values | dict(pairs) | ({"name": name} if name else {}))


def unit_from_table(table: Mapping[str, object]) -> UnitConfig:
    """Return the unit that a TOML table, or the pairs of a query, describe.

    Keys are the fields of :class:`UnitConfig`, and ``answer_XX`` with ``silence``,
    ``bad-checksum``, ``delay-SECONDS`` or a status such as ``0x83``. ``fault`` is a list of tables
    as :func:`jbd_emulator.faults.fault_from_table` takes them.

    Raises:
        ConfigError: the message names key and limit.
    """
    known = {f.name for f in fields(UnitConfig)} - {"answers", "faults", "likeness"} | {"fault"}
    if "scenario" in table:
        scenario = _scenario(table["scenario"])
        table = {**scenario.unit, **table, "scenario": scenario}
    values: dict[str, object] = {}
    answers: dict[int, Override] = {}
    table, alike = _likeness_keys(table)
    for key, value in table.items():
        if key.startswith("answer_"):
            answers[_register(key)] = parse_override(key, str(value))
        elif key == "fault":
            values["faults"] = _faults(value)
        elif key in known:
            values[key] = _CONVERT.get(key, _text)(key, value)
        else:
            raise ConfigError(f"{key}: unknown key; there is {', '.join(sorted(known))}, answer_XX")
    config = UnitConfig(**values, answers=MappingProxyType(answers))  # type: ignore[arg-type]  # each value was converted by its key
    return config if not alike else _made_alike(config, alike)


def _likeness_keys(
    table: Mapping[str, object],
) -> tuple[Mapping[str, object], Mapping[str, object]]:
    """Return the table without the keys of a likeness, and those."""
    alike = {key: value for key, value in table.items() if key in LIKENESS_KEYS}
    return {key: value for key, value in table.items() if key not in alike}, alike


def _made_alike(config: UnitConfig, alike: Mapping[str, object]) -> UnitConfig:
    # Only who wants a certain board loads what makes one.
    from ._likeness import likeness_from_table

    if config.scenario is not None and "pack" in alike:
        raise ConfigError("pack: a scenario starts from its own pack")
    try:
        likeness = likeness_from_table(alike, FIRMWARE[config.firmware], BOARDS[config.board])
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return replace(config, likeness=likeness)


def parse_firmware(text: str) -> int:
    """Return the version byte that ``0x21``, ``21`` or ``2.1`` stands for.

    Raises:
        ConfigError: it is none.
    """
    digits = text.lower().removeprefix("0x").replace(".", "")
    try:
        return int(digits, 16)
    except ValueError:
        raise ConfigError(f"firmware {text!r}: must be a version byte such as 0x21") from None


def parse_override(key: str, text: str) -> Override:
    """Return what a register is made to answer.

    Raises:
        ConfigError: it is none of what there is.
    """
    if text in ("silence", "bad-checksum"):
        return Override(text)
    try:
        if text.startswith("delay-"):
            delay_s = float(text.removeprefix("delay-"))
            if 0 <= delay_s <= _LONGEST_DELAY_S:
                return Override("delay", delay_s=delay_s)
        elif 0 <= (status := int(text, 16)) <= 0xFF:
            return Override("status", status=status)
    except ValueError:
        pass
    raise ConfigError(
        f"{key} {text!r}: must be silence, bad-checksum, delay-SECONDS, up to "
        f"{_LONGEST_DELAY_S:g}, or a status as 0x83"
    )


def _register(key: str) -> int:
    try:
        address = int(key.removeprefix("answer_"), 16)
    except ValueError:
        address = -1
    if not 0 <= address <= 0xFF:
        raise ConfigError(f"{key}: must be answer_ and a register in hexadecimal, answer_06")
    return address


def _faults(value: object) -> tuple[Fault, ...]:
    if not isinstance(value, list | tuple):
        raise ConfigError(f"fault {value!r}: must be a list of tables")
    # Only who asks for a fault loads what knows them.
    from .faults import Fault, fault_from_table

    return tuple(one if isinstance(one, Fault) else fault_from_table(one) for one in value)


def _as_fault(register: int, override: Override) -> Fault:
    from .faults import Fault

    name = f"answer_{register:02X}"
    if override.kind == "status":
        return Fault("answer", id=name, register=register, status=override.status)
    if override.kind == "delay":
        return Fault("delay", id=name, register=register, delay_s=override.delay_s)
    kind = {"silence": "silence", "bad-checksum": "wrong_checksum"}[override.kind]
    return Fault(kind, id=name, register=register)


def _scenario(value: object) -> Scenario:
    # Only who asks for a scenario loads what reads one.
    from .scenario import Scenario, load_scenario

    return value if isinstance(value, Scenario) else load_scenario(str(value))


def _as_it_is(key: str, value: object) -> object:
    return value


def _text(key: str, value: object) -> object:
    return str(value)


def _number(key: str, value: object) -> object:
    try:
        return float(str(value))
    except ValueError:
        raise ConfigError(f"{key} {value!r}: must be a number") from None


def _whole(key: str, value: object) -> object:
    try:
        return int(str(value), 0)
    except ValueError:
        raise ConfigError(f"{key} {value!r}: must be a whole number") from None


def _flag(key: str, value: object) -> object:
    words = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    flag = words.get(str(value).lower())
    if flag is None:
        raise ConfigError(f"{key} {value!r}: must be 1 or 0")
    return flag


def _encoding(key: str, value: object) -> object:
    try:
        return PinEncoding(str(value))
    except ValueError:
        raise ConfigError(f"{key} {value!r}: must be {' or '.join(PinEncoding)}") from None


def _version(key: str, value: object) -> object:
    return value if isinstance(value, int) else parse_firmware(str(value))


def _path(key: str, value: object) -> object:
    return Path(str(value))


_CONVERT: Final[Mapping[str, Callable[[str, object], object]]] = {
    "firmware": _version,
    "pin_encoding": _encoding,
    "seed": _whole,
    "soc_percent": _number,
    "load_ma": _number,
    "charge_mv": _number,
    "charge_ma": _number,
    "sleep": _flag,
    "scenario": _as_it_is,
    "speed": _whole,
    "state": _path,
}
