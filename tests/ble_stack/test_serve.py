"""``jbd-emulator serve --ble`` and ``--target ble:`` as the manual has them, and their refusals."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jbd_bench import BmsClient, LinkError

from . import _exchanges as ex
from ._bluez import adapters, set_powered
from .conftest import OnAir

if TYPE_CHECKING:
    from ._air import Air
    from .vm import Machine

START_S = 180.0
SERVE = ("-m", "jbd_emulator", "serve", "--json")


def test_a_unit_is_served_to_the_kernel_that_it_runs_on(air: Air, machine: Machine) -> None:
    # The whole program in the machine, on its own /dev/vhci: emulated, it starts slowly.
    process = machine.run(
        [sys.executable, *SERVE, "--ble", "bumble:vhci"],
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
        PYTHONDONTWRITEBYTECODE="1",
    )
    try:
        # Two streams on one line: what comes first is not said.
        ready, limits = sorted(process.line(START_S) for _ in range(2))[::-1]
        assert "a virtual radio" in limits
        [unit] = json.loads(ready)["units"]
        [adapter] = set(adapters(2)) - {air.adapter}
        with ex.opened(unit["ble"], f"?adapter={adapter}&timeout=30") as link:
            assert BmsClient(link).basic_info().cells == 4
    finally:
        status, said = process.stop()
    adapters(1)
    assert (status, said) == (0, ['{"event": "stopped"}'])


def refused(*options: str) -> str:
    done = subprocess.run(
        [sys.executable, *SERVE, *options], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr


def test_bless_on_an_adapter_that_is_not_there_is_one_line(air: Air) -> None:
    assert "ble bless:hci9: " in refused("--ble", "bless:hci9")


def test_an_adapter_that_is_off_is_said_by_both_sides(second_adapter: str, on_air: OnAir) -> None:
    set_powered(second_adapter, on=False)
    why = "the adapter is off; bluetoothctl power on"
    assert why in refused("--ble", f"bless:{second_adapter}")
    target = on_air().address_text
    with pytest.raises(LinkError) as caught, ex.opened(target, f"?adapter={second_adapter}"):
        pass
    assert str(caught.value).endswith(why)
    set_powered(second_adapter, on=True)


def test_nobody_of_that_address_is_said_with_the_time_waited(air: Air) -> None:
    with pytest.raises(LinkError) as caught, ex.opened("A5:C2:37:FF:FF:FF", "?timeout=2"):
        pass
    assert str(caught.value).startswith("ble:A5:C2:37:FF:FF:FF?timeout=2: not found within 2 s")


def test_an_adapter_that_is_not_there_is_said(on_air: OnAir) -> None:
    with pytest.raises(LinkError) as caught, ex.opened(on_air().address_text, "?adapter=hci9"):
        pass
    assert "hci9" in str(caught.value)
    assert "\n" not in str(caught.value)
