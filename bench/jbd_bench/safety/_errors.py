"""Why a write was withheld although there is leave for it."""

from __future__ import annotations

from jbd_protocol import JbdError


class NotSafe(JbdError):
    """A write that could not be taken back; no byte of it was sent. The test is skipped.

    Attributes:
        register: what would have been written.
    """

    def __init__(self, register: int, why: str) -> None:
        super().__init__(f"write to 0x{register:02X} withheld: {why}")
        self.register = register


class NotRestored(JbdError):
    """A board that is not as it was found, and what is left to do; one line."""
