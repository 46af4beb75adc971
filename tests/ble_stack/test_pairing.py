"""The module that wants its passkey, with BlueZ as the phone: what ``bluetoothctl pair`` does."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from . import _exchanges as ex
from ._bluez import typing_passkey

if TYPE_CHECKING:
    from jbd_emulator import BleModule

    from .conftest import OnAir


async def asked(module: BleModule, *, pair: bool) -> bytes:
    """Ask for basic info; return the first notification."""
    from bleak import BleakClient

    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with asyncio.timeout(60), BleakClient(module.address_text, pair=pair) as client:
        await client.start_notify("ff01", lambda _, data: heard.put_nowait(bytes(data)))
        await client.write_gatt_char("ff02", ex.BASIC, response=False)
        return await heard.get()


def test_who_has_not_paired_is_echoed(on_air: OnAir) -> None:
    assert ex.run(asked(on_air(generation="passkey"), pair=False)) == ex.BASIC


def test_the_passkey_opens_it(on_air: OnAir) -> None:
    module = on_air(generation="passkey")
    with typing_passkey(int(module.generation.passkey.value or "")):
        answer = ex.run(asked(module, pair=True))
    assert answer[:2] == b"\xdd\x03"


def test_another_passkey_does_not(on_air: OnAir) -> None:
    from bleak.exc import BleakError

    with typing_passkey(111111), pytest.raises(BleakError):
        ex.run(asked(on_air(generation="passkey"), pair=True))
