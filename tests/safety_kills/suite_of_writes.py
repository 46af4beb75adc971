"""Tests that change a board in every way that can be put back; run in processes that are killed.

Also what tells boards apart is written: name, serial number, date, counts of cells and probes.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from jbd_bench import BmsClient
from jbd_protocol import ENTER_FACTORY, RequestRefused

pytestmark = pytest.mark.jbd(writes=("settings", "fets", "balance"))


@pytest.fixture(autouse=True)
def told(jbd_client: BmsClient) -> None:
    descriptor = os.environ.get("JBD_TOLD")
    if descriptor is not None:
        os.write(int(descriptor), b"!")


def saved(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write_setting("covp", 3555)
        client.write_setting("cuvp", 2444)
        client.write(0x2B, b"\x00\x21")


def unsaved(client: BmsClient) -> None:
    with client.factory_mode():
        client.write_setting("bal_start", 3333)
        client.write_setting("cell_v_delays", covp_delay=9)


def identity(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write(0xA0, b"\x04KILL")
        client.write(0xA1, b"\x07another")
        client.write(0xA2, b"\x03777")
        client.write(0x15, b"\x2a\x6b")
        client.write(0x16, b"\x12\x34")


def counts(client: BmsClient) -> None:
    with client.factory_mode(save=True):
        client.write(0x2F, b"\x00\x05")
        client.write(0x2E, b"\x00\x0f")
        client.write(0x10, b"\x13\x88")


def left_in_factory_mode(client: BmsClient) -> None:
    client.request(ENTER_FACTORY)
    client.write(0x30, b"\x00\x11")


def put_back_unsaved(client: BmsClient) -> None:
    """The EEPROM holds what was written, the board seems to hold what it held."""
    with client.factory_mode():
        before = client.read(0x26)
    with client.factory_mode(save=True):
        client.write(0x26, b"\x08\x98")
    with client.factory_mode():
        client.write(0x26, before)


def fets(client: BmsClient) -> None:
    client.write(0xE1, b"\x00\x03")
    client.write(0xE1, b"\x00\x01")


def balance(client: BmsClient) -> None:
    with client.factory_mode():
        try:
            client.write(0xE2, b"\x00\x01")
        except RequestRefused:
            pytest.skip("no balance test")


WRITES = [saved, unsaved, identity, counts, left_in_factory_mode, put_back_unsaved, fets, balance]


@pytest.mark.parametrize("turn", range(2))
@pytest.mark.parametrize("write", WRITES, ids=lambda one: one.__name__)
def test_writes(jbd_client: BmsClient, write: Callable[[BmsClient], None], turn: int) -> None:
    write(jbd_client)
