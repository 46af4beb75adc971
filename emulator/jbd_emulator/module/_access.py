"""What the module keeps for itself: name, passwords, and how far a central has logged in.

It answers FF AA frames without the board. One short handler per command; a row says which login
the command needs and how well that is known.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from jbd_protocol import (
    ROOT_PASSWORD,
    Evidence,
    Grade,
    ModuleCommand,
    ModuleFrame,
    ModuleStatus,
    reveal,
)

from .._config import ConfigError
from ._advertisement import NAME_LIMIT
from ._generations import Generation, Level

PASSWORD_LENGTH: Final = 6

_ACCEPTED: Final = bytes((ModuleStatus.ACCEPTED,))
_REFUSED: Final = bytes((ModuleStatus.REFUSED,))
_NO_PASSWORD: Final = bytes((ModuleStatus.NO_PASSWORD,))


class Access:
    """Name, passwords and login of one module.

    Args:
        generation: which commands there are.
        address: six bytes, most significant first.
        rng: where the byte of 0x17 comes from (``getrandbits(8)``).
        password: six characters of the user password, empty for none.
        name: what it advertises, empty for what it learns from the board.
    Attributes:
        level: login on this link.
        name: the name that was set, raw; empty for none.
        user, second: passwords of the first and second level, None where none is set.
        random: the byte handed out last.
        revision: grows with every change that must survive power-off.
    Raises:
        ConfigError: password or name is too long.
    """

    __slots__ = (
        "_address", "_fresh", "_generation", "_rng", "level", "name", "random", "revision",
        "second", "user",
    )  # fmt: skip

    def __init__(
        self,
        generation: Generation,
        address: bytes,
        rng: random.Random,
        *,
        password: str = "",
        name: str = "",
    ) -> None:
        self._generation, self._address, self._rng = generation, address, rng
        self.level = Level.NONE
        self._fresh = False
        self.name = _checked_name(name.encode("utf-8"), name)
        self.user = _checked_password("password", password) if password else None
        self.second: bytes | None = None
        self.random = 0
        self.revision = 0

    @property
    def open(self) -> bool:
        """Whether DD frames pass to the board."""
        return self.reaches(self._generation.opens_at.value)

    @property
    def key(self) -> bytes:
        """What 0x15 compares."""
        fixed = self._generation.app_key.value
        return fixed if fixed is not None else self.user or b""

    @property
    def guarded(self) -> bool:
        """Whether a user password guards anything."""
        return self.user is not None and self._generation.opens_at.value is not Level.NONE

    def reaches(self, level: Level) -> bool:
        """Whether the login is far enough; what the user password guards is open without one."""
        return self.level >= level or (level <= Level.USER and not self.guarded)

    def end_link(self) -> None:
        """Forget the login: the next central starts anew (captured, 2025: three
        links behind one that had logged in were met with silence)."""
        self.level = Level.NONE
        self._fresh = False

    def answer(self, frame: ModuleFrame) -> ModuleFrame | None:
        """Return the answer to a frame, None for silence."""
        row = COMMANDS.get(frame.command)
        if row is None or frame.command not in self._generation.commands.value:
            return None
        if not self.reaches(row.needs):
            return None if row.silent else ModuleFrame(frame.command, _REFUSED)
        data = row.handler(self, frame.data)
        return None if data is None else ModuleFrame(frame.command, data)

    def draw(self) -> int:
        """Return a new byte for the next login on this link."""
        self.random = self._rng.getrandbits(8)
        self._fresh = True
        return self.random

    def shown(self, wire: bytes) -> bytes | None:
        """Return the password that was sent obfuscated; None before 0x17 on this link."""
        return reveal(wire, self._address, self.random) if self._fresh else None

    def changed(self) -> None:
        """Note a change that must survive power-off."""
        self.revision += 1

    def state(self) -> dict[str, object]:
        """Return what survives power-off, as plain data. The login ends with the link."""
        return {
            "name": self.name.decode("latin-1"),
            "password": _text(self.user),
            "second_password": _text(self.second),
            "random": self.random,
        }

    def restore(self, state: Mapping[str, object]) -> None:
        """Take what :meth:`state` gave.

        Raises:
            ConfigError: a field is missing or not what it should be; nothing was taken.
        """
        name = _state_text(state, "name") or ""
        user = _state_text(state, "password")
        second = _state_text(state, "second_password")
        drawn = state.get("random")
        if not isinstance(drawn, int) or isinstance(drawn, bool) or not 0 <= drawn <= 0xFF:
            raise ConfigError(f"module random {drawn!r}: must be 0 to 255")
        raw_name = _checked_name(name.encode("latin-1"), name)
        raw_user = None if user is None else _checked_password("module password", user)
        raw_second = None if second is None else _checked_password("module second_password", second)
        self.name, self.user, self.second, self.random = raw_name, raw_user, raw_second, drawn


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode("latin-1")


def _state_text(state: Mapping[str, object], field: str) -> str | None:
    value = state.get(field, 0)
    if value is None or (isinstance(value, str) and all(ord(c) <= 0xFF for c in value)):
        return value
    raise ConfigError(f"module {field} {value!r}: must be text of characters up to U+00FF, or null")


def _checked_name(raw: bytes, shown: str) -> bytes:
    if len(raw) > NAME_LIMIT:
        raise ConfigError(f"module name {shown!r}: must be at most {NAME_LIMIT} bytes")
    return raw


def _checked_password(field: str, text: str) -> bytes:
    if len(text) != PASSWORD_LENGTH or any(ord(c) > 0xFF for c in text):
        raise ConfigError(f"{field} {text!r}: must be {PASSWORD_LENGTH} characters")
    return text.encode("latin-1")


# -- one handler per command -----------------------------------------------------------------

Handler = Callable[[Access, bytes], bytes | None]


@dataclass(frozen=True, slots=True)
class CommandRow:
    """A command of the module.

    Attributes:
        text: one sentence on what it does.
        needs: login without which it is refused.
        handler: does it; returns the data of the answer, None for silence.
        evidence: of what it answers.
        needs_evidence: of the login it needs.
        silent: met with silence instead of a refusal where the login is missing.
    """

    text: str
    needs: Level
    handler: Handler
    evidence: Evidence
    needs_evidence: Evidence
    silent: bool = False


def _set_name(access: Access, data: bytes) -> bytes | None:
    if not 0 < len(data) <= NAME_LIMIT:
        return None
    access.name = data
    access.changed()
    return b""


def _app_key(access: Access, data: bytes) -> bytes:
    if access.user is None:
        return _NO_PASSWORD
    if data != access.key:
        return _REFUSED
    access.level = max(access.level, Level.KEY)
    return _ACCEPTED


def _random(access: Access, data: bytes) -> bytes:
    return bytes((access.draw(),))


def _log_in(access: Access, data: bytes, password: bytes | None, level: Level) -> bytes:
    if password is None:
        return _NO_PASSWORD
    if access.shown(data) != password:
        return _REFUSED
    access.level = max(access.level, level)
    return _ACCEPTED


def _user_login(access: Access, data: bytes) -> bytes:
    return _log_in(access, data, access.user, Level.USER)


def _second_login(access: Access, data: bytes) -> bytes:
    return _log_in(access, data, access.second, Level.SECOND)


def _root_login(access: Access, data: bytes) -> bytes:
    return _log_in(access, data, ROOT_PASSWORD, Level.ROOT)


def _change_user(access: Access, data: bytes) -> bytes:
    if len(data) != PASSWORD_LENGTH:
        return _REFUSED
    access.user = data
    # Who sets the first password is not locked out by it.
    access.level = max(access.level, Level.USER)
    access.changed()
    return _ACCEPTED


def _change_second(access: Access, data: bytes) -> bytes:
    if len(data) != PASSWORD_LENGTH:
        return _REFUSED
    access.second = data
    access.changed()
    return _ACCEPTED


def _clear_user(access: Access, data: bytes) -> bytes:
    if data != b"\x01":
        return _REFUSED
    access.user = None
    access.changed()
    return _ACCEPTED


def _clear_second(access: Access, data: bytes) -> bytes:
    if data != b"\x01":
        return _REFUSED
    access.second = None
    access.changed()
    return _ACCEPTED


def _acknowledge(access: Access, data: bytes) -> bytes:
    return _ACCEPTED


_CAPTURES: Final = Evidence(Grade.CAPTURED, "iOS capture 2024, app capture 2025")
_ORDER: Final = Evidence(Grade.ASSUMED, "apps send 15, 17, 18; that the order matters is not shown")
_ALIKE: Final = Evidence(
    Grade.ASSUMED, "app analysis, 3.2.033, names it; length and answer as the user's, never seen"
)
_GUARD: Final = Evidence(Grade.ASSUMED, "no capture; a lesser login must not open a greater one")
_CLEAR: Final = Evidence(
    Grade.ASSUMED, "app analysis names it and FF AA 23 01 01 25; which password is concluded"
)
_RESTORE: Final = Evidence(
    Grade.ASSUMED, "app analysis names it among clear and restore; acknowledged, no effect here"
)


def _row(
    text: str,
    needs: Level,
    handler: Handler,
    evidence: Evidence,
    needs_evidence: Evidence = _GUARD,
    *,
    silent: bool = False,
) -> CommandRow:
    return CommandRow(text, needs, handler, evidence, needs_evidence, silent)


COMMANDS: Final[Mapping[int, CommandRow]] = MappingProxyType(
    {
        ModuleCommand.SET_NAME: _row(
            "sets the name; the answer is empty", Level.USER, _set_name,
            Evidence(Grade.CAPTURED, "OBLE: FF AA 07 00 07"), silent=True,
        ),
        ModuleCommand.APP_KEY: _row(
            "compares the app key; 02 where no password is set", Level.NONE, _app_key,
            Evidence(Grade.CAPTURED, "00 six times; 01 and 02 by AIO, ESP and app analysis"),
            _ORDER,
        ),
        ModuleCommand.CHANGE_PASSWORD: _row(
            "stores a new user password, in clear", Level.USER, _change_user, _CAPTURES,
        ),
        ModuleCommand.RANDOM: _row(
            "hands out a random byte for the next login", Level.NONE, _random, _CAPTURES, _ORDER,
        ),
        ModuleCommand.LOGIN: _row(
            "compares the user password, obfuscated", Level.NONE, _user_login, _CAPTURES, _ORDER,
        ),
        ModuleCommand.CHANGE_SECOND_PASSWORD: _row(
            "stores a new second password, in clear", Level.SECOND, _change_second, _ALIKE,
        ),
        ModuleCommand.SECOND_LOGIN: _row(
            "compares the second password, obfuscated", Level.NONE, _second_login, _ALIKE,
            _ORDER,
        ),
        ModuleCommand.ROOT_LOGIN: _row(
            "compares the root password, obfuscated", Level.NONE, _root_login, _CAPTURES, _ORDER,
        ),
        0x1E: _row("restores", Level.ROOT, _acknowledge, _RESTORE),
        0x1F: _row("restores", Level.ROOT, _acknowledge, _RESTORE),
        0x20: _row("restores", Level.ROOT, _acknowledge, _RESTORE),
        0x22: _row("clears the user password", Level.ROOT, _clear_user, _CLEAR),
        0x23: _row("clears the second password", Level.ROOT, _clear_second, _CLEAR),
    }
)  # fmt: skip
"""By command byte."""
