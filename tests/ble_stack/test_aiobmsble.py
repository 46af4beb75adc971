"""aiobmsble, a third-party client, on BlueZ: every unit it should read, and those it should not."""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from jbd_emulator import BOARDS, FIRMWARE

from . import _exchanges as ex
from .conftest import OnAir

if TYPE_CHECKING:
    from jbd_emulator import BleModule

    from ._air import Air

if sys.version_info < (3, 12):
    pytestmark = pytest.mark.skip(reason="aiobmsble needs Python 3.12")
elif find_spec("aiobmsble") is None:
    pytestmark = pytest.mark.skip(reason="needs aiobmsble; tox -e ble has it")

VERSIONS = sorted(FIRMWARE)
SECRET = "246813"


def sample(air: Air, module: BleModule, secret: str = "") -> dict[str, Any]:
    """Return what the client makes of a unit."""
    from aiobmsble import BMSConfig
    from aiobmsble.bms.jbd_bms import BMS
    from bleak import BleakScanner

    options: dict[str, Any] = {"secret": secret} if secret else {}

    async def work() -> dict[str, Any]:
        found = await BleakScanner.find_device_by_address(module.address_text, 20)
        assert found is not None
        client = BMS(found, BMSConfig(keep_alive=True, **options))
        try:
            async with client as bms:
                read = {**await bms.device_info(), **await bms.async_update()}
                # Else BlueZ takes two seconds over the end of the link.
                await asyncio.to_thread(air.drop_central, module)
                return read
        finally:
            # Where it fails on the way in, it leaves the link up.
            await client.disconnect()

    return ex.run(work())


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"0x{version:02X}")
@pytest.mark.parametrize("board", sorted(BOARDS))
def test_a_healthy_unit_is_read_exactly(on_air: OnAir, air: Air, board: str, version: int) -> None:
    module = on_air(f"0x{version:02X}?board={board}")
    read = sample(air, module)
    device = module.unit.device
    info = device.basic_info()
    assert read["voltage"] == pytest.approx(info.pack_mv / 1000)
    assert read["current"] == pytest.approx(info.current_ma / 1000)
    assert read["cell_voltages"] == pytest.approx([mv / 1000 for mv in device.cell_mv()])
    assert read["cell_count"] == BOARDS[board].cells == len(read["cell_voltages"])
    assert read["battery_level"] == info.rsoc_percent
    assert read["cycle_charge"] == pytest.approx(info.remaining_mah / 1000)
    assert read["cycles"] == info.cycles
    assert read["design_capacity"] == info.nominal_mah // 1000
    assert read["chrg_mosfet"]
    assert read["dischrg_mosfet"]
    assert not read["problem"]
    assert read["sw_version"] == f"{version >> 4}.{version & 15}"
    assert 0.04 * BOARDS[board].cells * 60 < read["voltage"] < 3.65 * BOARDS[board].cells


@pytest.mark.parametrize("key", ["older", "clone", "key-login"])
def test_a_module_that_it_works_with_is_read(on_air: OnAir, air: Air, key: str) -> None:
    secret = SECRET if key == "key-login" else ""
    module = on_air("0x44?board=16s", key, password=secret or None)
    assert sample(air, module, secret)["cell_count"] == 16


def test_a_wrong_secret_is_a_permission_error(on_air: OnAir, air: Air) -> None:
    module = on_air("0x44", "key-login", password=SECRET)
    with pytest.raises(PermissionError, match="Incorrect secret"):
        sample(air, module, "111111")


@pytest.mark.parametrize(
    ("key", "secret"),
    [("key-login", ""), ("telink-login", ""), ("telink-login", "000000"), ("fa00-login", "000000"),
     ("passkey", "")],
)  # fmt: skip
def test_a_module_that_wants_more_than_it_knows_is_met_with_a_time_out(
    on_air: OnAir, air: Air, key: str, secret: str
) -> None:
    # It sends 0x15 alone; the captured modules take 000000 there and want 0x17 and 0x18 as well.
    # The module that wants a passkey echoes until it is paired.
    with pytest.raises(TimeoutError):
        sample(air, on_air("0x44", key), secret)


def test_the_other_service_of_fff0_is_not_found(on_air: OnAir, air: Air) -> None:
    from bleak.exc import BleakError

    with pytest.raises(BleakError):
        sample(air, on_air("0x21", "fff0"))
