"""A fault ends the link on the air: the phone learns the reason, and when the module is back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from jbd_emulator import Fault

from .conftest import BASIC, CELLS, call, run

if TYPE_CHECKING:
    from jbd_emulator import VirtualRadio

    from .conftest import Phone


def _timeout() -> type[Exception]:
    from bumble.core import TimeoutError as BumbleTimeout

    return BumbleTimeout


@pytest.mark.parametrize("reason", [0x08, 0x13, 0x3E])
def test_the_phone_learns_the_reason_after_the_first_notification(
    with_phone: Callable[..., Any], reason: int
) -> None:
    async def work(phone: Phone) -> None:
        await phone.subscribe()
        fault = Fault("disconnect", end="client", register=3, byte=20, reason=reason)
        phone.module.unit.faults.add(fault)
        assert [len(piece) for piece in await phone.ask(CELLS)] == [15]
        assert [len(piece) for piece in await phone.ask(BASIC)] == [20]
        assert phone.lost == [reason]

    with_phone(work)


@pytest.mark.parametrize("down_s", [0.0, 5.0])
def test_the_module_is_back_on_the_air_when_its_time_has_come(
    radio: VirtualRadio, down_s: float
) -> None:
    module = radio.add("0x21?board=4s")

    async def work() -> None:
        phone = await call(radio, module)
        await phone.subscribe()
        fault = Fault("disconnect", end="client", down_s=down_s, times=1)
        module.unit.faults.add(fault)
        await phone.ask(BASIC)
        assert phone.lost
        if down_s:
            with pytest.raises(_timeout()):
                await call(radio, module, timeout_s=down_s - 1.0)
        again = await call(radio, module, timeout_s=2.0)
        await again.subscribe()
        assert b"".join(await again.ask(BASIC)).startswith(b"\xdd\x03")
        await again.leave()
        await radio.stop()

    run(work)


def test_unplugged_at_the_client_s_end_it_is_off_the_air(radio: VirtualRadio) -> None:
    module = radio.add("0x21?board=4s")

    async def work() -> None:
        phone = await call(radio, module)
        out = module.unit.faults.add(Fault("unplugged", end="client"))
        await asyncio.sleep(0.5)
        assert phone.lost == [0x13]
        with pytest.raises(_timeout()):
            await call(radio, module)
        module.unit.faults.remove(out)
        again = await call(radio, module)
        await again.leave()
        await radio.stop()

    run(work)
