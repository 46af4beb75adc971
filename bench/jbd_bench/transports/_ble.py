"""Links to a Bluetooth module: ``ble:ADDRESS`` and ``ble:name=JBD-...``, over bleak.

bleak lives on an event loop, a link does not: the loop runs in a thread of its own, and every
call here waits for what it does there.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

from bleak import BleakClient, BleakScanner
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from jbd_protocol import ModuleDecoder, ModuleFrame

from .._link import Clock, LinkError, RealClock
from ._login import ANSWER_S, module_login, password_bytes
from ._target import Target

ValueT = TypeVar("ValueT")

OPTIONS: Final = ("pin", "pin_encoding", "timeout", "adapter", "login", "module", "about")
_WRITES: Final = frozenset({"write", "write-without-response"})
SERIAL_LINES: Final = (("ff01", "ff02"), ("fff1", "fff2"))
"""Characteristics that a module answers on and takes requests on, by generation."""
_CONNECT_S: Final = 20.0
_CALL_S: Final = 10.0
_LEAVE_S: Final = 30.0
"""Longer than bleak itself waits for the end of a link, which is ten seconds on BlueZ."""
_LAST_TURNS: Final = 3
_TRIES: Final = 3
_PASSING: Final = ("device disconnected", "le-connection-abort")
"""What BlueZ says where a link ended while it was made, which the next try often does not see."""
_HEADER: Final = 3
"""Bytes of a notification or write that are not its value."""
_NEEDS_PAIRING: Final = (0x05, 0x08, 0x0C, 0x0F)
"""ATT errors: insufficient authentication, authorization, key size, encryption."""
_SWITCH_ON: Final = "the adapter is off; bluetoothctl power on"
_DENIED: Final = "this program may not use Bluetooth; allow it in the system's settings"
_WHY: Final = BleakBluetoothNotAvailableReason
_NOT_AVAILABLE: Final = {
    _WHY.POWERED_OFF: _SWITCH_ON,
    _WHY.NO_BLUETOOTH: "no Bluetooth adapter here",
    _WHY.NO_BLE_CENTRAL_ROLE: "the adapter has no Bluetooth Low Energy, or no central role",
    _WHY.DENIED_BY_USER: _DENIED,
    _WHY.DENIED_BY_SYSTEM: _DENIED,
    _WHY.DENIED_BY_UNKNOWN: _DENIED,
}


class ModuleSession:
    """The part of a link that lives on the event loop.

    Args:
        target: what to look for.
        notified: called with every notification.
        lost: called when the link ends without :meth:`close`.
        pair: whether to pair right behind the connection.
    Attributes:
        pair: the same, for the next connection.
        address: six bytes of the module's address; empty where the system hides it.
        name: what it advertised when it was last found.
        mtu, writes: of the link, see :class:`~jbd_bench._link.RadioEnd`.
        login: password for a module that demands one, None for none.
        gatt: properties by characteristic.
        subscribed_s: when the subscription was acknowledged, on the loop's clock.
    """

    def __init__(
        self,
        target: Target,
        notified: Callable[[bytes], None],
        lost: Callable[[], None],
        *,
        pair: bool = False,
    ) -> None:
        self._target, self._notified, self._lost, self.pair = target, notified, lost, pair
        self._scan_s = target.integer("timeout", 10, 1, 120)
        self._where = target.address
        self._client: BleakClient | None = None
        self._takes: BleakGATTCharacteristic | None = None
        self._answers: asyncio.Queue[ModuleFrame] | None = None
        self._decoder = ModuleDecoder()
        self.address = b""
        self.name = ""
        self.mtu = 0
        self.writes: frozenset[str] = frozenset()
        self.gatt: dict[str, frozenset[str]] = {}
        self.subscribed_s = 0.0
        self.login = target.options.get("login")
        if self.login is not None:
            password_bytes(self.login)

    async def open(self) -> None:
        """Find the module, connect, subscribe, log in where a login is given.

        Raises:
            LinkError: one of them failed; the message says what to do.
        """
        self._client = client = await self._connected()
        try:
            self.gatt = {
                _short(row.uuid): frozenset(row.properties)
                for row in client.services.characteristics.values()
            }
            notifies, self._takes = self._serial_line(client)
            self.mtu = self._takes.max_write_without_response_size + _HEADER
            self.writes = frozenset(self._takes.properties) & _WRITES
            await self._named(client.start_notify(notifies, self._on_notify))
            self.subscribed_s = asyncio.get_running_loop().time()
            if self.login is not None:
                await self._log_in(password_bytes(self.login))
        except BaseException:
            await self.close()
            raise

    async def _connected(self) -> BleakClient:
        """Find the module and connect; a link that ends while it is made gets another try."""
        for left in reversed(range(_TRIES)):
            device = await self._named(self._find())
            self.address, self.name = _address(device.address), device.name or ""
            # A name may be changed over this very link: from now on the address finds it.
            self._where = device.address
            client = BleakClient(device, self._on_end, timeout=_CONNECT_S, pair=self.pair)
            try:
                await self._named(client.connect())
                return client
            except LinkError as error:
                await _leave(client)
                if not left or not any(sign in str(error).lower() for sign in _PASSING):
                    raise
            except BaseException:
                await _leave(client)
                raise
        raise AssertionError("unreachable")

    def _on_end(self, client: BleakClient) -> None:
        # One that never was the link's, or is so no more, loses nothing.
        if client is self._client:
            self._lost()

    async def write(self, data: bytes) -> None:
        """Write as the characteristic wants it, in pieces where one write cannot hold it."""
        client, takes = self._client, self._takes
        if client is None or takes is None:
            raise LinkError(f"{self._target.text}: the link is closed")
        # The kind of write is taken from the characteristic, as the vendor's apps do; where it
        # offers both, without response: the answer comes as a notification anyway.
        response = "write-without-response" not in takes.properties
        # No longer than one packet, also with a response: modules refuse what takes several.
        size = takes.max_write_without_response_size
        for at in range(0, len(data), size):
            await self._named(client.write_gatt_char(takes, data[at : at + size], response))

    async def close(self) -> None:
        """Leave; a second call does nothing."""
        client, self._client, self._takes = self._client, None, None
        if client is not None:
            await _leave(client)

    async def _find(self) -> BLEDevice:
        kind, _, wanted = self._where.partition("=")
        adapter = self._target.options.get("adapter")
        bluez: Any = {"adapter": adapter} if adapter else {}  # Any: bleak's own TypedDict
        if kind == "name" and wanted:
            found = await BleakScanner.find_device_by_filter(
                lambda _, heard: heard.local_name == wanted, self._scan_s, bluez=bluez
            )
        else:
            found = await BleakScanner.find_device_by_address(
                self._where, self._scan_s, bluez=bluez
            )
        if found is None:
            raise LinkError(
                f"{self._target.text}: not found within {self._scan_s} s; out of range, or another "
                "client has it: a module that serves one is not heard"
            )
        return found

    def _serial_line(
        self, client: BleakClient
    ) -> tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]:
        for up, down in SERIAL_LINES:
            notifies = client.services.get_characteristic(_long(up))
            takes = client.services.get_characteristic(_long(down))
            if notifies is not None and takes is not None:
                return notifies, takes
        wanted = " or ".join(f"{up} with {down}" for up, down in SERIAL_LINES)
        raise LinkError(f"{self._target.text}: no such characteristic: wants {wanted}")

    def _on_notify(self, _: BleakGATTCharacteristic, data: bytearray) -> None:
        if self._answers is None:
            self._notified(bytes(data))
            return
        for event in self._decoder.receive(bytes(data)):
            if isinstance(event, ModuleFrame):
                self._answers.put_nowait(event)

    async def _log_in(self, password: bytes) -> None:
        answers: asyncio.Queue[ModuleFrame] = asyncio.Queue()
        self._answers = answers
        steps = module_login(self.address, password)
        try:
            request = next(steps)
            while True:
                await self.write(request.to_wire())
                request = steps.send(await _next_answer(answers, request.command))
        except StopIteration:
            return
        except LinkError as error:
            raise LinkError(f"{self._target.text}: {error}") from None
        finally:
            self._answers = None

    async def _named(self, work: Awaitable[ValueT]) -> ValueT:
        try:
            return await work
        except LinkError:
            raise
        except (BleakError, OSError, EOFError, TimeoutError) as error:
            raise LinkError(f"{self._target.text}: {reason(error)}") from None


async def _leave(client: BleakClient) -> None:
    # Where it is gone already, that is what was wanted.
    with contextlib.suppress(BleakError, OSError, EOFError, TimeoutError):
        await client.disconnect()


async def _next_answer(answers: asyncio.Queue[ModuleFrame], command: int) -> ModuleFrame | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            while (answer := await answers.get()).command != command:
                pass
            return answer
    except TimeoutError:
        return None


class BleEnd:
    """The near end of a Bluetooth link, see :class:`~jbd_bench._link.RadioEnd`.

    Args:
        session: the link's, on a loop whose clock is the link's.
    """

    ask_mtu: int | None = None

    def __init__(self, session: ModuleSession) -> None:
        self._session = session

    @property
    def login(self) -> str | None:
        """Password for the next connection."""
        return self._session.login

    @login.setter
    def login(self, password: str | None) -> None:
        if password is not None:
            password_bytes(password)
        self._session.login = password

    @property
    def pair(self) -> bool:
        """Whether to pair at the next connection."""
        return self._session.pair

    @pair.setter
    def pair(self, pair: bool) -> None:
        self._session.pair = pair

    @property
    def address(self) -> bytes:
        """Six bytes of the module's address, which its passwords are computed with."""
        return self._session.address

    @property
    def name(self) -> str:
        """What it advertised when it was last found."""
        return self._session.name

    @property
    def mtu(self) -> int:
        """ATT MTU of the link."""
        return self._session.mtu

    @property
    def writes(self) -> frozenset[str]:
        """Kinds of write that are offered."""
        return self._session.writes

    @property
    def gatt(self) -> Mapping[str, frozenset[str]]:
        """What the module offers: properties by characteristic."""
        return self._session.gatt

    @property
    def subscribed_s(self) -> float:
        """When the subscription was acknowledged, on the link's clock."""
        return self._session.subscribed_s

    @property
    def unasked(self) -> tuple[bytes, ...] | None:
        """Nothing is known: the system keeps it to itself."""
        return None


class BleLink:
    """A Bluetooth module within reach of this machine's adapter, and the machine's clock.

    Attributes:
        radio: the near end of the link.
    """

    def __init__(self, target: Target) -> None:
        target.check_options(*OPTIONS)
        _check_address(target)
        _check_module(target)
        self.name = target.text
        self.clock: Clock = RealClock()
        self._pieces: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._session = ModuleSession(target, self._pieces.put, self._on_lost)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=self.name, daemon=True)
        self._thread.start()
        self._closed = self._leaving = False
        self.radio = BleEnd(self._session)
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    @classmethod
    def open(cls, target: Target) -> BleLink:
        """Return a link to a module that was found and subscribed to.

        Raises:
            LinkError: adapter off, not found, no such characteristic, pairing needed.
        """
        return cls(target)

    def write(self, data: bytes) -> None:
        """Send bytes; raises LinkError where the link is gone."""
        if self._closed:
            raise LinkError(f"{self.name}: the link is closed")
        self._call(self._session.write(data))

    def read(self, until_s: float) -> bytes:
        """Return the next notification, or nothing at ``until_s``; raises LinkError."""
        if self._closed:
            raise LinkError(f"{self.name}: the link is closed")
        left_s = max(0.0, until_s - self.clock.now_s())
        try:
            piece = self._pieces.get(timeout=left_s) if left_s else self._pieces.get_nowait()
        except queue.Empty:
            return b""
        if piece is None:
            self._pieces.put(None)
            raise LinkError(f"{self.name}: the link is gone: the module disconnected")
        return piece

    def reconnect(self) -> None:
        """Disconnect and connect again; raises LinkError where the module is not there."""
        self._leave()
        while not self._pieces.empty():
            self._pieces.get()
        self._open()

    def close(self) -> None:
        """Disconnect; a second call does nothing."""
        if self._closed:
            return
        self._leave()
        self._closed = True
        self._call(end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CALL_S)
        self._loop.close()

    def _open(self) -> None:
        self._leaving = False
        self._call(self._session.open(), _TRIES * _CONNECT_S + 130)

    def _leave(self) -> None:
        self._leaving = True
        self._call(self._session.close(), _LEAVE_S)

    def _on_lost(self) -> None:
        if not self._leaving:
            self._pieces.put(None)

    def _call(self, work: Coroutine[Any, Any, None], wait_s: float = _CALL_S) -> None:
        try:
            asyncio.run_coroutine_threadsafe(work, self._loop).result(wait_s)
        except TimeoutError:
            raise LinkError(f"{self.name}: no answer within {wait_s:g} s") from None


async def end_tasks() -> None:
    """End what bleak has left running, as ``asyncio.run`` does."""
    leftovers = asyncio.all_tasks() - {asyncio.current_task()}
    for task in leftovers:
        task.cancel()
    await asyncio.gather(*leftovers, return_exceptions=True)
    # The sockets that bleak has shut down are closed when the loop next looks at them.
    for _ in range(_LAST_TURNS):
        await asyncio.sleep(0)


def reason(error: BaseException) -> str:
    """Return what is wrong with Bluetooth in one line, and what to do where that is known."""
    if isinstance(error, BleakBluetoothNotAvailableError):
        return _NOT_AVAILABLE.get(error.reason, "Bluetooth is not available here")
    if isinstance(error, BleakDBusError) and error.dbus_error == "org.bluez.Error.NotReady":
        # What bleak tells of the default adapter alone.
        return _SWITCH_ON
    if isinstance(error, BleakDeviceNotFoundError):
        return "the module takes no connection: out of range, or another client has it"
    if isinstance(error, BleakGATTProtocolError) and error.args[0] in _NEEDS_PAIRING:
        return "pairing needed; bluetoothctl pair, with the passkey on the label"
    if isinstance(error, BleakGATTProtocolError):
        return f"the module refuses: {error.args[-1]}"
    if isinstance(error, BleakDBusError) and "AuthenticationFailed" in error.dbus_error:
        return "pairing needed; bluetoothctl pair, with the passkey on the label"
    if isinstance(error, TimeoutError):
        return f"no connection within {_CONNECT_S:g} s"
    if isinstance(error, (FileNotFoundError, ConnectionRefusedError)):
        return "no system D-Bus, and with it no BlueZ"
    return (str(error) or type(error).__name__).splitlines()[0]


def _long(uuid: str) -> str:
    return f"0000{uuid}-0000-1000-8000-00805f9b34fb"


def _short(uuid: str) -> str:
    return uuid[4:8] if uuid == _long(uuid[4:8]) else uuid


def _address(text: str) -> bytes:
    """Return the six bytes of an address; macOS hands out a UUID instead."""
    parts = text.split(":")
    return bytes(int(part, 16) for part in parts) if len(parts) == 6 else b""


def _check_module(target: Target) -> None:
    """Refuse what is said of the module and can be neither found nor judged by."""
    _ = target.about_module
    key = target.options.get("module")
    if key is None:
        return
    from jbd_emulator import GENERATIONS

    if key not in GENERATIONS:
        raise LinkError(
            f"target {target.text!r}: module {key!r} must be one of {', '.join(GENERATIONS)}"
        )


def _check_address(target: Target) -> None:
    kind, _, wanted = target.address.partition("=")
    parts = target.address.split(":")
    plain = len(parts) == 6 and all(
        len(part) == 2 and not set(part) - set("0123456789abcdefABCDEF") for part in parts
    )
    # macOS names devices by UUIDs of its own.
    uuid = len(target.address) == 36 and target.address.count("-") == 4
    if not plain and not uuid and not (kind == "name" and wanted):
        raise LinkError(
            f"target {target.text!r}: must be ble:A5:C2:37:00:00:01 or ble:name=JBD-..."
        )
