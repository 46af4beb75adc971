"""What an event may do, as a table: one row per action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import FUNCTION_FLAGS, SETTINGS, ZERO_CELSIUS_DK, encode_setting

from .._config import ConfigError, parse_firmware
from ..faults._kinds import KINDS, WHERE
from ..plant import ResistanceLoad, Terminal
from ..plant._limits import number, table, text
from ..profiles import FIRMWARE

if TYPE_CHECKING:
    from .._device import Device
    from .._unit import Unit
    from ..faults import ActiveFault

SHORT_OHM: Final = 0.002
"""A wrench across the terminals. Assumed: two contacts and a hand's breadth of steel."""
_FLAGS_ADDRESS: Final = 0x2D
_SETTING_OF_FIELD: Final = {
    field.name: address for address, row in SETTINGS.items() for field in row.layout
}


class Stage:
    """What events act upon.

    Attributes:
        device: the board with its pack.
        unit: what the board is part of, once it is.
        terminals: sources and loads of the scenario by name, connected or not.
        short: the short circuit that stands, or None.
    """

    __slots__ = ("_unit", "device", "short", "terminals")

    def __init__(self, device: Device, terminals: Mapping[str, Terminal]) -> None:
        self.device = device
        self.terminals = dict(terminals)
        self.short: Terminal | None = None
        self._unit: Unit | None = None

    @property
    def unit(self) -> Unit:
        """The unit; for what acts on more than the board."""
        assert self._unit is not None, "a story begins when its unit is made"
        return self._unit

    @unit.setter
    def unit(self, unit: Unit) -> None:
        self._unit = unit

    def terminal(self, name: object) -> Terminal:
        """Return a terminal by its name.

        Raises:
            ValueError: there is none.
        """
        known = tuple(self.terminals)
        if not known:
            raise ValueError(f"terminal: {name!r} is unknown, no terminal has a name")
        return self.terminals[text("terminal", name, known)]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing that can happen.

    Attributes:
        about: what it does, and in which units.
        run: called with the stage and the fields by name; refuses with a ValueError that names
            the field.
        needed, optional: fields of the event beside those that every event has.
        undo: ends what it began: called with the stage, the fields, and what ``run`` returned;
            None for what cannot be ended.
        wired: whether it changes what passes on the wire.
    """

    about: str
    # Any: each function checks its own fields, whose types the table does not know.
    run: Callable[..., Any]
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    undo: Callable[[Stage, Mapping[str, Any], Any], object] | None = None
    wired: bool = False


def encode_settings(values: object, base: Callable[[int], bytes]) -> dict[int, bytes]:
    """Return raw settings by address from values by field name, in the field's unit.

    Args:
        values: such as ``{covp = 3600, covp_delay = 2}``; names as in ``SETTINGS``, and the bits
            of 0x2D by theirs, ``{balance_en = true}``.
        base: what an address holds, so that the rest of it stays.

    Raises:
        ValueError: an unknown name, or a value that the field cannot hold.
    """
    raw: dict[int, bytes] = {}
    for name, value in table("settings", values).items():
        if name in FUNCTION_FLAGS:
            old = raw.get(_FLAGS_ADDRESS, base(_FLAGS_ADDRESS))
            raw[_FLAGS_ADDRESS] = _with_flag(name, value, old)
            continue
        address = _SETTING_OF_FIELD.get(name)
        if address is None:
            raise ValueError(f"{name}: no such field of a setting")
        # Any: encode_setting checks what its field can hold.
        given: Any = value
        raw[address] = encode_setting(address, {name: given}, raw.get(address, base(address)))
    return raw


def _with_flag(name: str, value: object, old: bytes) -> bytes:
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r} is not true or false")
    bit = 1 << FUNCTION_FLAGS.index(name)
    word = int.from_bytes(old, "big")
    return (word | bit if value else word & ~bit).to_bytes(2, "big")


def _dk(field: str, celsius: object) -> int:
    return round(10 * number(field, celsius, -50.0, 150.0)) + ZERO_CELSIUS_DK


def _load(stage: Stage, current_ma: Any) -> None:
    stage.device.lab.set_load(number("current_ma", current_ma, 0.0, 1e7))


def _charger(stage: Stage, voltage_mv: Any, current_ma: Any) -> None:
    current = number("current_ma", current_ma, 0.0, 1e7)
    stage.device.lab.set_charger(number("voltage_mv", voltage_mv, 1.0, 1e6), current)


def _connect(stage: Stage, terminal: Any) -> None:
    one = stage.terminal(terminal)
    if one in stage.device.pack.terminals:
        raise ValueError(f"terminal: {terminal!r} is connected already")
    stage.device.pack.connect(one)


def _disconnect(stage: Stage, terminal: Any) -> None:
    one = stage.terminal(terminal)
    if one not in stage.device.pack.terminals:
        raise ValueError(f"terminal: {terminal!r} is not connected")
    stage.device.pack.disconnect(one)


def _hold_ntc(stage: Stage, ntc: Any, celsius: Any) -> None:
    stage.device.pack.hold_ntc(ntc, dk=_dk("celsius", celsius))


def _ambient(stage: Stage, celsius: Any) -> None:
    stage.device.pack.ambient_dk = _dk("celsius", celsius)


def _short_circuit(stage: Stage, resistance_ohm: Any = SHORT_OHM) -> None:
    short = ResistanceLoad(resistance_ohm)
    _remove_short(stage)
    stage.device.pack.connect(short)
    stage.short = short


def _remove_short(stage: Stage) -> None:
    if stage.short is not None:
        stage.device.pack.disconnect(stage.short)
        stage.short = None


def _write_setting(stage: Stage, settings: Any) -> None:
    store = stage.device.settings
    for address, data in encode_settings(settings, store.__getitem__).items():
        store.write(address, data)
    stage.device.changed()


def _switch(stage: Stage, closed: Any) -> None:
    if not isinstance(closed, bool):
        raise ValueError(f"closed: {closed!r} is not true or false")
    stage.device.monitor.switch_closed = closed


def _fault(stage: Stage, **table: Any) -> ActiveFault:
    return stage.unit.faults.add(table, stage.device.lived_until_s)


def _heal(stage: Stage, **fields: Any) -> None:
    name = text("id", fields["id"])
    for active in stage.unit.faults.active:
        # One that has healed by itself needs nothing more.
        if active.id == name:
            stage.unit.faults.remove(active)


def _end_fault(stage: Stage, fields: Mapping[str, Any], fault: ActiveFault) -> None:
    if not fault.healed:
        stage.unit.faults.remove(fault)


def _firmware(stage: Stage, version: Any) -> None:
    try:
        given = version if type(version) is int else parse_firmware(text("version", version))
    except ConfigError:
        given = -1
    if given not in FIRMWARE:
        known = ", ".join(f"0x{one:02X}" for one in FIRMWARE)
        raise ValueError(f"version: {version!r} is none of {known}")
    stage.unit.flash(given, stage.device.lived_until_s)


def _pin(stage: Stage, digits: Any) -> None:
    try:
        stage.unit.set_pin(text("digits", digits) or None)
    except ConfigError:
        raise ValueError(f"digits: {digits!r} must be six digits, or empty for none") from None


def _link(stage: Stage, up: Any, end: Any = "board") -> None:
    if not isinstance(up, bool):
        raise ValueError(f"up: {up!r} is not true or false")
    name = f"link at the {text('end', end, ('board', 'client'))}"
    _heal(stage, id=name)
    if not up:
        _fault(stage, kind="unplugged", id=name, end=end)


def _fault_fields() -> tuple[str, ...]:
    rows = {field.name for row in KINDS.values() for field in (*WHERE, *row.fields)}
    return tuple(sorted(rows))


ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "load": Action(
            "draw a constant current, mA; 0 takes the load off", _load, ("current_ma",),
            undo=lambda stage, fields, _: stage.device.lab.set_load(0.0),
        ),
        "charger": Action(
            "connect a supply with a voltage and a current limit, mV and mA; 0 mA takes it off",
            _charger, ("voltage_mv", "current_ma"),
            undo=lambda stage, fields, _: stage.device.lab.set_charger(0.0, 0.0),
        ),
        "connect": Action(
            "connect a terminal by its name", _connect, ("terminal",),
            undo=lambda stage, fields, _: _disconnect(stage, fields["terminal"]),
        ),
        "disconnect": Action(
            "take a terminal off by its name", _disconnect, ("terminal",),
            undo=lambda stage, fields, _: _connect(stage, fields["terminal"]),
        ),
        "hold_cell": Action(
            "put a cell simulator in a cell's place, mV",
            lambda stage, cell, mv: stage.device.pack.hold_cell(cell, mv=mv), ("cell", "mv"),
            undo=lambda stage, fields, _: stage.device.pack.release_cell(fields["cell"]),
        ),
        "release_cell": Action(
            "put the cell back", lambda stage, cell: stage.device.pack.release_cell(cell), ("cell",)
        ),
        "set_cell": Action(
            "make a cell another one: its charge 0..1, factors of capacity and resistance, a leak",
            lambda stage, cell, **rest: stage.device.pack.set_cell(cell, **rest), ("cell",),
            ("soc", "capacity_factor", "resistance_factor", "leak_ma"),
        ),
        "hold_ntc": Action(
            "let an NTC read a temperature", _hold_ntc, ("ntc", "celsius"),
            undo=lambda stage, fields, _: stage.device.pack.release_ntc(fields["ntc"]),
        ),
        "release_ntc": Action(
            "let an NTC follow its cell", lambda stage, ntc: stage.device.pack.release_ntc(ntc),
            ("ntc",),
        ),
        "set_ntc": Action(
            "make an NTC ok, open or short",
            lambda stage, ntc, state: stage.device.pack.set_ntc(ntc, state), ("ntc", "state"),
            undo=lambda stage, fields, _: stage.device.pack.set_ntc(fields["ntc"], "ok"),
        ),
        "hold_current": Action(
            "drive a current through the pack, mA, positive charging",
            lambda stage, current_ma: stage.device.pack.hold_current(current_ma), ("current_ma",),
            undo=lambda stage, fields, _: stage.device.pack.release_current(),
        ),
        "release_current": Action(
            "give the pack back to its terminals",
            lambda stage: stage.device.pack.release_current(),
        ),
        "ambient": Action("change the temperature of the air", _ambient, ("celsius",)),
        "short_circuit": Action(
            "lay a resistance across the terminals, 0.002 Ohm where none is given",
            _short_circuit, (), ("resistance_ohm",),
            undo=lambda stage, fields, _: _remove_short(stage),
        ),
        "remove_short": Action("take it off again", _remove_short),
        "write_setting": Action(
            "put settings in force, by field name and in the field's unit",
            _write_setting, ("settings",),
        ),
        "switch": Action(
            "open or close the external switch", _switch, ("closed",),
            undo=lambda stage, fields, _: _switch(stage, not fields["closed"]),
        ),
        "power_cycle": Action(
            "take the board's power away and give it back",
            lambda stage: stage.device.restart(),
        ),
        "fault": Action(
            "let something go wrong; kinds and fields are those of `jbd-emulator faults`",
            _fault, ("kind",), _fault_fields(), undo=_end_fault, wired=True,
        ),
        "heal": Action("end a fault by its id", _heal, ("id",), wired=True),
        "link": Action(
            "pull the plug or put it back; at the board the client's port stays, and is silent",
            _link, ("up",), ("end",), wired=True,
            undo=lambda stage, fields, _: _link(stage, not fields["up"],
                                                fields.get("end", "board")),
        ),
        "firmware": Action(
            "flash another firmware; settings and PIN stay", _firmware, ("version",)
        ),
        "pin": Action("store a PIN behind the client's back; empty for none", _pin, ("digits",)),
    }
)  # fmt: skip
"""Every action by the name that ``do`` takes. Units are those of the plant: mV, mA, Ohm."""


def perform(stage: Stage, do: str, fields: Mapping[str, object]) -> object:
    """Do one thing; return what its ``undo`` wants to know.

    Raises:
        ValueError: a field is missing, unknown or out of its limits; it is named.
    """
    result: object = ACTIONS[do].run(stage, **fields)
    return result
