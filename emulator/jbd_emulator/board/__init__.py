"""What the board does between two requests: measures, counts charge, protects, balances."""

from ._monitor import Monitor
from ._protections import TRANSITIONS, Protections, State, Trigger
from ._rows import ROWS, Measured, ProtectionRow

__all__ = [
    "ROWS",
    "TRANSITIONS",
    "Measured",
    "Monitor",
    "ProtectionRow",
    "Protections",
    "State",
    "Trigger",
]
