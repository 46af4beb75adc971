"""The real stack: a machine with BlueZ, an adapter of it, and our modules around that adapter.

``tox -e ble`` boots the machine once for all tests. What is measured on the way is printed at the
end.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from .vm import FOLDER_VARIABLE, Machine, MachineError

if TYPE_CHECKING:
    from jbd_bench.bleak_bumble import VirtualBleak
    from jbd_emulator import BleModule

    from ._air import Air

Say = Callable[[str], None]
OnAir = Callable[..., "BleModule"]
Unit = dict[str, Any]  # a JSON object
Served = Callable[..., Unit]

STACK_VARIABLE = "JBD_BLE_STACK"
_PACKAGES = ("bless", "bleak", "bumble", "aiobmsble")
_BUS = "DBUS_SYSTEM_BUS_ADDRESS"


@pytest.fixture(scope="session")
def say(request: pytest.FixtureRequest) -> Say:
    """Print a line while the tests run."""
    capture = request.config.pluginmanager.get_plugin("capturemanager")
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")

    def line(text: str) -> None:
        if reporter is None:
            return
        with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
            reporter.ensure_newline()
            reporter.write_line(f"ble: {text}")

    return line


@pytest.fixture(scope="session")
def machine(say: Say) -> Iterator[Machine]:
    """The machine; without leave to boot one the test is skipped, with leave it must come up."""
    if not (os.environ.get(STACK_VARIABLE) or os.environ.get(FOLDER_VARIABLE)):
        pytest.skip("boots a machine; tox -e ble does")
    try:
        booted = Machine.start(say)
    except MachineError as error:
        pytest.exit(f"ble: {error}", returncode=3)
    for name, text in booted.versions.items():
        say(f"{name} {text}")
    for package in _PACKAGES:
        say(f"{package} {version(package)}" if find_spec(package) else f"{package}: not installed")
    yield booted
    booted.stop()


@pytest.fixture(autouse=True)
def _machine_lives(machine: Machine) -> None:
    try:
        machine.check()
    except MachineError as error:
        pytest.exit(f"ble: {error}", returncode=3)


@pytest.fixture(scope="session")
def air(machine: Machine) -> Iterator[Air]:
    """The air, with one adapter of BlueZ on it that is powered."""
    from ._air import Air
    from ._bluez import adapters
    from ._wired import DOOR_VARIABLE

    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # bleak, bless and every program that is started here find the machine's bus.
        patch.setenv(_BUS, machine.bus)
        made = Air(machine.hci, Path(folder) / "air")
        [made.adapter] = adapters(1)
        patch.setenv(DOOR_VARIABLE, str(made.door))
        yield made
        made.close()


@pytest.fixture
def on_air(air: Air) -> Iterator[OnAir]:
    """``on_air(unit, generation, ...)`` puts a module on the air for one test."""
    added: list[BleModule] = []

    def add(unit: str = "0x21?board=4s", generation: str = "telink", **more: Any) -> BleModule:
        added.append(air.add(unit, generation, **more))
        return added[-1]

    yield add
    for module in added:
        air.withdraw(module)


@pytest.fixture
def second_adapter(air: Air) -> Iterator[str]:
    """Another adapter of BlueZ, on the same air: its name."""
    from ._bluez import adapters

    plug = air.plug_in()
    [name] = set(adapters(2)) - {air.adapter}
    yield name
    air.unplug(plug)
    adapters(1)


@pytest.fixture
def wired(air: Air) -> VirtualBleak:
    """bleak's backends on a Bumble central of this air."""
    from ._wired import wired_bleak

    return wired_bleak(str(air.door))


@contextlib.contextmanager
def serving(*options: str) -> Iterator[Unit]:
    """Run ``jbd-emulator serve`` with options; yield its unit; it must end well."""
    process = subprocess.Popen(
        [sys.executable, "-m", "jbd_emulator", "serve", "--json", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        pytest.fail(f"serve did not start: {process.communicate()[1]}")
    [unit] = json.loads(line)["units"]
    try:
        yield dict(unit)
    finally:
        process.terminate()
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


@pytest.fixture
def served(air: Air) -> Iterator[Served]:
    """``served("--ble", "bless", ...)`` serves a unit for one test."""
    from ._bluez import adapters

    with contextlib.ExitStack() as stack:
        yield lambda *options: stack.enter_context(serving(*options))
    adapters(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    measured = [
        str(value)
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "measured"
    ]
    if measured:
        terminalreporter.write_sep("-", "measured on the real stack")
        for line in measured:
            terminalreporter.write_line(line)
