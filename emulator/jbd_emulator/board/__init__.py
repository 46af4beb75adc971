"""What the board does between two requests: measures, counts charge, protects, balances."""

from ._monitor import Monitor

__all__ = ["Monitor"]
