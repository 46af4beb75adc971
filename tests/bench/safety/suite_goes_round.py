"""Tests without any leave that try to write all the same; run on a board whose wire is tapped."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, Link, LinkError, WriteRefused, open_target
from jbd_bench.clients import CLIENTS, client_model
from jbd_protocol import CLEAR_PIN, ENTER_FACTORY, ModuleFrame, WriteRequest

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest

WIRES = [
    ENTER_FACTORY.to_wire(),
    CLEAR_PIN.to_wire(),
    WriteRequest(0x24, b"\r\xac").to_wire(),
    WriteRequest(0xE1, b"\0\3").to_wire(),
    WriteRequest(0x99, b"").to_wire(),
]
BEFORE = ["DD A5 03 00 FF FD 77", "DD", "FF AA", "DD A5 03 FF"]
kept: list[Link] = []


def test_reads(jbd_client: BmsClient) -> None:
    assert jbd_client.basic_info().cells == len(jbd_client.cell_voltages())


@pytest.mark.parametrize("wire", WIRES, ids=bytes.hex)
def test_raw(jbd_link: Link, wire: bytes) -> None:
    with pytest.raises(WriteRefused):
        jbd_link.write(wire)


@pytest.mark.parametrize("wire", WIRES, ids=bytes.hex)
def test_byte_by_byte(jbd_link: Link, wire: bytes) -> None:
    def send() -> None:
        for byte in wire:
            jbd_link.write(bytes((byte,)))

    with pytest.raises(WriteRefused):
        send()


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("wire", WIRES, ids=bytes.hex)
def test_behind_a_read_and_noise(jbd_link: Link, wire: bytes, before: str) -> None:
    with pytest.raises(WriteRefused):
        jbd_link.write(bytes.fromhex(before) + wire)


@pytest.mark.parametrize("wire", WIRES, ids=bytes.hex)
def test_half_before_and_half_after_a_reconnect(jbd_link: Link, wire: bytes) -> None:
    jbd_link.write(wire[:2])
    jbd_link.reconnect()
    jbd_link.write(wire[2:])


def test_in_factory_mode_of_the_client(jbd_client: BmsClient) -> None:
    with pytest.raises(WriteRefused), jbd_client.factory_mode(save=True):
        jbd_client.write_setting("covp", 3000)


@pytest.mark.parametrize("client", CLIENTS)
def test_client_models(jbd_link: Link, client: str) -> None:
    with contextlib.suppress(WriteRefused):
        client_model(client).run(jbd_link)


@pytest.mark.parametrize("command", [0x07, 0x16, 0x19, 0x20])
def test_the_module(jbd_link: Link, command: int) -> None:
    with pytest.raises(WriteRefused):
        jbd_link.write(ModuleFrame(command, b"123456").to_wire())


def test_a_second_link(jbd_link: Link, jbd_target: TargetUnderTest) -> None:
    with pytest.raises(LinkError, match="under test"):
        open_target(jbd_target.name)


def test_after_its_end(jbd_link: Link) -> None:
    kept.append(jbd_link)


def test_of_another_test(jbd_target: TargetUnderTest) -> None:
    with pytest.raises(LinkError, match="every test gets its own"):
        kept[0].write(WIRES[0])
