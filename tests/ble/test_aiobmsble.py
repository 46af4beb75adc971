"""aiobmsble, a third-party client, on every board and generation it should and should not read."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from jbd_emulator import BOARDS, FIRMWARE

from .conftest import run

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak
    from jbd_emulator import BleModule

if sys.version_info < (3, 12):
    pytestmark = pytest.mark.skip(reason="aiobmsble needs Python 3.12")
elif find_spec("aiobmsble") is None:
    pytestmark = pytest.mark.skip(reason="needs aiobmsble; tox -e ble-quick has it")

VERSIONS = sorted(FIRMWARE)


def sample(module: BleModule, secret: str = "") -> dict[str, Any]:
    """Return what the client makes of a unit."""
    from aiobmsble import BMSConfig
    from aiobmsble.bms.jbd_bms import BMS
    from bleak import BleakScanner

    options: dict[str, Any] = {"secret": secret} if secret else {}

    async def work() -> dict[str, Any]:
        found = await BleakScanner.find_device_by_address(module.address_text)
        async with BMS(found, BMSConfig(keep_alive=True, **options)) as bms:
            return {**await bms.device_info(), **await bms.async_update()}

    return run(work)


@pytest.mark.parametrize("version", VERSIONS, ids=lambda version: f"0x{version:02X}")
@pytest.mark.parametrize("board", sorted(BOARDS))
def test_a_healthy_unit_is_read_exactly(jbd_bleak: VirtualBleak, board: str, version: int) -> None:
    module = jbd_bleak.add(f"0x{version:02X}?board={board}&load_ma=5000")
    read = sample(module)
    device = module.unit.device
    info = device.basic_info()
    assert read["voltage"] == pytest.approx(info.pack_mv / 1000)
    assert read["current"] == pytest.approx(info.current_ma / 1000)
    assert read["cell_voltages"] == pytest.approx([mv / 1000 for mv in device.cell_mv()])
    assert read["cell_count"] == BOARDS[board].cells
    assert read["battery_level"] == info.rsoc_percent
    assert read["cycle_charge"] == pytest.approx(info.remaining_mah / 1000)
    assert read["design_capacity"] == info.nominal_mah // 1000
    assert read["chrg_mosfet"]
    assert read["dischrg_mosfet"]
    assert not read["problem"]
    assert read["sw_version"] == f"{version >> 4}.{version & 15}"
    assert [probe.value if hasattr(probe, "value") else probe[0] for probe in read["temp_values"]]


@pytest.mark.parametrize("board", sorted(BOARDS))
def test_a_module_that_wants_its_secret_is_read_with_it(
    jbd_bleak: VirtualBleak, board: str
) -> None:
    module = jbd_bleak.add(f"0x44?board={board}", "key-login", password="246813")
    assert sample(module, "246813")["cell_count"] == BOARDS[board].cells


def test_a_wrong_secret_is_a_permission_error(jbd_bleak: VirtualBleak) -> None:
    module = jbd_bleak.add("0x44", "key-login", password="246813")
    with pytest.raises(PermissionError, match="Incorrect secret"):
        sample(module, "111111")


@pytest.mark.parametrize("key", ["key-login", "telink-login", "fa00-login"])
def test_without_a_secret_a_login_module_is_met_with_a_time_out(
    jbd_bleak: VirtualBleak, key: str
) -> None:
    module = jbd_bleak.add("0x44", key)
    with pytest.raises(TimeoutError):
        sample(module)


@pytest.mark.parametrize("key", ["telink-login", "fa00-login"])
def test_the_whole_ff_aa_login_is_more_than_the_client_knows(
    jbd_bleak: VirtualBleak, key: str
) -> None:
    # It sends 0x15 alone; the captured modules take 000000 there and want 0x17 and 0x18 as well.
    module = jbd_bleak.add("0x44", key)
    with pytest.raises(TimeoutError):
        sample(module, "000000")


def test_a_module_that_wants_pairing_echoes_and_is_not_read(jbd_bleak: VirtualBleak) -> None:
    module = jbd_bleak.add("0x44", "passkey")
    with pytest.raises(TimeoutError):
        sample(module)


def test_the_other_service_of_fff0_is_not_found(jbd_bleak: VirtualBleak) -> None:
    from bleak.exc import BleakError

    module = jbd_bleak.add("0x21", "fff0")
    with pytest.raises(BleakError):
        sample(module)


def test_the_clone_and_the_older_module_are_read(jbd_bleak: VirtualBleak) -> None:
    for key in ("clone", "older"):
        module = jbd_bleak.add("0x21?board=16s", key)
        assert sample(module)["cell_count"] == 16
