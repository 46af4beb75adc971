"""MOD-NAME: what the module is called is its own, and is changed by a frame of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from jbd_bench.suites import requirement
from jbd_bench.suites.module._module import BASIC, Module, Opening, Traits
from jbd_protocol import Grade, ModuleFrame

pytestmark = pytest.mark.jbd(over="module", writes="password")
NEW = b"XYZ"
RENAME = ModuleFrame(0x07, NEW)
_UNKNOWN = ("clone", "passkey")
_TRIES = 3
"""A system may tell an advertised name from memory once or twice."""


def advertised(module: Module, wanted: str) -> str:
    """Return the name that is advertised, given a few connections to be noticed."""
    for _ in range(_TRIES):
        module.connect(admitted=True)
        if module.end.name == wanted:
            break
    return module.end.name


@pytest.fixture
def named(admitted: Module, generation: str | None, traits: Traits) -> Iterator[Module]:
    """A module that is given its name back."""
    if generation in _UNKNOWN:
        pytest.skip(f"of {generation} it is not known whether it takes a name")
    name = admitted.end.name
    if not name:
        pytest.skip("its name was not heard, so it could not be given back")
    yield admitted
    # The name is the owner's: where it cannot be given back, that is said.
    admitted.connect(admitted=True)
    answer = admitted.ask(ModuleFrame(0x07, name.encode()))
    assert answer == ModuleFrame(0x07, b""), f"the name {name!r} could not be given back: {answer}"


@requirement(
    "MOD-NAME-01",
    "a new name is acknowledged without data and advertised behind the link",
    source="Overkill's note: FF AA 07 03 58 59 5A 15 answered FF AA 07 00 07",
    grade=Grade.CAPTURED,
)
def test_a_new_name_is_acknowledged_and_advertised(named: Module) -> None:
    assert b"".join(named.pieces(RENAME.to_wire())) == bytes.fromhex("ffaa070007")
    assert advertised(named, "XYZ") == "XYZ"
    assert named.serves()


@requirement(
    "MOD-NAME-02",
    "an empty name and one that no advertisement holds change nothing",
    source="concluded: 29 bytes are what a scan response holds",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
@pytest.mark.parametrize("size", [0, 30, 255])
def test_a_name_that_nothing_holds_changes_nothing(named: Module, size: int) -> None:
    before = named.end.name
    named.pieces(ModuleFrame(0x07, b"A" * size).to_wire())
    named.connect(admitted=True)
    assert named.end.name == before
    assert named.serves()


@requirement(
    "MOD-NAME-03",
    "a module that demands a login takes no name from a stranger",
    source="no capture; a lesser login must not open a greater one",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(embedded=True)
def test_a_stranger_gives_no_name(named: Module, traits: Traits) -> None:
    if traits.opening is not Opening.SILENT:
        pytest.skip("is about modules that demand a login")
    before = named.end.name
    named.connect()
    assert named.pieces(RENAME.to_wire()) == []
    assert named.pieces(BASIC) == []
    assert advertised(named, before) == before
