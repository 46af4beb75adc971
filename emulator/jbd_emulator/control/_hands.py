"""What may be done to a unit from the desk: one row per hand, checked field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from jbd_protocol import TEXT_SETTINGS, ZERO_CELSIUS_DK

from .._config import ConfigError, parse_firmware
from ..plant._limits import number, only, text, whole
from ..plant._pack import NTC_STATES

if TYPE_CHECKING:
    from ..frontends._server import ServedUnit

Given = Mapping[str, object]
MOST_TOML: Final = 32_768
"""Characters of a scenario that is handed in."""


class Hand(NamedTuple):
    """One thing that can be done.

    Attributes:
        run: does it; refuses with a ValueError that names the field.
        fields: what it may be given.
        mark: what the traffic says of it; None for what leaves none.
    """

    run: Callable[[ServedUnit, Given, float], None]
    fields: tuple[str, ...] = ()
    mark: str | None = None


def _pin(served: ServedUnit, given: Given, now_s: float) -> None:
    digits = given.get("digits")
    if digits is not None and not isinstance(digits, str):
        raise ValueError(f"digits: {digits!r} is not a string")
    try:
        served.unit.set_pin(digits)
    except ConfigError:
        raise ValueError(f"digits: {digits!r} must be six digits") from None


def _firmware(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.flash(parse_firmware(text("version", given.get("version"))), now_s)


def _speed(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.set_speed(whole("speed", given.get("speed"), 1, 10_000), now_s)
    served.behind = False


def _load(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.lab.set_load(number("current_ma", given.get("current_ma"), 0.0, 1e7))


def _charger(served: ServedUnit, given: Given, now_s: float) -> None:
    current = number("current_ma", given.get("current_ma"), 0.0, 1e7)
    voltage = number("voltage_mv", given.get("voltage_mv"), 1.0, 1e6)
    served.unit.device.lab.set_charger(voltage, current)


def _current(served: ServedUnit, given: Given, now_s: float) -> None:
    pack = served.unit.device.pack
    if given.get("held_ma") is None:
        pack.release_current()
    else:
        pack.hold_current(number("held_ma", given["held_ma"], -1e7, 1e7))


def _cell(served: ServedUnit, given: Given, now_s: float) -> None:
    pack = served.unit.device.pack
    cell = whole("number", given.get("number"), 1, len(pack.cells))
    limits = {"soc": (0.0, 100.0), "capacity_factor": (0.01, 2.0),
              "resistance_factor": (0.01, 1000.0), "leak_ma": (0.0, 1e6)}  # fmt: skip
    changes = {
        name: number(name, given[name], *limit)
        for name, limit in limits.items()
        if given.get(name) is not None
    }
    held = given.get("held_mv")
    if held is not None:
        held = number("held_mv", held, 0.0, 10_000.0)
    if "soc" in changes:
        changes["soc"] /= 100
    pack.set_cell(cell, **changes)
    if "held_mv" in given:
        if held is None:
            pack.release_cell(cell)
        else:
            pack.hold_cell(cell, mv=held)


def _ntc(served: ServedUnit, given: Given, now_s: float) -> None:
    pack = served.unit.device.pack
    ntc = whole("number", given.get("number"), 1, max(1, len(pack.ntcs)))
    held = given.get("held_celsius")
    dk = None if held is None else _dk("held_celsius", held)
    if given.get("state") is not None:
        pack.set_ntc(ntc, text("state", given["state"], NTC_STATES))
    if "held_celsius" in given:
        if dk is None:
            pack.release_ntc(ntc)
        else:
            pack.hold_ntc(ntc, dk=dk)


def _ambient(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.pack.ambient_dk = _dk("celsius", given.get("celsius"))


def _fets(served: ServedUnit, given: Given, now_s: float) -> None:
    monitor = served.unit.device.monitor
    lock = monitor.fet_lock
    for bit, name in ((1, "charge"), (2, "discharge")):
        if given.get(name) is not None:
            lock = lock & ~bit if _flag(name, given[name]) else lock | bit
    closed = given.get("switch_closed")
    if closed is not None:
        monitor.switch_closed = _flag("switch_closed", closed)
    monitor.fet_lock = lock


def _cable(served: ServedUnit, given: Given, now_s: float) -> None:
    if _flag("plugged", given.get("plugged")):
        served.unit.plug_in()
    else:
        served.unit.pull_cable()


def _sleep(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.sleep()


def _reset(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.restart()


def _power_cycle(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.line.reset()
    served.unit.device.power_cycle(now_s)


def _start_over(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.start_over(served.ports.config, now_s)
    served.behind = False


def _clear_protections(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.monitor.clear_protection()


def _clear_counters(served: ServedUnit, given: Given, now_s: float) -> None:
    served.unit.device.monitor.clear_counters()


def _settings(served: ServedUnit, given: Given, now_s: float) -> None:
    from ..scenario._actions import encode_settings

    device = served.unit.device
    store = device.settings

    def base(address: int) -> bytes:
        # A text is written whole: what stood behind a longer one before is not kept.
        return b"" if address in TEXT_SETTINGS else store[address]

    raw = encode_settings(given.get("values"), base)
    for address, data in raw.items():
        store.check(address, data)
    for address, data in raw.items():
        store.burn(address, data)
    device.changed()


def _scenario(served: ServedUnit, given: Given, now_s: float) -> None:
    from ..scenario import load_scenario, scenario_names, scenario_text

    name, toml = given.get("name"), given.get("toml")
    if name is not None:
        # By name alone: a path would let whoever reaches the API read files.
        if text("name", name) not in scenario_names():
            raise ValueError(f"name: {name!r} is none of {', '.join(scenario_names())}")
        toml = scenario_text(str(name))
        scenario = load_scenario(str(name))
    else:
        if toml is None:
            raise ValueError("name: missing, and there is no toml")
        scenario = _handed_in(text("toml", toml))
    speed = served.unit.device.speed
    served.unit.start_over(scenario.config(name=served.unit.name, speed=speed), now_s)


def _handed_in(source: str) -> Any:  # Any: the scenario, which is loaded on use
    import tomllib

    from ..scenario import scenario_from_table

    if len(source) > MOST_TOML:
        raise ValueError(f"toml: {len(source)} characters, {MOST_TOML} are the most")
    try:
        document = tomllib.loads(source)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ValueError(f"toml: {error}") from None
    for key in ("state", "scenario"):
        if key in document:
            raise ValueError(f"toml: {key} names a file, which nobody may from here")
    terminals = document.get("terminal", [])
    if isinstance(terminals, list) and any(
        isinstance(one, dict) and "file" in one for one in terminals
    ):
        raise ValueError("toml: file of a terminal may not be named from here, give its content")
    try:
        return scenario_from_table(document, name="handed in", source=source)
    except ConfigError as error:
        raise ValueError(f"toml: {error}") from None


def _no_scenario(served: ServedUnit, given: Given, now_s: float) -> None:
    unit, config = served.unit, served.ports.config
    if unit.config.scenario is None and config.state is not None:
        return  # nothing was set aside for a scenario, and nothing of the board's own is lost
    unit.start_over(replace(config, scenario=None), now_s, as_it_was=True)


class Conflict(ValueError):
    """What was asked for is right, but not in the state that the unit is in."""


class NotThere(ValueError):
    """What was asked for by its name does not exist."""


def _flag(field: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{field}: {value!r} is not true or false")
    return value


def _dk(field: str, celsius: object) -> int:
    return round(10 * number(field, celsius, -50.0, 150.0)) + ZERO_CELSIUS_DK


HANDS: Final[Mapping[str, Hand]] = MappingProxyType(
    {
        "pin": Hand(_pin, ("digits",), "PIN changed"),
        "firmware": Hand(_firmware, ("version",), "firmware flashed"),
        "speed": Hand(_speed, ("speed",)),
        "load": Hand(_load, ("current_ma",)),
        "charger": Hand(_charger, ("voltage_mv", "current_ma")),
        "current": Hand(_current, ("held_ma",)),
        "cell": Hand(_cell, ("number", "held_mv", "soc", "capacity_factor", "resistance_factor",
                             "leak_ma")),
        "ntc": Hand(_ntc, ("number", "state", "held_celsius")),
        "ambient": Hand(_ambient, ("celsius",)),
        "fets": Hand(_fets, ("charge", "discharge", "switch_closed")),
        "cable": Hand(_cable, ("plugged",), "cable pulled or plugged in"),
        "sleep": Hand(_sleep, (), "put to sleep"),
        "reset": Hand(_reset, (), "controller reset"),
        "power_cycle": Hand(_power_cycle, (), "power taken and given back"),
        "start_over": Hand(_start_over, (), "started over"),
        "write_settings": Hand(_settings, ("values",), "settings written at the bench"),
        "clear_protections": Hand(_clear_protections),
        "clear_counters": Hand(_clear_counters),
        "scenario": Hand(_scenario, ("name", "toml"), "scenario begun"),
        "no_scenario": Hand(_no_scenario, (), "scenario ended"),
    }
)  # fmt: skip
"""Every hand by the name that the desk takes. Units are the plant's: mV, mA, degC, percent."""


def perform(served: ServedUnit, do: str, given: Given, now_s: float) -> str | None:
    """Do one thing; return what the traffic should say of it.

    Raises:
        ValueError: a field is unknown or out of its limits; it is named.
        Conflict: the unit is in no state for it.
    """
    hand = HANDS[do]
    only("", given, hand.fields)
    hand.run(served, given, now_s)
    return hand.mark
