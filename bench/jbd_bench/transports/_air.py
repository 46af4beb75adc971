"""The emulator in this process behind a virtual radio, on jumping time.

``emulator-ble:0x21?board=4s&module=telink``: bytes go through bleak, a central, a virtual radio
and the module's GATT server, and where a client waits and nothing is due, the clock jumps.
"""

from __future__ import annotations

import asyncio
import selectors
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final, TypeVar

from jbd_emulator import BleModule

from .._link import Clock, LinkError
from ..bleak_bumble import VirtualBleak
from ._ble import ModuleSession, end_tasks
from ._target import Target, parse_target

ValueT = TypeVar("ValueT")

_MODULE_OPTIONS: Final = ("module", "mtu", "paced", "password")
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


class AirLink:
    """A link to an emulated unit through its Bluetooth module.

    Attributes:
        air: the virtual radio.
        module: the module; ``module.unit`` is the unit behind it.
        subscribed_s: when the subscription was acknowledged, on the link's clock.
    """

    def __init__(self, target: Target) -> None:
        self.name = target.text
        self.air = VirtualBleak()
        self.module = self._put_on_air(target)
        self._loop = JumpingLoop()
        self.clock: Clock = AirClock(self._loop)
        self.subscribed_s = 0.0
        self._pieces: deque[bytes] = deque()
        self._arrived = asyncio.Event()
        self._lost = self._leaving = self._closed = False
        found = parse_target(f"ble:{self.module.address_text}")
        self._session = ModuleSession(found, self._on_piece, self._on_lost)
        self._open()

    @classmethod
    def open(cls, target: Target) -> AirLink:
        """Return a link to a new unit.

        Raises:
            ConfigError: an unknown firmware, board, option or generation of the module.
        """
        return cls(target)

    @property
    def address(self) -> bytes:
        """Six bytes of the module's address."""
        return self.module.address

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

    def close(self) -> None:
        """Disconnect; a second call does nothing."""
        if self._closed:
            return
        self._leave()
        self._run(self._stop())
        self._closed = True
        self._loop.close()

    def _put_on_air(self, target: Target) -> BleModule:
        options = {k: v for k, v in target.options.items() if k not in _MODULE_OPTIONS}
        unit = target.address + "?" + "&".join(f"{k}={v}" for k, v in options.items())
        if "mtu" in target.options:
            self.air.mtu = target.integer("mtu", 517, 23, 517)
        return self.air.add(
            unit.rstrip("?"),
            target.options.get("module", "telink"),
            password=target.options.get("password"),
            paced=bool(target.integer("paced", 0, 0, 1)),
        )

    def _open(self) -> None:
        self._lost = self._leaving = False
        with self.air.selected():
            self._run(self._session.open())
        self.subscribed_s = self.clock.now_s()

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
