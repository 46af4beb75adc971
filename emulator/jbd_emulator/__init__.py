"""A JBD battery management system in software.

>>> from jbd_emulator import Unit, parse_unit
>>> unit = Unit(parse_unit("0x21?board=4s"))
>>> unit.receive(bytes.fromhex("dd5a060706000000000000ffed77"), now_s=0.0).hex(" ")
'dd 06 80 00 ff 80 77'
"""

# Names load on first use: `--help` should not pay for a battery, nor a client for the front ends,
# and Bumble, which is large and an extra, comes with the one name that needs it. Not
# `typing.TYPE_CHECKING`: typing alone costs half an interpreter.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._config import (
        ConfigError,
        Override,
        UnitConfig,
        parse_firmware,
        parse_unit,
        unit_from_table,
    )
    from ._device import Device
    from ._lab import Lab
    from ._line import GAP_S, Line
    from ._mode import Mode
    from ._rules import Fact, Outcome, Rule
    from ._state_file import StateError
    from ._unit import Unit
    from .board import Monitor
    from .faults import ActiveFault, Fault, Hit, fault_from_table
    from .frontends import PtyPort
    from .frontends._link_file import SerialLink
    from .frontends._radio import VirtualRadio
    from .module import GENERATIONS, BleModule
    from .plant import Pack, Sample
    from .profiles import (
        BOARDS,
        FIRMWARE,
        BoardKit,
        CapacityPoints,
        FirmwareProfile,
        PairingEnds,
        ParameterAccess,
        PasswordFunction,
    )
    from .scenario import Scenario, load_scenario, scenario_names

__all__ = [
    "BOARDS",
    "FIRMWARE",
    "GAP_S",
    "GENERATIONS",
    "ActiveFault",
    "BleModule",
    "BoardKit",
    "CapacityPoints",
    "ConfigError",
    "Device",
    "Fact",
    "Fault",
    "FirmwareProfile",
    "Hit",
    "Lab",
    "Line",
    "Mode",
    "Monitor",
    "Outcome",
    "Override",
    "Pack",
    "PairingEnds",
    "ParameterAccess",
    "PasswordFunction",
    "PtyPort",
    "Rule",
    "Sample",
    "Scenario",
    "SerialLink",
    "StateError",
    "Unit",
    "UnitConfig",
    "VirtualRadio",
    "fault_from_table",
    "load_scenario",
    "parse_firmware",
    "parse_unit",
    "scenario_names",
    "unit_from_table",
]

_HOMES = {
    name: module
    for module, names in {
        "_config": "ConfigError Override UnitConfig parse_firmware parse_unit unit_from_table",
        "_device": "Device",
        "_lab": "Lab",
        "_mode": "Mode",
        "_rules": "Fact Outcome Rule",
        "_state_file": "StateError",
        "_line": "GAP_S Line",
        "_unit": "Unit",
        "board": "Monitor",
        "faults": "ActiveFault Fault Hit fault_from_table",
        "frontends": "PtyPort",
        "frontends._link_file": "SerialLink",
        "frontends._radio": "VirtualRadio",
        "module": "GENERATIONS BleModule",
        "plant": "Pack Sample",
        "profiles": (
            "BOARDS FIRMWARE BoardKit CapacityPoints FirmwareProfile PairingEnds "
            "ParameterAccess PasswordFunction"
        ),
        "scenario": "Scenario load_scenario scenario_names",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value  # asked for once
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
