"""bleak without a radio: backends that reach emulated units on a virtual radio.

Every client library on bleak 3 runs against the emulator with no adapter and no kernel support::

    radio = VirtualBleak()
    module = radio.add("0x21?board=4s")
    async with BleakClient(module.address_text, backend=radio.client) as client:
        ...

A library that makes its own ``BleakClient`` takes ours where :meth:`VirtualBleak.select` has put
it in the place of the platform's; the pytest fixture ``jbd_bleak`` does that for one test.

The radio is Bumble's link between controllers: no loss, no connection interval, no range. Every
client is a central of its own, as if each ran on another phone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import bleak
from bumble import hci
from bumble.keys import KeyStore

from jbd_emulator import BleModule, Unit, VirtualRadio

from ._client import BumbleClient
from ._scanner import BumbleScanner

__all__ = ["Patch", "VirtualBleak"]

_CLIENT_CHOICE: Final = "get_platform_client_backend_type"
_SCANNER_CHOICE: Final = "get_platform_scanner_backend_type"
"""Where bleak asks which backend to take when nobody said."""
Patch = Callable[[object, str, object], None]


class VirtualBleak:
    """A virtual radio, and bleak's backend classes on it.

    Attributes:
        client, scanner: for the ``backend=`` of ``BleakClient`` and ``BleakScanner``.
        mtu: what clients ask for: 517 as BlueZ does, 185 as iOS does, None as Android does.
        passkey: what the person types when a module wants to be paired, None for nothing.
        bonds: by module, the central that paired with it and its keys: the next client of that
            module takes its place, as an app on a phone that is paired does.
        unasked: what was notified to a client that had not subscribed, oldest first; stacks drop
            it, logs of phones show it.
    """

    def __init__(self) -> None:
        self.radio = VirtualRadio()
        self.mtu: int | None = 517
        self.passkey: int | None = None
        self.bonds: dict[str, tuple[hci.Address, KeyStore]] = {}
        self.unasked: list[bytes] = []
        self.client = type("BumbleClient", (BumbleClient,), {"air": self})
        self.scanner = type("BumbleScanner", (BumbleScanner,), {"air": self})

    def add(
        self, unit: Unit | str = "0x21?board=4s", generation: str = "telink", **more: Any
    ) -> BleModule:
        """Put a unit with its module on the air; arguments as ``VirtualRadio.add``.

        Raises:
            ConfigError: one of them is wrong.
        """
        return self.radio.add(unit, generation, **more)

    def select(self, patch: Patch = setattr) -> None:
        """Make every ``BleakClient`` and ``BleakScanner`` use this radio.

        Args:
            patch: pytest's ``monkeypatch.setattr``, or whatever else can undo it.
        """
        client = (self.client, "bumble")
        scanner = (self.scanner, "bumble")
        patch(bleak, _CLIENT_CHOICE, lambda: client)
        patch(bleak, _SCANNER_CHOICE, lambda: scanner)

    @contextlib.contextmanager
    def selected(self) -> Iterator[None]:
        """Do what :meth:`select` does for the length of a ``with``."""
        kept = {name: getattr(bleak, name) for name in (_CLIENT_CHOICE, _SCANNER_CHOICE)}
        self.select()
        try:
            yield
        finally:
            for name, choice in kept.items():
                setattr(bleak, name, choice)
