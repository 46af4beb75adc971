"""A board on a bench: its monitor, its settings, and hands on the pack."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from jbd_emulator import BOARDS
from jbd_emulator._store import SettingsStore
from jbd_emulator.board import Monitor
from jbd_emulator.plant import Pack
from jbd_protocol import SETTINGS, decode_payload, encode_setting

CALM_MV = 3300


class Rig:
    """One board with a pack whose cells are held, or live where `free`."""

    def __init__(
        self, board: str = "4s", *, soc: float = 0.5, free: bool = False, seed: int | None = None
    ) -> None:
        kit = BOARDS[board]
        self.pack = Pack(cells=kit.cells, capacity_mah=kit.capacity_mah, ntcs=kit.ntcs, soc=soc)
        self.settings = SettingsStore(kit.settings)
        self.monitor = Monitor(
            self.pack,
            self.settings,
            remaining_mah=soc * kit.capacity_mah,
            rng=None if seed is None else random.Random(seed),
        )
        self.cells, self.ntcs = kit.cells, kit.ntcs
        if not free:
            self.hold_cells(CALM_MV)

    def set(self, **fields: int) -> None:
        """Write settings by field name."""
        for name, value in fields.items():
            address = _home(name)
            alone = len(SETTINGS[address].layout) == 1
            base = b"" if alone else self.settings[address]
            self.settings.write(address, encode_setting(address, {name: value}, base))

    def flag(self, bit: int, on: bool) -> None:
        """Write one bit of the function configuration."""
        flags = self.settings.word(0x2D)
        flags = flags | 1 << bit if on else flags & ~(1 << bit)
        self.settings.write(0x2D, flags.to_bytes(2, "big"))

    def get(self, name: str) -> int:
        """Read a setting by field name."""
        address = _home(name)
        value = decode_payload(address, self.settings[address]).values()[name].value
        assert isinstance(value, int)
        return value

    def run(self, seconds: float, dt_s: float = 1.0) -> None:
        """Let time pass."""
        for _ in range(round(seconds / dt_s)):
            self.monitor.tick(dt_s)

    def hold_cells(self, mv: float) -> None:
        for number in range(1, self.cells + 1):
            self.pack.hold_cell(number, mv=mv)

    def hold(self, measured: str, value: int) -> None:
        """Bring one quantity to a value, the last cell or NTC where there are several."""
        if measured == "cell":
            self.pack.hold_cell(self.cells, mv=value)
        elif measured == "pack":
            each, rest = divmod(value, self.cells)
            for number in range(1, self.cells + 1):
                self.pack.hold_cell(number, mv=each + (number <= rest))
        elif measured == "ntc":
            self.pack.hold_ntc(self.ntcs, dk=value)
        else:
            self.pack.hold_current(value)


def _home(name: str) -> int:
    return next(
        address
        for address, row in SETTINGS.items()
        if any(field.name == name for field in row.layout)
    )


@pytest.fixture
def rig() -> Callable[..., Rig]:
    """Make a board on a bench: `rig("16s", free=True)`."""
    return Rig
