"""A JBD battery management system in software.

>>> from jbd_emulator import Unit, parse_unit
>>> unit = Unit(parse_unit("0x21?board=4s"))
>>> unit.receive(bytes.fromhex("dd5a060706000000000000ffed77"), now_s=0.0).hex(" ")
'dd 06 80 00 ff 80 77'
"""

from ._config import ConfigError, Override, UnitConfig, parse_firmware, parse_unit, unit_from_table
from ._device import Device
from ._lab import Lab
from ._mode import Mode
from ._rules import Fact, Outcome, Rule
from ._state_file import StateError
from ._unit import GAP_S, Line, Unit
from .board import Monitor
from .frontends import PtyPort
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

__all__ = [
    "BOARDS",
    "FIRMWARE",
    "GAP_S",
    "BoardKit",
    "CapacityPoints",
    "ConfigError",
    "Device",
    "Fact",
    "FirmwareProfile",
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
    "StateError",
    "Unit",
    "UnitConfig",
    "parse_firmware",
    "parse_unit",
    "unit_from_table",
]
