"""The Bluetooth module as its own chip, sans-I/O.

>>> import random
>>> from jbd_emulator import Unit, parse_unit
>>> from jbd_emulator.module import BleModule
>>> module = BleModule(Unit(parse_unit("0x21")), "telink", rng=random.Random(1))
>>> module.connected(0.0), module.subscribed(0.9)
(True, None)
>>> module.written(bytes.fromhex("dd5a060706000000000000ffed77"), 1.0)
True
>>> [piece.hex(" ") for piece in module.take(1.1)]
['00', 'dd 06 80 00 ff 80 77']
"""

from ._access import COMMANDS, PASSWORD_LENGTH, CommandRow
from ._advertisement import Advertisement, format_address, parse_address
from ._gatt import Characteristic, Descriptor, Properties, Service, long_uuid
from ._generations import GENERATIONS, AddressLayout, Generation, Level, LinkParameters
from ._module import BleModule, Notification
from ._timing import LATENCY_S, PIECE_GAP_S, Timing

__all__ = [
    "COMMANDS",
    "GENERATIONS",
    "LATENCY_S",
    "PASSWORD_LENGTH",
    "PIECE_GAP_S",
    "AddressLayout",
    "Advertisement",
    "BleModule",
    "Characteristic",
    "CommandRow",
    "Descriptor",
    "Generation",
    "Level",
    "LinkParameters",
    "Notification",
    "Properties",
    "Service",
    "Timing",
    "format_address",
    "long_uuid",
    "parse_address",
]
