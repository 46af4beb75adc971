"""``jbd-emulator serve --ble``: Bumble over an HCI transport, and what is said when it fails."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import pytest

from jbd_emulator import ConfigError, Unit, parse_unit
from jbd_emulator.commands.serve import _from_table
from jbd_emulator.frontends._ble import make_module, parse_transport
from jbd_emulator.frontends._server import ServedUnit, UnitPorts
from jbd_protocol import ModuleFrame

from .conftest import BASIC

if TYPE_CHECKING:
    from pathlib import Path

    from bumble.device import Device

    from jbd_emulator import VirtualRadio

SERVE = [sys.executable, "-m", "jbd_emulator", "serve"]


def refused(*options: str) -> str:
    done = subprocess.run([*SERVE, *options], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize(
    ("text", "kind", "where"),
    [
        ("bless", "bless", ""),
        ("bless:hci1", "bless", "hci1"),
        ("bumble:usb:0", "bumble", "usb:0"),
        ("bumble:adapter:unix:/run/hci", "bumble", "adapter:unix:/run/hci"),
    ],
)
def test_a_transport_names_a_front_end_and_where_it_is(text: str, kind: str, where: str) -> None:
    transport = parse_transport(text)
    assert (transport.kind, transport.where) == (kind, where)


@pytest.mark.parametrize("text", ["", "bumble", "bumble:", "hci0", "BLESS"])
def test_a_transport_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="must be bless, bless:hci1 or bumble:MONIKER"):
        parse_transport(text)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--ble", "radio"], "must be bless, bless:hci1 or bumble:MONIKER"),
        (["--ble", "bless", "--module", "2030"], "must be one of older, telink"),
        (["--module", "telink"], "needs --ble"),
        (["--module-password", "123456"], "module_password '123456': needs --ble"),
        (["--ble", "bless", "--module-password", "123456"], "telink demands no login; one of"),
        (
            ["--ble", "bless", "--module", "key-login", "--module-password", "1"],
            "module_password '1': must be 6 characters",
        ),
        (["--ble", "bumble:nonsense"], "ble bumble:nonsense: no such transport, or too little"),
        (["--ble", "bumble:usb"], "ble bumble:usb: no such transport, or too little said of it"),
        (["--ble", "bumble:tcp-client:here"], "bumble:tcp-client:here: must be such as usb:0"),
        (["--ble", "bumble:tcp-client:127.0.0.1:1"], "ble bumble:tcp-client:127.0.0.1:1: "),
    ],
)
def test_what_cannot_be_served_is_one_line(options: list[str], why: str) -> None:
    assert why in refused(*options)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "second"), [("bless", "bless:hci0"), ("bless:hci1",) * 2])
def test_two_units_on_one_adapter_are_refused(tmp_path: Path, first: str, second: str) -> None:
    config = tmp_path / "units.toml"
    config.write_text(f'[[unit]]\nble = "{first}"\n[[unit]]\nble = "{second}"\n')
    why = refused("--config", str(config))
    assert why.endswith(f"{second}: two units cannot share one adapter\n")


def test_a_served_module_demands_the_password_it_was_given() -> None:
    table = {"ble": "bless", "module": "key-login", "module_password": "555555"}
    ports = _from_table(table, 1)
    unit = Unit(parse_unit("0x44?board=4s"))
    module = make_module(unit, ports.module, paced=False, now_s=0.0, password=ports.module_password)
    module.connected(1.0)
    module.subscribed(1.0)
    answers = []
    for password in (b"000000", b"555555"):
        module.written(ModuleFrame(0x15, password).to_wire(), 2.0)
        answers += module.take(3.0)
    assert [answer.hex() for answer in answers if answer != b"\0"] == [
        "ffaa15010117",
        "ffaa15010016",
    ]


class Shown:
    """A module on the air, as far as the list of links looks at it."""

    limits, address, name = "", "A5:C2:37:00:00:01", "JBD"

    async def close(self) -> None: ...


def test_what_nobody_subscribed_to_is_counted_in_the_list_of_links() -> None:
    async def work() -> list[dict[str, Any]]:
        loop = asyncio.get_running_loop()
        served = ServedUnit(UnitPorts(parse_unit("0x21")), loop)
        module = make_module(served.unit, "telink", paced=False, now_s=loop.time())
        served._module, served.peripheral = module, Shown()
        module.connected(loop.time())
        module.written(BASIC, loop.time())
        module.take(loop.time())
        found = served.links()
        served.close()
        return found

    _, link = asyncio.run(work())
    assert (link["kind"], link["clients"], link["lost"]) == ("ble", ["a central"], 2)


@contextlib.asynccontextmanager
async def wire() -> AsyncIterator[tuple[Any, int]]:
    """Yield Bumble's end of an HCI wire over TCP, and its port."""
    from bumble.transport import open_transport

    end: Any = await open_transport("tcp-server:127.0.0.1:0")
    try:
        yield end, end.server.sockets[0].getsockname()[1]
    finally:
        end.server.close()
        await end.close()


async def plug_dongle(end: Any, radio: VirtualRadio) -> None:
    """Put a controller on this end of the wire, which hears what is on a radio."""
    from jbd_emulator.frontends._radio import RadioController

    dongle = RadioController("dongle", await radio.start())
    end.source.set_packet_sink(dongle)
    dongle.host = end.sink


async def read_over(phone: Device, unit: dict[str, Any]) -> dict[str, Any]:
    """Read a telink module as a phone does; return its name and what it notified."""
    from bumble import hci

    address = hci.Address(unit["ble"], hci.Address.RANDOM_DEVICE_ADDRESS)
    connection = await phone.connect(address, timeout=30)
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    client = connection.gatt_client
    client.notification_subscribers[0x11] = {heard.put_nowait}
    await client.write_value(0x12, b"\x01\x00", with_response=True)
    await client.write_value(0x15, BASIC)
    pieces: list[bytes] = []
    while sum(map(len, pieces)) < 34:
        piece = await asyncio.wait_for(heard.get(), 30)
        # The byte at link-up may have come before anybody listened.
        pieces += [] if piece == b"\x00" else [piece]
    name = await client.read_value(0x03)
    await connection.disconnect()
    return {"unit": unit, "pieces": pieces, "name": name.decode()}


async def served(kind: str, *options: str) -> dict[str, Any]:
    """Serve a unit over HCI on TCP, and read it from this side of the wire.

    Where Bumble plays the host there, this side is the dongle with a phone in reach; where it
    plays the adapter, this side is the computer.
    """
    from bumble.device import Device
    from bumble.hci import Address

    from jbd_emulator import VirtualRadio

    async with wire() as (end, port):
        radio = VirtualRadio()
        if not kind:
            await plug_dongle(end, radio)
        process = await asyncio.create_subprocess_exec(
            *SERVE, "--json", "--ble", f"bumble:{kind}tcp-client:127.0.0.1:{port}", *options,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
            if kind:
                here = Address("C0:00:00:00:00:99")
                phone = Device.with_hci("computer", here, end.source, end.sink)
                await phone.power_on()
            else:
                phone = await radio.central()
            seen = await read_over(phone, ready["units"][0])
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, said
    return {**seen, "said": said.decode()}


@pytest.mark.slow
def test_a_unit_is_served_through_a_controller_on_a_wire(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"
    seen = asyncio.run(served("", "--board", "8s", "--seed", "3", "--log", str(log)))
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    air = [row["event"] for row in rows if row["dir"] == "air"]
    assert air == [
        "connected", "notified", "subscribed", "written", "notified", "notified", "disconnected",
    ]  # fmt: skip
    assert bytes.fromhex(next(row["hex"] for row in rows if row.get("event") == "written")) == BASIC
    assert [len(piece) for piece in seen["pieces"]] == [20, 14]
    assert seen["name"] == seen["unit"]["ble_name"]
    assert seen["unit"]["ble"].startswith("A5:C2:37:")
    [limits] = seen["said"].splitlines()
    assert limits.startswith("jbd-emulator serve: ble: the address goes out as a random one")


@pytest.mark.slow
def test_a_unit_is_what_the_adapter_of_a_computer_hears() -> None:
    seen = asyncio.run(served("adapter:", "--firmware", "0x17"))
    assert [len(piece) for piece in seen["pieces"]] == [20, 14]
    [limits] = seen["said"].splitlines()
    assert "a virtual radio" in limits


@pytest.mark.slow
def test_a_controller_that_goes_away_is_said_and_the_line_is_served_on() -> None:
    async def work() -> tuple[str, int | None]:
        from jbd_emulator import VirtualRadio

        async with wire() as (end, port):
            await plug_dongle(end, VirtualRadio())
            process = await asyncio.create_subprocess_exec(
                *SERVE, "--ble", f"bumble:tcp-client:127.0.0.1:{port}",
                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                await asyncio.wait_for(process.stdout.readline(), 60)
                await asyncio.wait_for(process.stderr.readline(), 60)
                end.sink.transport.abort()
                said = await asyncio.wait_for(process.stderr.readline(), 60)
                assert process.returncode is None
            finally:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.communicate(), 60)
        return said.decode(), process.returncode

    said, status = asyncio.run(work())
    assert "the controller is gone, and nobody hears the module any more" in said
    assert status == 0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_address() -> None:
    first, second, other = (
        asyncio.run(served("", "--seed", seed))["unit"]["ble"] for seed in ("7", "7", "8")
    )
    assert first == second != other


@pytest.mark.parametrize(
    "name", ["jbd_emulator", "jbd_bench.pytest_plugin", "jbd_emulator.commands.serve"]
)
def test_who_asks_for_no_bluetooth_loads_none(name: str) -> None:
    check = f"import sys, {name}; assert not {{'bumble', 'bleak', 'bless'}} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)
