"""What the tests ask BlueZ themselves, over D-Bus."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus

ADAPTER: Final = "org.bluez.Adapter1"
AGENT: Final = "org.bluez.Agent1"
_AGENT_PATH: Final = "/jbd/agent"
_STEP_S: Final = 0.05
_READY_S: Final = 60.0


@contextlib.asynccontextmanager
async def bus() -> AsyncIterator[MessageBus]:
    """Yield a connection to the system bus that the environment names."""
    connection = await MessageBus(bus_type=BusType.SYSTEM).connect()
    try:
        yield connection
    finally:
        await hang_up(connection)


async def hang_up(connection: MessageBus) -> None:
    """Leave the bus, and wait until its socket is closed."""
    connection.disconnect()
    async with asyncio.timeout(_READY_S):
        await connection.wait_for_disconnect()  # type: ignore[no-untyped-call]  # theirs


async def objects(connection: MessageBus) -> dict[str, dict[str, Any]]:
    """Return what BlueZ shows: interfaces and their properties, by path."""
    reply = await connection.call(
        Message(
            destination="org.bluez",
            path="/",
            interface="org.freedesktop.DBus.ObjectManager",
            member="GetManagedObjects",
        )
    )
    assert reply is not None
    if reply.message_type is not MessageType.METHOD_RETURN:
        return {}
    found: dict[str, dict[str, Any]] = reply.body[0]
    return found


def adapters(count: int) -> list[str]:
    """Return the names of BlueZ's adapters when ``count`` of them are there and powered.

    Raises:
        TimeoutError: there are more or fewer.
    """
    return asyncio.run(_adapters(count))


async def _adapters(count: int) -> list[str]:
    async with asyncio.timeout(_READY_S), bus() as connection:
        while True:
            shown = await objects(connection)
            found = {p: o[ADAPTER] for p, o in shown.items() if ADAPTER in o}
            if len(found) == count and all(row["Powered"].value for row in found.values()):
                return [path.rpartition("/")[2] for path in found]
            await asyncio.sleep(_STEP_S)


def set_powered(adapter: str, *, on: bool) -> None:
    """Switch an adapter on or off, as ``bluetoothctl power`` does."""

    async def work() -> None:
        async with bus() as connection:
            reply = await connection.call(
                Message(
                    destination="org.bluez",
                    path=f"/org/bluez/{adapter}",
                    interface="org.freedesktop.DBus.Properties",
                    member="Set",
                    signature="ssv",
                    body=[ADAPTER, "Powered", Variant("b", on)],
                )
            )
            assert reply is not None
            assert reply.message_type is MessageType.METHOD_RETURN, reply.body

    asyncio.run(work())


@contextlib.contextmanager
def typing_passkey(passkey: int) -> Iterator[None]:
    """Answer BlueZ with a passkey when it asks the person at the keyboard for one."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def answer_all() -> MessageBus:
        connection = await MessageBus(bus_type=BusType.SYSTEM).connect()

        def answer(message: Message) -> Message | None:
            if message.interface == AGENT and message.member == "RequestPasskey":
                return Message.new_method_return(message, "u", [passkey])
            return None

        connection.add_message_handler(answer)
        for member, body in (
            ("RegisterAgent", [_AGENT_PATH, "KeyboardOnly"]),
            ("RequestDefaultAgent", [_AGENT_PATH]),
        ):
            reply = await connection.call(
                Message(
                    destination="org.bluez",
                    path="/org/bluez",
                    interface="org.bluez.AgentManager1",
                    member=member,
                    signature="os" if len(body) == 2 else "o",
                    body=body,
                )
            )
            assert reply is not None
            assert reply.message_type is MessageType.METHOD_RETURN, reply.body
        return connection

    connection = asyncio.run_coroutine_threadsafe(answer_all(), loop).result(_READY_S)
    try:
        yield
    finally:
        asyncio.run_coroutine_threadsafe(hang_up(connection), loop).result(_READY_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
