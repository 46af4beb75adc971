"""aiobmsble, the library behind Home Assistant's BMS_BLE, on a virtual radio and jumping time."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from ._client import GalleryClient, words_of
from ._entry import CAPACITY, CHARGE, MONITOR
from ._look import Look, Use
from ._stage import MODULE, Stage


def aiobmsble() -> GalleryClient:
    """Return the library, or why it cannot be run."""
    release, missing = "0.31", ""
    try:
        release = ".".join(version("aiobmsble").split(".")[:2])
    except PackageNotFoundError:
        missing = "not installed: pip install aiobmsble" if sys.version_info >= (3, 12) else (
            "needs Python 3.12"
        )  # fmt: skip
    return GalleryClient(
        id=f"aiobmsble {release}",
        title="the library of Home Assistant's BMS_BLE, itself",
        can=frozenset({MONITOR, CAPACITY, CHARGE}),
        over=(MODULE,),
        drive=_drive,
        missing=missing,
    )


def _drive(stage: Stage, over: str) -> Use:
    from ..transports._air import JumpingLoop, put_on_air
    from ..transports._ble import end_tasks

    air, module = put_on_air(stage.target(logs_in=False), stage.unit)
    loop = JumpingLoop()

    async def stop() -> None:
        await air.radio.stop()
        await end_tasks()

    use = Use()
    try:
        with air.selected(), _silent():
            loop.run_until_complete(_look_on(stage, module.address_text, use))
    except Exception as error:  # whatever a client raises is what its user meets
        use.ended = words_of(error)
    finally:
        loop.run_until_complete(stop())
        loop.close()
    return use


@contextmanager
def _silent() -> Iterator[None]:
    """Keep what the library logs, the failures it is here for, off the bench's own terminal."""
    logger = logging.getLogger("aiobmsble")
    kept, logger.propagate = logger.propagate, False
    logger.addHandler(quiet := logging.NullHandler())
    try:
        yield
    finally:
        logger.propagate = kept
        logger.removeHandler(quiet)


async def _look_on(stage: Stage, address: str, use: Use) -> None:
    import asyncio

    from bleak import BleakScanner

    loop = asyncio.get_running_loop()
    found = await BleakScanner.find_device_by_address(address)
    package: Any = import_module("aiobmsble")
    make: Any = import_module("aiobmsble.bms.jbd_bms").BMS
    secret = {"secret": stage.entry.secret} if stage.entry.secret else {}
    async with make(found, package.BMSConfig(keep_alive=True, **secret)) as bms:
        for _ in range(stage.entry.looks):
            began_s = loop.time()
            try:
                use.looks.append(_look(await bms.async_update(), loop.time()))
            except TimeoutError:
                use.looks.append(Look(at_s=loop.time(), error="TimeoutError"))
            await asyncio.sleep(max(0.0, began_s + 1.0 - loop.time()))


def _look(sample: dict[str, Any], at_s: float) -> Look:  # Any: the library's own sample
    def scaled(key: str, factor: int) -> int | None:
        return round(sample[key] * factor) if key in sample else None

    return Look(
        at_s=at_s,
        pack_mv=scaled("voltage", 1000),
        cell_mv=tuple(round(v * 1000) for v in sample["cell_voltages"])
        if "cell_voltages" in sample
        else None,
        rsoc_percent=scaled("battery_level", 1),
        remaining_mah=scaled("cycle_charge", 1000),
        nominal_mah=scaled("design_capacity", 1000),
    )
