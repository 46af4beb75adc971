"""What an event may do, as a table: one row per action."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from jbd_protocol import FUNCTION_FLAGS, SETTINGS, ZERO_CELSIUS_DK, encode_setting

from ..plant import ResistanceLoad, Terminal
from ..plant._limits import number, table, text

if TYPE_CHECKING:
    from .._device import Device

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
        terminals: sources and loads of the scenario by name, connected or not.
        short: the short circuit that stands, or None.
    """

    __slots__ = ("device", "short", "terminals")

    def __init__(self, device: Device, terminals: Mapping[str, Terminal]) -> None:
        self.device = device
        self.terminals = dict(terminals)
        self.short: Terminal | None = None

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
        needed, optional: fields of the event beside ``at``, ``do`` and ``note``.
    """

    about: str
    # Any: each function checks its own fields, whose types the table does not know.
    run: Callable[..., Any]
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


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


ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "load": Action(
            "draw a constant current, mA; 0 takes the load off", _load, ("current_ma",)
        ),
        "charger": Action(
            "connect a supply with a voltage and a current limit, mV and mA; 0 mA takes it off",
            _charger, ("voltage_mv", "current_ma"),
        ),
        "connect": Action("connect a terminal by its name", _connect, ("terminal",)),
        "disconnect": Action("take a terminal off by its name", _disconnect, ("terminal",)),
        "hold_cell": Action(
            "put a cell simulator in a cell's place, mV",
            lambda stage, cell, mv: stage.device.pack.hold_cell(cell, mv=mv), ("cell", "mv"),
        ),
        "release_cell": Action(
            "put the cell back", lambda stage, cell: stage.device.pack.release_cell(cell), ("cell",)
        ),
        "set_cell": Action(
            "make a cell another one: its charge 0..1, factors of capacity and resistance, a leak",
            lambda stage, cell, **rest: stage.device.pack.set_cell(cell, **rest), ("cell",),
            ("soc", "capacity_factor", "resistance_factor", "leak_ma"),
        ),
        "hold_ntc": Action("let an NTC read a temperature", _hold_ntc, ("ntc", "celsius")),
        "release_ntc": Action(
            "let an NTC follow its cell", lambda stage, ntc: stage.device.pack.release_ntc(ntc),
            ("ntc",),
        ),
        "set_ntc": Action(
            "make an NTC ok, open or short",
            lambda stage, ntc, state: stage.device.pack.set_ntc(ntc, state), ("ntc", "state"),
        ),
        "hold_current": Action(
            "drive a current through the pack, mA, positive charging",
            lambda stage, current_ma: stage.device.pack.hold_current(current_ma), ("current_ma",),
        ),
        "release_current": Action(
            "give the pack back to its terminals",
            lambda stage: stage.device.pack.release_current(),
        ),
        "ambient": Action("change the temperature of the air", _ambient, ("celsius",)),
        "short_circuit": Action(
            "lay a resistance across the terminals, 0.002 Ohm where none is given",
            _short_circuit, (), ("resistance_ohm",),
        ),
        "remove_short": Action("take it off again", _remove_short),
        "write_setting": Action(
            "put settings in force, by field name and in the field's unit",
            _write_setting, ("settings",),
        ),
        "switch": Action("open or close the external switch", _switch, ("closed",)),
        "power_cycle": Action(
            "take the board's power away and give it back",
            lambda stage: stage.device.restart(),
        ),
    }
)  # fmt: skip
"""Every action by the name that ``do`` takes. Units are those of the plant: mV, mA, Ohm."""


def perform(stage: Stage, do: str, fields: Mapping[str, object]) -> None:
    """Do one thing.

    Raises:
        ValueError: a field is missing, unknown or out of its limits; it is named.
    """
    ACTIONS[do].run(stage, **fields)
