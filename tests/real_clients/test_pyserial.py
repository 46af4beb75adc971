"""pyserial against `jbd-emulator serve`: pseudo-terminal, `socket://` and `rfc2217://`."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import serial

from jbd_protocol import ENTER_FACTORY, ReadRequest, Response, WriteRequest, parse_response

Serve: TypeAlias = "Callable[..., tuple[subprocess.Popen[str], list[dict[str, Any]]]]"
# Any: values of a JSON object

# pyserial 3.5's RFC 2217 client starts its thread the old way.
pytestmark = pytest.mark.filterwarnings("ignore:set(Daemon|Name):DeprecationWarning")

ANY_PORT = "127.0.0.1:0"
PORTS = ["serial", "tcp", "rfc2217"]


def url(unit: dict[str, Any], kind: str) -> str:
    scheme = {"serial": "", "tcp": "socket://", "rfc2217": "rfc2217://"}[kind]
    return f"{scheme}{unit[kind]}"


def opened(address: str) -> serial.SerialBase:
    return serial.serial_for_url(address, baudrate=9600, timeout=10)


def exchange(port: serial.SerialBase, request: ReadRequest | WriteRequest) -> Response:
    port.write(request.to_wire())
    head = port.read(4)
    return parse_response(head + port.read(head[3] + 3))


@pytest.fixture
def unit(serve: Serve) -> dict[str, Any]:  # Any: values of a JSON object
    _, [unit] = serve("--firmware", "0x20", "--tcp", ANY_PORT, "--rfc2217", ANY_PORT)
    return unit


@pytest.mark.parametrize("kind", PORTS)
def test_basic_info_is_answered(unit: dict[str, Any], kind: str) -> None:
    with opened(url(unit, kind)) as port:
        answer = exchange(port, ReadRequest(0x03))
        assert (answer.status, answer.data[18]) == (0, 0x20)


@pytest.mark.parametrize("kind", PORTS)
def test_a_client_may_set_the_baud_rate_and_come_back(unit: dict[str, Any], kind: str) -> None:
    for baud in (9600, 115_200):
        with opened(url(unit, kind)) as port:
            port.baudrate = baud
            assert exchange(port, ReadRequest(0x04)).status == 0
            port.baudrate = 19_200
            assert exchange(port, ReadRequest(0x05)).data == b"JBD-SP04S020-L4S-120A-B-U-K"


def test_every_byte_survives_the_telnet_line(unit: dict[str, Any]) -> None:
    """0xFF is telnet's own escape, in both directions."""
    text = bytes((31, *([0xFF] * 15), *([0xDD, 0x77] * 8)))
    write = WriteRequest(0xA2, text)
    assert b"\xff" in write.to_wire()
    with opened(url(unit, "rfc2217")) as port:
        assert exchange(port, ENTER_FACTORY).status == 0
        assert exchange(port, write).status == 0
        assert exchange(port, ReadRequest(0xA2)).data == text


def test_all_ports_lead_to_one_board(unit: dict[str, Any]) -> None:
    with (
        opened(url(unit, "serial")) as wire,
        opened(url(unit, "tcp")) as tcp,
        opened(url(unit, "rfc2217")) as telnet,
    ):
        assert exchange(wire, ENTER_FACTORY).status == 0
        assert exchange(tcp, WriteRequest(0x24, b"\x0e\x10")).status == 0
        assert exchange(telnet, ReadRequest(0x24)).data == b"\x0e\x10"


def test_a_client_that_leaves_in_the_middle_of_a_frame_harms_nobody(unit: dict[str, Any]) -> None:
    for kind in PORTS:
        with opened(url(unit, kind)) as port:
            port.write(b"\xdd\x5a\x06\x7f\x01\x02")
        with opened(url(unit, kind)) as port:
            # On the wire the rest may still come; a tenth of a second later it is given up.
            port.timeout = 0.2 if kind == "serial" else 10
            port.write(ReadRequest(0x05).to_wire())
            assert port.read(4)[:3] == b"\xdd\x05\x00"
