"""Firmware and boards as data: a row a version, a row a board kit.

A new firmware is one ``_replace(...)`` in ``_firmware.py`` that names only what differs; a new
board kit is one row in ``_boards.py``. Code is needed only for a behaviour no row can say yet.
"""

from ._boards import BOARDS, BoardKit
from ._firmware import FIRMWARE
from ._model import (
    CapacityPoints,
    FirmwareProfile,
    PairingEnds,
    ParameterAccess,
    PasswordFunction,
)

__all__ = [
    "BOARDS",
    "FIRMWARE",
    "BoardKit",
    "CapacityPoints",
    "FirmwareProfile",
    "PairingEnds",
    "ParameterAccess",
    "PasswordFunction",
]
