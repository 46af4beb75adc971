"""Faults with coordinates: what goes wrong on the wire, in the board and with the link.

>>> from jbd_emulator import Fault, Unit, parse_unit
>>> unit = Unit(parse_unit("0x21"))
>>> broken = unit.faults.add(Fault("wrong_checksum", register=0x06, times=1))
>>> ask = bytes.fromhex("dd5a060706000000000000ffed77")
>>> unit.receive(ask, 0.0).hex(" "), unit.receive(ask, 0.1).hex(" "), broken.hits
('dd 06 80 00 ff 81 77', 'dd 06 80 00 ff 80 77', 1)
"""

from ._active import MOST_FAULTS, ActiveFault, Faults, Hit
from ._fault import Fault, fault_from_table
from ._kinds import KINDS, WHERE, Field, Kind
from ._passing import HangUp

__all__ = [
    "KINDS",
    "MOST_FAULTS",
    "WHERE",
    "ActiveFault",
    "Fault",
    "Faults",
    "Field",
    "HangUp",
    "Hit",
    "Kind",
    "fault_from_table",
]
