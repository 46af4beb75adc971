"""The module's door: what it offers, and that it brings no loop, thread or socket."""

from __future__ import annotations

import subprocess
import sys

import jbd_emulator.module

NAMES = [
    "COMMANDS", "GENERATIONS", "LATENCY_S", "PASSWORD_LENGTH", "PIECE_GAP_S", "AddressLayout",
    "Advertisement",
    "BleModule", "Characteristic", "CommandRow", "Descriptor", "Generation", "Level",
    "LinkParameters", "Notification", "Properties", "Service", "Timing", "format_address",
    "long_uuid", "parse_address",
]  # fmt: skip


def test_the_door_offers_these_names() -> None:
    assert jbd_emulator.module.__all__ == NAMES
    assert all(hasattr(jbd_emulator.module, name) for name in NAMES)


def test_the_example_of_the_door_holds() -> None:
    import doctest

    failed, tried = doctest.testmod(jbd_emulator.module)
    assert (failed, tried > 0) == (0, True)


def test_no_bluetooth_stack_is_imported() -> None:
    code = (
        "import sys, jbd_emulator.module;"
        "print(sorted({'asyncio', 'bleak', 'bless', 'bumble'} & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == "[]"
