"""Fixtures of the shipped suites, on top of the plugin's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, Link
from jbd_bench.suites._expectations import Expected, expected_of
from jbd_bench.suites._wire import Wire
from jbd_protocol import SETTINGS, PinEncoding, RequestRefused, encode_pin

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest


@pytest.fixture
def wire(jbd_link: Link) -> Wire:
    """The link, in raw bytes."""
    return Wire(jbd_link)


@pytest.fixture
def bms(jbd_link: Link) -> Iterator[BmsClient]:
    """A client that does not take what it did not ask for: the test fails on it."""
    client = BmsClient(jbd_link)
    yield client
    assert not client.unexpected, f"the board said what nobody asked for: {client.unexpected}"


@pytest.fixture(scope="session")
def expected(jbd_target: TargetUnderTest) -> Expected:
    """What the sources say of the firmware that register 0x03 names."""
    return expected_of(jbd_target.version())


@pytest.fixture
def pin(jbd_target: TargetUnderTest) -> bytes | None:
    """The six bytes of the PIN that the unit is said to have."""
    if jbd_target.pin is None:
        return None
    encoding = PinEncoding(jbd_target.target.options.get("pin_encoding", PinEncoding.DIGITS))
    return encode_pin(jbd_target.pin, encoding)


@pytest.fixture
def open_board(
    bms: BmsClient, pin: bytes | None, jbd_target: TargetUnderTest, expected: Expected
) -> BmsClient:
    """The client, its PIN presented where the unit has one."""
    if pin is not None and expected.password is not False:
        if "password" not in jbd_target.leaves:
            pytest.skip(f"presents the PIN of {jbd_target.name}: --allow password")
        bms.pair(pin)
    return bms


Keep = Callable[..., None]


@pytest.fixture
def keep(open_board: BmsClient, jbd_target: TargetUnderTest) -> Iterator[Keep]:
    """``keep(0x24, ...)`` notes settings that are written back, and saved, after the test.

    An emulated unit is the test's own and needs no restoring.
    """
    noted: dict[int, bytes] = {}

    def note(*addresses: int) -> None:
        if not jbd_target.embedded:
            with open_board.factory_mode():
                noted.update({address: open_board.read(address) for address in addresses})

    yield note
    if noted:
        with open_board.factory_mode(save=True):
            for address, raw in noted.items():
                open_board.write(address, raw)


def served_settings(client: BmsClient) -> dict[int, bytes]:
    """Return the settings that a board in factory mode serves, by address."""
    found: dict[int, bytes] = {}
    for address in SETTINGS:
        try:
            found[address] = client.read(address)
        except RequestRefused:
            continue
    return found
