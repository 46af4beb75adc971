"""The emulator in this process behind a virtual radio, on jumping time.

``emulator-ble:0x21?board=4s&module=telink``: bytes go through bleak, a central, a virtual radio
and the module's GATT server, and where a client waits and nothing is due, the clock jumps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, Final, TypeVar

from jbd_emulator import BleModule, Unit, parse_unit

from .._link import Clock, LinkError
from ..bleak_bumble import VirtualBleak
from ._ble import BleEnd, ModuleSession, end_tasks
from ._login import password_bytes
from ._target import Target, parse_target

ValueT = TypeVar("ValueT")

_STUCK: Final = "nothing is due any more, and nothing has come"


class JumpingLoop(asyncio.SelectorEventLoop):
    """An event loop whose time passes only while it has nothing to do."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_JumpingSelector(self))

    def time(self) -> float:
        """Return the seconds since the loop was made."""
        return self._now_s

    def jump(self, seconds: float) -> None:
        """Let time pass."""
        self._now_s += seconds

    def reach(self, when_s: float) -> None:
        """Let the last rounding error up to ``when_s`` pass.

        asyncio calls what is due a clock tick early; a client that waits "until" would ask again
        and again without the clock ever moving.
        """
        self._now_s = max(self._now_s, when_s)


class _JumpingSelector(selectors.DefaultSelector):
    """Waits for nothing: what a loop would sleep, it jumps."""

    def __init__(self, loop: JumpingLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Return what is ready now, after the jump."""
        if timeout is None:
            raise LinkError(_STUCK)
        if timeout > 0:
            self._loop.jump(timeout)
        return super().select(0)


class AirClock:
    """The time of a jumping loop."""

    def __init__(self, loop: JumpingLoop) -> None:
        self._loop = loop

    def now_s(self) -> float:
        """Return the seconds since the unit was powered."""
        return self._loop.time()

    def sleep_until(self, when_s: float) -> None:
        """Jump to ``when_s``, doing on the way what is due."""
        self._loop.run_until_complete(asyncio.sleep(max(0.0, when_s - self._loop.time())))
        self._loop.reach(when_s)


class AirEnd(BleEnd):
    """The near end of a link over a virtual radio, which shows all that a phone's log does.

    Args:
        session: the link's.
        air: the radio.
    """

    def __init__(self, session: ModuleSession, air: VirtualBleak) -> None:
        super().__init__(session)
        self._air = air

    @property
    def ask_mtu(self) -> int | None:
        """What the central asks for at the next connection."""
        return self._air.mtu

    @ask_mtu.setter
    def ask_mtu(self, mtu: int | None) -> None:
        self._air.mtu = mtu

    @property
    def pair(self) -> bool:
        """Whether to pair at the next connection; who does not is a stranger again."""
        return super().pair

    @pair.setter
    def pair(self, pair: bool) -> None:
        self._session.pair = pair
        if not pair:
            self._air.bonds.clear()

    @property
    def unasked(self) -> tuple[bytes, ...]:
        """What was notified to this connection before the subscription."""
        return tuple(self._air.unasked)


class AirLink:
    """A link to an emulated unit through its Bluetooth module.

    Args:
        target: what its string says.
        unit: the unit; None makes the one that the target names.
    Attributes:
        air: the virtual radio.
        module: the module; ``module.unit`` is the unit behind it.
        radio: the near end of the link.
    Raises:
        ConfigError: an unknown firmware, board, option or generation of the module.
        LinkError: a bad option, or a login or passkey that the module refuses.
    """

    def __init__(self, target: Target, unit: Unit | None = None) -> None:
        self.name = target.text
        self.air, self.module = put_on_air(target, unit)
        self._loop = JumpingLoop()
        self.clock: Clock = AirClock(self._loop)
        self._pieces: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._lost = self._leaving = self._closed = False
        self._session = ModuleSession(
            _address_of(self.module, target),
            self._on_piece,
            self._on_lost,
            pair=self.air.passkey is not None,
        )
        self.radio = AirEnd(self._session, self.air)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, target: Target) -> AirLink:
        """Return a link to a new unit.

        Raises:
            ConfigError: an unknown firmware, board, option or generation of the module.
        """
        return cls(target)

    def write(self, data: bytes) -> None:
        """Write to the module; raises LinkError where the link is gone."""
        self._run(self._session.write(data))

    def read(self, until_s: float) -> bytes:
        """Return the next notification, or nothing when the clock jumped to ``until_s``."""
        piece = self._run(self._next(until_s))
        if not piece:
            self._loop.reach(until_s)
        return piece

    def reconnect(self) -> None:
        """Disconnect and connect again."""
        self._leave()
        self._pieces.clear()
        self._open()

    def power_cycle(self) -> None:
        """Take the unit's supply away and give it back; the link ends and is made anew."""
        self._leave()
        self.module.unit.device.power_cycle(self.clock.now_s())
        self.module.power_up(self.clock.now_s())
        self._pieces.clear()
        self._open()

    def release(self) -> None:
        """Disconnect; the unit lives on."""
        self.close()

    def close(self) -> None:
        """Disconnect; a second call does nothing."""
        if self._closed:
            return
        self._leave()
        self._run(self._stop())
        self._closed = True
        self._loop.close()

    def _open(self) -> None:
        self._lost = self._leaving = False
        self.air.unasked.clear()
        with self.air.selected():
            self._run(self._session.open())

    def _leave(self) -> None:
        self._leaving = True
        self._run(self._session.close())

    async def _next(self, until_s: float) -> bytes:
        while not self._pieces:
            if self._lost:
                raise LinkError(f"{self.name}: the link is gone: the module disconnected")
            self._arrived.clear()
            try:
                async with asyncio.timeout_at(until_s):
                    await self._arrived.wait()
            except TimeoutError:
                if not self._pieces:
                    return b""
        return self._pieces.popleft()

    def _on_piece(self, piece: bytes) -> None:
        self._pieces.append(piece)
        self._arrived.set()

    def _on_lost(self) -> None:
        self._lost = not self._leaving
        self._arrived.set()

    def _run(self, work: Coroutine[Any, Any, ValueT]) -> ValueT:
        if self._closed:
            work.close()
            raise LinkError(f"{self.name}: the link is closed")
        return self._loop.run_until_complete(work)

    async def _stop(self) -> None:
        await self.air.radio.stop()
        await end_tasks()


def put_on_air(target: Target, unit: Unit | None = None) -> tuple[VirtualBleak, BleModule]:
    """Return a virtual radio, and on it the module that a target names; nothing runs yet.

    Raises:
        ConfigError: an unknown firmware, board, option, generation or module password.
        LinkError: a module option out of range.
    """
    air = VirtualBleak()
    air.mtu = target.integer("mtu", 517, 23, 517)
    if "passkey" in target.options:
        air.passkey = target.integer("passkey", 0, 0, 999_999)
    module = air.add(
        Unit(parse_unit(target.unit)) if unit is None else unit,
        target.options.get("module", "telink"),
        password=target.options.get("password"),
        paced=bool(target.integer("paced", 0, 0, 1)),
    )
    _address_of(module, target)
    return air, module


def _address_of(module: BleModule, target: Target) -> Target:
    """Return the ``ble:`` target that finds the module, under the name the user gave."""
    login = target.options.get("login")
    options = {} if login is None else {"login": login}
    if login is not None:
        password_bytes(login)
    return replace(parse_target(f"ble:{module.address_text}"), text=target.text, options=options)
