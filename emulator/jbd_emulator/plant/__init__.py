"""The battery plant: cells, FETs, bleed resistors, chargers and loads; physics and nothing else.

What a board makes of it (protections, balancing, coulomb counting) is not here: a board calls
`Pack.step` with its FETs and its bleed mask and gets a `Sample` of integers back. Time and
randomness are handed in; the same calls give the same bytes.
"""

from ._books import Books
from ._cell import Cell
from ._chemistry import SOC_CEILING, SOC_FLOOR, ocv_mv
from ._circuit import Branch
from ._pack import Pack
from ._string import Sample
from ._tables import pack_from_table, terminal_from_table
from ._terminals import (
    CcCvSupply,
    ConstantCurrentLoad,
    ConstantPowerLoad,
    CsvProfile,
    DailySchedule,
    LeadAcidCharger,
    ResistanceLoad,
    SolarProfile,
    Terminal,
    daily_load,
)

__all__ = [
    "SOC_CEILING",
    "SOC_FLOOR",
    "Books",
    "Branch",
    "CcCvSupply",
    "Cell",
    "ConstantCurrentLoad",
    "ConstantPowerLoad",
    "CsvProfile",
    "DailySchedule",
    "LeadAcidCharger",
    "Pack",
    "ResistanceLoad",
    "Sample",
    "SolarProfile",
    "Terminal",
    "daily_load",
    "ocv_mv",
    "pack_from_table",
    "terminal_from_table",
]
