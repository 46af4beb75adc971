"""MOD-PAIR: the module that wants a passkey pairing and echoes until it has one."""

from __future__ import annotations

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, CELLS, KEY, Module, Opening, Traits, cut
from jbd_protocol import Grade

pytestmark = pytest.mark.jbd(over="module")
_ESP = "esphome-jbd-bms issue 245, a LIONTRON module"


@pytest.fixture
def echoing(stranger: Module, traits: Traits) -> Module:
    """A module that echoes; not paired."""
    if traits.opening is not Opening.ECHO:
        pytest.skip("is about modules that want a passkey pairing")
    return stranger


@requirement(
    "MOD-PAIR-01",
    "without the pairing every write comes back as it went out",
    source=_ESP,
    grade=Grade.REPORTED,
)
@pytest.mark.parametrize(
    "written", [BASIC, CELLS, KEY.to_wire(), b"\x00", BASIC + CELLS], ids=lambda b: b[:6].hex()
)
def test_without_the_pairing_every_write_comes_back(echoing: Module, written: bytes) -> None:
    assert echoing.pieces(written) == cut(written)


@requirement(
    "MOD-PAIR-02",
    "paired with its passkey it passes the board's frames, and has none of its own",
    source=_ESP,
    grade=Grade.REPORTED,
)
def test_paired_it_passes_the_boards_frames(echoing: Module, admitted: Module) -> None:
    assert echoing.pieces(BASIC) == [BASIC]
    admitted.connect(admitted=True)
    assert admitted.serves()
    assert admitted.ask(KEY) is None


@requirement(
    "MOD-PAIR-03",
    "the next link of a central that is not paired is met with the echo again",
    source="concluded: the pairing is the central's",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_the_next_stranger_is_met_with_the_echo(echoing: Module, admitted: Module) -> None:
    admitted.connect(admitted=True)
    assert admitted.serves()
    admitted.connect()
    assert admitted.pieces(BASIC) == [BASIC]
