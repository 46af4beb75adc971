"""A client on the wire: frames in, frames out, and nothing else is looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from jbd_emulator import Unit
from jbd_emulator.scenario import load_scenario
from jbd_protocol import (
    COUNTERS,
    BasicInfo,
    Fets,
    ReadRequest,
    Response,
    ResponseDecoder,
    parse_basic_info,
    parse_cell_voltages,
    parse_error_counters,
)


class View(NamedTuple):
    """What a client sees at one time."""

    info: BasicInfo
    cell_mv: tuple[int, ...]
    counters: dict[str, int]

    @property
    def charge_fet(self) -> bool:
        return bool(self.info.fet_bits & Fets.CHARGE)

    @property
    def discharge_fet(self) -> bool:
        return bool(self.info.fet_bits & Fets.DISCHARGE)

    @property
    def trips(self) -> dict[str, int]:
        """Counters that moved, by the field's short name."""
        return {name.removesuffix("_err_cnt"): n for name, n in self.counters.items() if n}

    @property
    def celsius(self) -> tuple[float, ...]:
        return tuple((dk - 2731) / 10 for dk in self.info.ntc_dk)


class Client:
    """Polls a unit through `Unit.receive`; time is what it is told."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self.now_s = 0.0

    def read(self, register: int) -> bytes:
        wire = self.unit.receive(ReadRequest(register).to_wire(), self.now_s)
        (answer,) = ResponseDecoder().receive(wire)
        assert isinstance(answer, Response)
        assert answer.status == 0
        return answer.data

    def look(self, now_s: float) -> View:
        self.now_s = now_s
        counts = parse_error_counters(self.read(0xAA)).counts
        return View(
            parse_basic_info(self.read(0x03)),
            parse_cell_voltages(self.read(0x04)).cell_mv,
            dict(zip(COUNTERS, counts, strict=True)),
        )

    def watch(self, until_s: float, every_s: float = 1.0) -> Iterator[View]:
        """Poll at regular times, from the next one on."""
        while self.now_s + every_s <= until_s:
            yield self.look(self.now_s + every_s)


@pytest.fixture
def play() -> Callable[[str], Client]:
    """A client on a unit that lives through a scenario of the gallery."""
    return lambda name: Client(Unit(load_scenario(name).config()))
