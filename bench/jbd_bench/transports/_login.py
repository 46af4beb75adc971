"""The conversation with a Bluetooth module that lets nothing through before a login.

Sans-I/O: :func:`module_login` yields what to write and is sent what the module answers. Steps
and their order are those of the vendor's apps (0x15, 0x17, 0x18; captured 2024 and 2025).
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from jbd_protocol import APP_KEY, ModuleCommand, ModuleFrame, ModuleStatus, obfuscate

from .._link import LinkError

ANSWER_S: Final = 3.0
"""How long a module may take; the vendor's Android app waits as long."""
_LENGTH: Final = 6
Login = Generator[ModuleFrame, ModuleFrame | None, None]


def password_bytes(password: str) -> bytes:
    """Return a module's password as it is compared.

    Raises:
        LinkError: not six characters.
    """
    if len(password) != _LENGTH or any(ord(c) > 0xFF for c in password):
        raise LinkError(f"login {password!r}: must be {_LENGTH} characters")
    return password.encode("latin-1")


def module_login(address: bytes, password: bytes) -> Login:
    """Log in: yield a frame, be sent its answer or None for silence, until it is done.

    Args:
        address: six bytes of the module's address.
        password: six bytes, see :func:`password_bytes`.
    Raises:
        LinkError: the module has no login, or refuses.
    """
    result = _status((yield ModuleFrame(ModuleCommand.APP_KEY, APP_KEY)))
    refused = "the module refuses the app key"
    if result == ModuleStatus.REFUSED and password != APP_KEY:
        # One kind of module compares the user's own password here (aiobmsble).
        refused = "the module refuses the password"
        result = _status((yield ModuleFrame(ModuleCommand.APP_KEY, password)))
    if result is None:
        raise LinkError("a login was given, and the module answers none")
    if result == ModuleStatus.NO_PASSWORD:
        return
    if result != ModuleStatus.ACCEPTED:
        raise LinkError(refused)
    drawn = yield ModuleFrame(ModuleCommand.RANDOM)
    if drawn is None or len(drawn.data) != 1:
        raise LinkError("the module hands out no random byte for the login")
    if len(address) != _LENGTH:
        raise LinkError("a login needs the module's address, which this system hides")
    hidden = obfuscate(password, address, drawn.data[0])
    result = _status((yield ModuleFrame(ModuleCommand.LOGIN, hidden)))
    if result != ModuleStatus.ACCEPTED and result != ModuleStatus.NO_PASSWORD:
        raise LinkError("the module refuses the password")


def _status(answer: ModuleFrame | None) -> int | None:
    return answer.data[0] if answer is not None and len(answer.data) == 1 else None
