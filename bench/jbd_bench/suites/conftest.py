"""Fixtures of the shipped suites, on top of the plugin's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, Link
from jbd_bench._cell_simulator import CellSimulator, PlantSimulator, PowerSwitch
from jbd_bench.suites._expectations import Expected, expected_of
from jbd_bench.suites._wire import Wire
from jbd_bench.suites.protections._bench import Bench
from jbd_protocol import (
    BLANK_PIN,
    SETTINGS,
    PinEncoding,
    RequestRefused,
    Response,
    Status,
    encode_pin,
    pair,
)

if TYPE_CHECKING:
    from jbd_bench._under_test import EmulatedUnit, TargetUnderTest


Keep = Callable[..., None]
Power = Callable[[], None]


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
    return pin_of(jbd_target)


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


@pytest.fixture
def keep(open_board: BmsClient, jbd_target: TargetUnderTest) -> Keep:
    """``keep(0x24, ...)`` says which settings a test is about to write.

    The guard of a board puts back whatever a test wrote, asked or not; this makes sure that it
    has read before. An emulated unit is the test's own and needs no restoring.
    """

    def note(*addresses: int) -> None:
        if not jbd_target.embedded:
            jbd_target.board.hold(open_board.link)

    return note


@pytest.fixture
def power(request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> Power:
    """``power()`` takes the board's supply away and gives it back."""
    found = power_switch(request, jbd_target)
    if found is None:
        pytest.skip(
            f"needs a power switch at {jbd_target.name}: a plugin with the hook "
            "pytest_jbd_power_switch, loaded with -p"
        )
    return found


def power_switch(request: pytest.FixtureRequest, target: TargetUnderTest) -> Power | None:
    """Return what takes the supply of the target away, None where nothing can."""
    if target.embedded:
        unit: EmulatedUnit = request.getfixturevalue("jbd_unit")
        return unit.power_cycle
    found: PowerSwitch | None = request.config.hook.pytest_jbd_power_switch(target=target.name)
    return None if found is None else found.cycle


@pytest.fixture
def cells(request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> Iterator[CellSimulator]:
    """What drives the cells: the emulator's plant, or a lab's equipment."""
    found: CellSimulator | None
    if jbd_target.embedded:
        unit: EmulatedUnit = request.getfixturevalue("jbd_unit")
        found = PlantSimulator(unit.device, unit.link().clock)
    else:
        found = request.config.hook.pytest_jbd_cell_simulator(target=jbd_target.name)
    if found is None:
        pytest.skip(
            f"needs a cell simulator at {jbd_target.name}: a plugin with the hook "
            "pytest_jbd_cell_simulator, loaded with -p"
        )
    if jbd_target.embedded:
        yield found
    else:
        # Simulated cells are driven past the board's own limits on purpose.
        jbd_target.board.watchdog.simulated = True
        yield found
        jbd_target.board.watchdog.simulated = False
    found.release()


@pytest.fixture
def bench(open_board: BmsClient, cells: CellSimulator, jbd_target: TargetUnderTest) -> Bench:
    """The board under test with its own settings, and hands on its cells."""
    return Bench(open_board, cells, exact=jbd_target.embedded)


def pin_of(target: TargetUnderTest) -> bytes | None:
    """Return the six bytes of the PIN that the unit is said to have."""
    if target.pin is None:
        return None
    encoding = PinEncoding(target.target.options.get("pin_encoding", PinEncoding.DIGITS))
    return encode_pin(target.pin, encoding)


def present(client: BmsClient, target: TargetUnderTest) -> None:
    """Present the PIN of the unit, where it is known and may be."""
    pin = pin_of(target)
    if pin is not None and "password" in target.leaves:
        client.exchange(pair(pin))


def served_settings(client: BmsClient) -> dict[int, bytes]:
    """Return the settings that a board in factory mode serves, by address."""
    found: dict[int, bytes] = {}
    for address in SETTINGS:
        try:
            found[address] = client.read(address)
        except RequestRefused:
            continue
    return found


def set_pin_anew(client: BmsClient, pin: bytes) -> None:
    """Set a PIN again that a client cleared on the way; nothing where it still stands.

    A board without a PIN takes the blank one for the old one; one that has its PIN refuses that.
    """
    if client.exchange(pair(BLANK_PIN)) == Response(0x06, Status.OK):
        client.change_pin(BLANK_PIN, pin)
