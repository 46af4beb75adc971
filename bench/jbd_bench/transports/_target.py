"""What a target string says, without opening anything."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlencode

from .._link import LinkError

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_TARGET: Final = "emulator:0x21?board=4s"
LINE, MODULE = "line", "module"
MODULE_OPTIONS: Final = ("module", "mtu", "paced", "password", "login", "passkey", "about")
"""Options of ``emulator-ble:`` that are not the unit's."""
_EMBEDDED: Final = ("emulator", "emulator-ble")
RADIO: Final = ("ble", "emulator-ble")


@dataclass(frozen=True, slots=True)
class Target:
    """A target string taken apart.

    Attributes:
        text: as it was given.
        scheme: what stands before the first colon.
        address: firmware, port path or ``host:port``.
        options: what stands behind the question mark.
    """

    text: str
    scheme: str
    address: str
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def embedded(self) -> bool:
        """Whether the board is the emulator in this process."""
        return self.scheme in _EMBEDDED

    @property
    def over(self) -> str:
        """``module`` where a Bluetooth module is between, else ``line``."""
        return MODULE if self.scheme in RADIO else LINE

    @property
    def about_module(self) -> bool:
        """Whether only what is about the Bluetooth module is judged: ``about=module``.

        Raises:
            LinkError: ``about`` says something else.
        """
        about = self.options.get("about") if self.over == MODULE else None
        if about not in (None, MODULE):
            raise LinkError(f"target {self.text!r}: about {about!r} must be {MODULE}")
        return about is not None

    @property
    def unit(self) -> str:
        """What describes the unit of an emulated target, without the options of its module."""
        options = {key: value for key, value in self.options.items() if key not in MODULE_OPTIONS}
        return f"{self.address}?{urlencode(options)}" if options else self.address

    def with_option(self, name: str, value: str) -> Target:
        """Return the target with one option set."""
        head = self.text.partition("?")[0]
        options = {**self.options, name: value}
        text = f"{head}?{urlencode(options)}"
        return Target(text, self.scheme, self.address, MappingProxyType(options))

    @property
    def pin(self) -> str | None:
        """The six digits of the PIN that the unit is said to have, None where none is said."""
        return self.options.get("pin")

    @property
    def pin_bytes(self) -> bytes | None:
        """The six bytes of that PIN, in the encoding that is said, digits unless told.

        Raises:
            LocalError, ValueError: not six digits, or no such encoding.
        """
        if self.pin is None:
            return None
        from jbd_protocol import PinEncoding, encode_pin

        return encode_pin(self.pin, PinEncoding(self.options.get("pin_encoding", "digits")))

    def integer(self, option: str, default: int, low: int, high: int) -> int:
        """Return a whole number of the options.

        Raises:
            LinkError: not a number, or out of range.
        """
        text = self.options.get(option, str(default))
        if not text.isdecimal() or not low <= int(text) <= high:
            raise LinkError(f"target {self.text!r}: {option} {text!r} must be {low} to {high}")
        return int(text)

    def check_options(self, *known: str) -> None:
        """Refuse options that the transport does not have.

        Raises:
            LinkError: an unknown option, named with the known ones.
        """
        for name in self.options:
            if name not in known:
                choice = ", ".join(known) or "none"
                raise LinkError(f"target {self.text!r}: unknown option {name!r}; known: {choice}")


def port_of(text: str) -> tuple[str, str]:
    """Return scheme and address of a target string, alike for all names of one port."""
    try:
        target = parse_target(text)
    except LinkError:
        return ("", text)
    if target.scheme == "serial":
        return (target.scheme, os.path.realpath(target.address))
    return (target.scheme, target.address.lower())


def parse_target(text: str) -> Target:
    """Return what ``text`` names.

    Raises:
        LinkError: no scheme, no address, or options that are not ``name=value``.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or not scheme:
        raise LinkError(
            f"target {text!r}: must be scheme:address, such as {DEFAULT_TARGET!r} "
            "or 'serial:/dev/ttyUSB0'"
        )
    address, _, query = rest.removeprefix("//").partition("?")
    if not address:
        raise LinkError(f"target {text!r}: nothing stands behind {scheme!r}")
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
    except ValueError:
        raise LinkError(
            f"target {text!r}: options must be name=value joined by &, not {query!r}"
        ) from None
    return Target(text, scheme, address, MappingProxyType(options))
