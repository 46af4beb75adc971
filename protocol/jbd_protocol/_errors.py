"""Errors, drawn by whose fault it is: the caller's (Local) or the board's (Remote)."""

from __future__ import annotations

from ._evidence import status_name


class JbdError(Exception):
    """Root of every error this package raises."""


class LocalError(JbdError, ValueError):
    """The caller asked for something the protocol cannot say."""


class RemoteError(JbdError):
    """The board broke the protocol, or refused."""


class FrameError(RemoteError):
    """Bytes that are not a valid frame.

    Attributes:
        reason: why, a :class:`~jbd_protocol.Fault`.
        raw: the bytes as they came.
    """

    def __init__(self, reason: str, raw: bytes) -> None:
        super().__init__(f"{reason}: {raw.hex(' ') or 'no bytes'}")
        self.reason, self.raw = reason, raw


class PayloadError(RemoteError):
    """A valid frame whose payload cannot be what the register holds.

    Attributes:
        register: the register the payload was said to belong to.
        payload: the bytes.
        why: what is wrong with them, naming the field and the limit.
    """

    def __init__(self, register: int, payload: bytes, why: str) -> None:
        super().__init__(f"register 0x{register:02X}: {why}: {payload.hex(' ') or 'no data'}")
        self.register, self.payload, self.why = register, payload, why


class RequestRefused(RemoteError):
    """The board answered, with a status other than 0x00.

    Attributes:
        register: the register asked for.
        status: the status byte, also when the protocol does not list it.
    """

    def __init__(self, register: int, status: int) -> None:
        super().__init__(f"register 0x{register:02X} refused: {status_name(status)}")
        self.register, self.status = register, status


class ReplyTimeout(JbdError, TimeoutError):
    """No answer in the time given, over all tries.

    Attributes:
        register: the register asked for.
        tries: how often it was asked.
        timeout_s: how long each try waited, in seconds.
    """

    def __init__(self, register: int, tries: int, timeout_s: float) -> None:
        super().__init__(
            f"register 0x{register:02X}: no answer to {tries} "
            f"request{'s' if tries != 1 else ''} of {timeout_s:g} s each"
        )
        self.register, self.tries, self.timeout_s = register, tries, timeout_s
