"""A module on a unit, and its link in one line."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from jbd_emulator import Unit, parse_unit
from jbd_emulator.module import BleModule, Generation, Timing

MakeModule = Callable[..., BleModule]


def make_module(
    generation: Generation | str = "telink",
    unit: str = "0x21?board=4s",
    **options: Any,  # what BleModule takes
) -> BleModule:
    """Return a module that notifies at once, on a made-up address and a fixed seed."""
    values: dict[str, Any] = {
        "rng": random.Random(7),
        "address": "A4:C1:37:04:2D:BE",
        "timing": Timing.IMMEDIATE,
    }
    return BleModule(Unit(parse_unit(unit)), generation, **(values | options))


@pytest.fixture
def make() -> MakeModule:
    return make_module


@pytest.fixture
def linked() -> MakeModule:
    """Make a module, connect and subscribe, and take the byte of link-up."""

    def link_up(*args: Any, mtu: int = 23, **options: Any) -> BleModule:
        module = make_module(*args, **options)
        assert module.connected(0.0, mtu)
        module.subscribed(0.0)
        module.take(0.0)
        return module

    return link_up
