"""Many units in one process: pseudo-terminals, TCP, RFC 2217 and Bluetooth on one loop."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .._config import ConfigError, UnitConfig
from .._unit import Unit
from ._link_file import SerialLink
from ._loop import EventLoop, Timer
from ._pty import PtyPort

if TYPE_CHECKING:
    # A unit on a terminal alone starts without these; one on the air loads asyncio.
    from socket import socket

    from ..faults import Hit
    from ..module import BleModule
    from ._ble import BlePeripheral, BleTransport
    from ._tcp import Endpoint

_CATCH_UP_S: Final = 5.0
"""How long a unit that nobody asks may lag behind the clock before it is brought up to date."""
_SLICE_S: Final = 0.05
_BUDGET_S: Final = 0.02
"""What units that live faster than the clock may take of a slice; time beyond it is left out, so
that a pack whose hours cost more than the machine has never keeps a client waiting."""
_STEP_S: Final = 0.01
_MOST_TICKS: Final = 2000
"""How many ticks a unit that lives faster may be late: about what a client may wait for."""
_FILES_PER_UNIT: Final = 6
Tap = Callable[[float, str, str, bytes], None]
FaultTap = Callable[[float, str, "Hit"], None]
AirTap = Callable[[float, str, str, bytes], None]
DEFAULT_MODULE: Final = "telink"
"""Generation of a Bluetooth module where none is named."""


class UnitPorts(NamedTuple):
    """A unit and where it is to be reached.

    Attributes:
        config: the unit.
        serial: link to the pseudo-terminal, None for the terminal's own name alone.
        tcp, rfc2217: ``(host, port)``; port 0 takes a free one.
        baud: line speed to keep, None to answer at once and in one piece.
        ble: where its Bluetooth module is on the air, None for no module.
        module: generation of that module.
        module_password: what its login compares; None takes the generation's.
    """

    config: UnitConfig
    serial: Path | None = None
    tcp: tuple[str, int] | None = None
    rfc2217: tuple[str, int] | None = None
    baud: int | None = None
    ble: BleTransport | None = None
    module: str = DEFAULT_MODULE
    module_password: str | None = None

    @property
    def needs_asyncio(self) -> bool:
        """Whether the unit is served by something that runs on asyncio alone: Bluetooth."""
        return self.ble is not None


class ServedUnit:
    """A unit that is being served, and what it is reached by."""

    __slots__ = (
        "_endpoints", "_link", "_loop", "_module", "_timer", "behind", "on_air", "peripheral",
        "port", "ports", "unit",
    )  # fmt: skip

    def __init__(self, ports: UnitPorts, loop: EventLoop) -> None:
        self.ports = ports
        self.unit = Unit(ports.config, loop.time())
        self._loop = loop
        self._timer: Timer | None = None
        self._link: SerialLink | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._module: BleModule | None = None
        self.behind = False
        """Whether the machine was too slow for the unit's speed since this was last set."""
        self.peripheral: BlePeripheral | None = None
        """The unit's Bluetooth module on the air, None where it has none."""
        self.on_air: Callable[[float, str, bytes], None] | None = None
        """Told what happens on the air; set before :meth:`listen`."""
        self.port = PtyPort(self.unit, baud=ports.baud)
        try:
            if ports.serial is not None:
                self._link = SerialLink(ports.serial, self.port.path)
        except ConfigError:
            self.port.close()
            raise
        self.port.on_move = self._on_move
        self._on_move(self.port.fileno() >= 0)

    async def listen(self) -> None:
        """Open the network ports and put the Bluetooth module on the air.

        Raises:
            ConfigError: one cannot be had.
        """
        for kind in ("tcp", "rfc2217"):
            address: tuple[str, int] | None = getattr(self.ports, kind)
            if address is not None:
                self._endpoints[kind] = self._listen(kind, *address)
        if self.ports.ble is not None:
            from ._ble import make_module, open_peripheral

            self._module = module = make_module(
                self.unit,
                self.ports.module,
                paced=self.ports.baud is not None,
                now_s=self._loop.time(),
                password=self.ports.module_password,
            )
            module.on_air = self.on_air
            self.peripheral = await open_peripheral(module, self.ports.ble)

    def _listen(self, kind: str, host: str, port: int) -> Endpoint:
        from ._tcp import Endpoint, TcpConnection

        make: Callable[[Endpoint, socket], TcpConnection] = TcpConnection
        if kind == "rfc2217":
            try:
                from ._rfc2217 import Rfc2217Connection
            except ImportError:
                raise ConfigError("rfc2217: needs pyserial, install jbd-bench[serial]") from None
            make = Rfc2217Connection
        endpoint = Endpoint(self.unit, self.ports.baud, self._loop, make)
        try:
            endpoint.listen(host, port)
        except OSError as error:
            # A failed look-up has no number of the system's.
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else str(error)
            raise ConfigError(f"{kind} {host}:{port}: {reason.lower()}") from None
        return endpoint

    def reach(self) -> dict[str, str | None]:
        """Return where the unit answers, by kind of port."""
        return {
            "serial": str(self.ports.serial or self.port.path),
            "pty": self.port.path,
            "tcp": self._address("tcp"),
            "rfc2217": self._address("rfc2217"),
            "ble": self.peripheral.address if self.peripheral is not None else None,
            "ble_name": self.peripheral.name if self.peripheral is not None else None,
        }

    def links(self) -> list[dict[str, Any]]:  # Any: values of a JSON object
        """Return every way in, and who uses it."""
        port = self.port
        links: list[dict[str, Any]] = [
            {
                "kind": "serial", "address": str(self.ports.serial or port.path), "clients": [],
                "bytes_in": port.bytes_in, "bytes_out": port.bytes_out, "lost": port.dropped,
            }
        ]  # fmt: skip
        for kind, endpoint in self._endpoints.items():
            links.append({
                "kind": kind, "address": endpoint.address,
                "clients": sorted(client.peer for client in endpoint.clients),
                "bytes_in": None, "bytes_out": None,
                "lost": sum(client.dropped for client in endpoint.clients),
            })  # fmt: skip
        if self.peripheral is not None:
            links.append({
                "kind": "ble", "address": self.peripheral.address,
                "clients": ["a central"] if self._module is not None and self._module.busy else [],
                "bytes_in": None, "bytes_out": None,
                "lost": 0 if self._module is None else self._module.lost,
            })  # fmt: skip
        return links

    @property
    def plugged(self) -> bool:
        """Whether every way in is there, down to the board."""
        unit = self.unit
        return (
            unit.plugged
            and not unit.unplugged
            and self.port.fileno() >= 0
            and all(endpoint.address for endpoint in self._endpoints.values())
        )

    def rearm(self) -> None:
        """Look again at what is due: somebody's hand changed the unit."""
        if self._timer is not None or self.port.due_s is not None:
            self._arm()

    def catch_up(self, now_s: float) -> None:
        """Bring a unit that nobody asks up to date, a little at a time."""
        device = self.unit.device
        if now_s - device.lived_until_s > _CATCH_UP_S:
            device.advance_to(now_s)

    def hurry(self, until_s: float) -> None:
        """Let a unit that lives faster than the clock live up to now, while there is time.

        Args:
            until_s: when the machine has something else to do.
        """
        device, loop = self.unit.device, self._loop
        # A hundredth of a second at ten thousand times is a hundred ticks: a few milliseconds.
        step_s = max(_STEP_S, 1 / device.speed)
        while (now_s := loop.time()) < until_s and now_s - device.lived_until_s >= step_s:
            device.advance_to(device.lived_until_s + step_s)
        if (now_s - device.lived_until_s) * device.speed > _MOST_TICKS:
            device.skip_to(now_s)
            self.behind = True

    async def leave_air(self) -> None:
        """Take the Bluetooth module off the air, where there is one."""
        peripheral, self.peripheral = self.peripheral, None
        if peripheral is not None:
            await peripheral.close()

    def close(self) -> None:
        """Give every port back, remove the link and save the state."""
        if self._timer is not None:
            self._timer.cancel()
        self.port.on_move = None
        self._loop.remove_reader(self.port.fileno())
        for endpoint in self._endpoints.values():
            endpoint.close()
        if self._link is not None:
            self._link.close()
        self.port.close()
        self.unit.device.advance_to(self._loop.time())
        self.unit.save()

    def _address(self, kind: str) -> str | None:
        endpoint = self._endpoints.get(kind)
        return None if endpoint is None else endpoint.address

    def _on_move(self, plugged: bool) -> None:
        """Follow the terminal, which a fault may pull out and put back as another one."""
        if plugged:
            self._loop.add_reader(self.port.fileno(), self._on_readable)
        else:
            self._loop.remove_reader(self.port.fileno())
        if self._link is not None:
            self._link.lead_to(self.port.path if plugged else "")
        self._arm()

    def _on_readable(self) -> None:
        port = self.port
        port.on_readable(self._loop.time())
        if self._timer is not None or port.due_s is not None:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_s = self.port.due_s
        if due_s is not None:
            self._timer = self._loop.call_at(due_s, self._on_due)

    def _on_due(self) -> None:
        self._timer = None
        self.port.on_due(self._loop.time())
        self._arm()


class Server:
    """Serves units until :meth:`close`.

    Args:
        ports: the units; none of them is served if one of them cannot be.
        tap: called with seconds since the start, unit name, ``rx`` or ``tx``, and the bytes.
        fault_tap: called with seconds since the start, unit name, and what a fault did.
        air_tap: called with seconds since the start, unit name, what happened on the air, and the
            bytes of it.
        complain: called with one line when a state could not be saved.
    """

    def __init__(
        self,
        ports: Sequence[UnitPorts],
        *,
        tap: Tap | None = None,
        fault_tap: FaultTap | None = None,
        air_tap: AirTap | None = None,
        complain: Callable[[str], None] | None = None,
    ) -> None:
        self._wanted, self._tap, self._complain = ports, tap, complain
        self._fault_tap, self._air_tap = fault_tap, air_tap
        self.units: list[ServedUnit] = []
        self._ticker: Timer | None = None
        self._turn = 0

    async def start(self, loop: EventLoop) -> None:
        """Open every port on a loop; Bluetooth needs it to be asyncio's.

        Raises:
            ConfigError: a port or path cannot be had; nothing stays open.
            StateError: a state file cannot be used; nothing stays open.
        """
        _raise_file_limit(_FILES_PER_UNIT * len(self._wanted) + 64)
        started_s = loop.time()
        try:
            for ports in self._wanted:
                served = ServedUnit(ports, loop)
                self.units.append(served)
                served.unit.complain = self._complain
                if self._tap is not None:
                    served.unit.tap = _tap_for(self._tap, served.unit.name, started_s)
                if self._air_tap is not None:
                    served.on_air = _tap_for(self._air_tap, served.unit.name, started_s)
                if self._fault_tap is not None:
                    tell = _fault_tap_for(self._fault_tap, served.unit.name, started_s)
                    served.unit.on_fault.append(tell)
                    for now_s, hit in served.unit.faults.record if served.unit.faulty else ():
                        # What a unit is broken with from the start.
                        tell(now_s, hit)
                await served.listen()
        except BaseException:
            await self.leave_air()
            self.close()
            raise
        self._ticker = loop.call_later(_SLICE_S, self._tick, loop)

    async def leave_air(self) -> None:
        """Take every Bluetooth module off the air; call before :meth:`close`."""
        for served in self.units:
            await served.leave_air()

    def close(self) -> None:
        """End cleanly: ports closed, links removed, states saved."""
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        for served in self.units:
            with contextlib.suppress(OSError):
                served.close()
        self.units.clear()

    def _tick(self, loop: EventLoop) -> None:
        # Idle units age in turns, a few per slice, so that no client ever waits for all of them.
        now_s = loop.time()
        hasty = [served for served in self.units if served.unit.device.speed > 1]
        for number, served in enumerate(hasty, 1):
            served.hurry(now_s + _BUDGET_S * number / len(hasty))
        count = max(1, int(len(self.units) * _SLICE_S))
        for _ in range(min(count, len(self.units))):
            self._turn = (self._turn + 1) % len(self.units)
            self.units[self._turn].catch_up(now_s)
        self._ticker = loop.call_later(_SLICE_S, self._tick, loop)


def _tap_for(tap: Tap, name: str, started_s: float) -> Callable[[float, str, bytes], None]:
    return lambda now_s, direction, data: tap(now_s - started_s, name, direction, data)


def _fault_tap_for(tap: FaultTap, name: str, started_s: float) -> Callable[[float, Hit], None]:
    return lambda now_s, hit: tap(now_s - started_s, name, hit)


def _raise_file_limit(needed: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
