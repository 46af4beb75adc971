"""What every Bluetooth front end does with a module: tell it, send what it gives, keep its time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from .._config import ConfigError
from .._unit import Unit
from ..module import GENERATIONS, PASSWORD_LENGTH, BleModule, Level, Timing

if TYPE_CHECKING:
    from ..faults import HangUp

KINDS: Final = ("bless", "bumble")
"""Front ends by the word that a transport begins with."""
DEFAULT_ADAPTER: Final = "hci0"
_LEAST_WAIT_S: Final = 1e-6
_HINT: Final = "must be bless, bless:hci1 or bumble:MONIKER (bumble:usb:0, bumble:vhci)"


@dataclass(frozen=True, slots=True)
class BleTransport:
    """Where a module is put on the air.

    Attributes:
        kind: ``bless`` or ``bumble``.
        where: the adapter of the first, empty for the default one; the moniker of the second.
    """

    kind: str
    where: str

    @property
    def adapter(self) -> str:
        """The adapter of ``bless``: BlueZ's first where none is named."""
        return self.where or DEFAULT_ADAPTER


class BlePeripheral(Protocol):
    """A module on the air.

    Attributes:
        limits: what this front end cannot do, in one line.
    """

    limits: str

    @property
    def address(self) -> str:
        """The address that centrals see."""

    @property
    def name(self) -> str:
        """The name that it advertises."""

    async def close(self) -> None:
        """Leave the air."""


def parse_transport(text: str) -> BleTransport:
    """Return what ``bless``, ``bless:hci1`` or ``bumble:usb:0`` names.

    Raises:
        ConfigError: it names nothing of the kind.
    """
    kind, _, where = text.partition(":")
    if kind not in KINDS or (kind == "bumble" and not where):
        raise ConfigError(f"ble {text!r}: {_HINT}")
    return BleTransport(kind, where)


def check_generation(key: str) -> str:
    """Return ``key`` if there is such a generation of the module.

    Raises:
        ConfigError: there is none; the message lists them.
    """
    if key not in GENERATIONS:
        raise ConfigError(f"module {key!r}: must be one of {', '.join(GENERATIONS)}")
    return key


def check_password(text: str, generation: str, field: str = "module_password") -> str:
    """Return ``text`` if a module of that generation can have it as its user password.

    Raises:
        ConfigError: the generation demands no login, or it is not six characters.
    """
    row = GENERATIONS[check_generation(generation)]
    if row.opens_at.value is Level.NONE:
        with_login = ", ".join(
            key for key, other in GENERATIONS.items() if other.opens_at.value is not Level.NONE
        )
        raise ConfigError(
            f"{field} {text!r}: {generation} demands no login; one of {with_login} does"
        )
    if len(text) != PASSWORD_LENGTH or any(ord(c) > 0xFF for c in text):
        raise ConfigError(f"{field} {text!r}: must be {PASSWORD_LENGTH} characters")
    return text


def make_module(
    unit: Unit, generation: str, *, paced: bool, now_s: float, password: str | None = None
) -> BleModule:
    """Return a module for a unit, powered up; the same seed gives the same address.

    Args:
        unit: the board.
        generation: key of the module's row.
        paced: keep the times of the captures; else answers leave at once.
        now_s: the time of power-on, in seconds.
        password: user password of a login module; None takes the generation's. What a state
            file holds wins.
    Raises:
        ConfigError: there is no such generation, or it cannot have that password.
    """
    timing = Timing.PACED if paced else Timing.IMMEDIATE
    # A stream of its own: the module must not change what the seed makes of the cells.
    rng = random.Random(f"module {unit.config.seed} {unit.name}")
    module = BleModule(
        unit,
        check_generation(generation),
        rng=rng,
        password=password,
        timing=timing,
        state=unit.module_state,
        on_change=unit.prepare_save,
    )
    unit.module = module
    module.power_up(now_s)
    return module


async def open_peripheral(module: BleModule, transport: BleTransport) -> BlePeripheral:
    """Put a module on the air.

    Raises:
        ConfigError: the transport or the package it needs is not there.
    """
    try:
        if transport.kind == "bless":
            from ._bless import BlessPeripheral

            return await BlessPeripheral.open(module, transport.adapter)
        from ._bumble import BumblePeripheral

        return await BumblePeripheral.open(module, transport.where)
    except ModuleNotFoundError as error:
        needs = str(error.name).partition(".")[0]
        raise ConfigError(
            f"ble {transport.kind}: needs {needs}; pip install 'jbd-bench[ble]'"
        ) from None


class ModuleDriver:
    """Keeps a module's time on an event loop and hands its notifications to a front end.

    Args:
        module: what is driven.
        notify: sends one notification; called in order, on the loop.
        clock: the time that the module lives in, in seconds; None is the loop's.
        hang_up: ends the link as a fault wants it; None where the front end cannot, and then the
            module alone counts it as gone.
        plug: leaves the air, with False, or comes back; None where the front end cannot.
    """

    def __init__(
        self,
        module: BleModule,
        notify: Callable[[bytes], None],
        clock: Callable[[], float] | None = None,
        hang_up: Callable[[HangUp], None] | None = None,
        plug: Callable[[bool], None] | None = None,
    ) -> None:
        self.module = module
        module.on_plug = plug
        self._notify, self._hang_up = notify, hang_up
        self._loop = asyncio.get_running_loop()
        self.now_s = clock or self._loop.time
        self._timer: asyncio.TimerHandle | None = None
        self.pump()

    def connected(self) -> bool:
        """Note a central; False where there is one already."""
        accepted = self.module.connected(self.now_s())
        self.pump()
        return accepted

    def disconnected(self) -> None:
        """Note that the central is gone."""
        self.module.disconnected(self.now_s())
        self.pump()

    def subscribed(self, *, on: bool) -> None:
        """Note that notifications were switched on or off."""
        self.module.subscribed(self.now_s(), on)
        self.pump()

    def written(self, data: bytes, *, with_response: bool) -> bool:
        """Hand over a write; False where the attribute does not take this kind."""
        taken = self.module.written(data, self.now_s(), with_response=with_response)
        # In the next turn of the loop: the response to a write leaves before the answer to it.
        self._arm(at_once=True)
        return taken

    def paired(self, *, with_passkey: bool) -> None:
        """Note that the link is encrypted."""
        self.module.paired(self.now_s(), with_passkey=with_passkey)

    def pump(self) -> None:
        """Notify what is due, and come back when more is."""
        for piece in self.module.take(self.now_s()):
            self._notify(piece)
        self.module.settle()
        ending, self.module.ending = self.module.ending, None
        if ending is not None and self._hang_up is not None:
            self._hang_up(ending)
        elif ending is not None:
            self.module.disconnected(self.now_s())
        self._arm()

    def close(self) -> None:
        """Stop the clock; the central counts as gone."""
        self.module.on_plug = None
        self.module.disconnected(self.now_s())
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _arm(self, *, at_once: bool = False) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self.module.due_s
        if due_s is None and not at_once:
            return
        # Never quite at once: a rounding error before the due time must not stop the clock.
        wait_s = 0.0 if at_once or due_s is None else max(_LEAST_WAIT_S, due_s - self.now_s())
        self._timer = self._loop.call_later(wait_s, self.pump)
