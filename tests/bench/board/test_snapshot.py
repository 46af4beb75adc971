"""Everything a board tells at one moment: what is read, what is written for it, the file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import given

from jbd_bench import BmsClient, LeaveGuard, LinkError, Snapshot, Tap, open_target, take_snapshot
from jbd_bench._link import Clock, Link
from jbd_protocol import (
    CAPACITY_POINTS,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SETTINGS,
    LocalError,
    ReadRequest,
)

from .conftest import snapshots

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def opened() -> Iterator[list[Tap]]:
    links: list[Tap] = []
    yield links
    for link in links:
        link.close()


def tapped(opened: list[Tap], target: str) -> Tap:
    opened.append(Tap(open_target(target)))
    return opened[-1]


def writes(tap: Tap) -> list[bytes]:
    return [p.data for p in tap.traffic.pieces if p.data.startswith(b"\xdd\x5a")]


def test_everything_is_read_in_factory_mode_which_is_left_without_saving(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x21?board=8s")
    snapshot = take_snapshot(BmsClient(tap), factory=True, now=NOON)
    assert writes(tap) == [ENTER_FACTORY.to_wire(), LEAVE_FACTORY.to_wire()]
    assert set(snapshot.settings) == set(SETTINGS)
    assert set(snapshot.payloads) == {0x03, 0x04, 0x05, 0xAA}
    assert snapshot.settings[0x24] == b"\x0e\x42"
    assert (snapshot.taken, snapshot.target) == (NOON, "emulator:0x21?board=8s")
    assert snapshot.identity.serial_num == 0
    assert snapshot.complete
    assert not snapshot.notes


def test_without_factory_mode_nothing_is_written_and_a_note_says_what_helps(
    opened: list[Tap],
) -> None:
    tap = tapped(opened, "emulator:0x21")
    snapshot = take_snapshot(BmsClient(tap), factory=False)
    assert not writes(tap)
    assert not snapshot.complete
    assert snapshot.refused[0x10] == 0x81
    [note] = snapshot.notes
    assert "--allow settings" in note


def test_a_link_without_leave_gets_the_same_note_and_no_write(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x21")
    guarded = LeaveGuard(tap, frozenset({"fets"}))
    assert "--allow settings" in take_snapshot(BmsClient(guarded), factory=True).notes[0]
    assert not writes(tap)


def test_parameters_by_number_need_no_factory_mode(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x25")
    snapshot = take_snapshot(BmsClient(tap), factory=False)
    assert not writes(tap)
    assert set(snapshot.parameters) == set(range(184))
    assert snapshot.parameters[20] == b"\x0e\x42"
    assert snapshot.identity.manufacturer == "DGJBD"


def test_a_locked_board_is_left_as_it_was_and_says_why(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x17?pin=123456")
    snapshot = take_snapshot(BmsClient(tap), factory=True)
    assert not snapshot.settings
    assert "a PIN is set" in snapshot.notes[0]
    assert writes(tap)[-1] == LEAVE_FACTORY.to_wire()


def test_registers_a_firmware_does_not_have_are_noted_as_refused(opened: list[Tap]) -> None:
    snapshot = take_snapshot(BmsClient(tapped(opened, "emulator:0x15")), factory=True)
    assert {a: snapshot.refused[a] for a in CAPACITY_POINTS} == dict.fromkeys(CAPACITY_POINTS, 0x80)
    assert not set(CAPACITY_POINTS) & set(snapshot.settings)
    assert snapshot.refused[0xFA] == 0x80


def test_silence_is_noted_as_silence(opened: list[Tap]) -> None:
    snapshot = take_snapshot(BmsClient(tapped(opened, "emulator:0x44")), factory=False)
    assert snapshot.refused[0xFA] is None
    quiet = tapped(opened, "emulator:0x21?answer_05=silence&answer_AA=0x80")
    snapshot = take_snapshot(BmsClient(quiet), factory=False)
    assert snapshot.notes[:2] == (
        "register 0x05: no answer",
        "register 0xAA: 0x80 no such command",
    )


class Unplugged:
    """A link whose cable is pulled when a register is asked for, and put back after."""

    def __init__(self, link: Link, register: int, error: BaseException) -> None:
        self.name = link.name
        self.clock: Clock = link.clock
        self._link, self._error = link, error
        self._trigger = ReadRequest(register).to_wire()

    def write(self, data: bytes) -> None:
        self._link.write(data)
        if data == self._trigger:
            raise self._error

    def read(self, until_s: float) -> bytes:
        return self._link.read(until_s)

    def reconnect(self) -> None:
        self._link.reconnect()

    def close(self) -> None:
        self._link.close()


@pytest.mark.parametrize("error", [LinkError("gone"), KeyboardInterrupt()], ids=["cable", "ctrl-c"])
def test_factory_mode_is_left_whatever_happens(opened: list[Tap], error: BaseException) -> None:
    tap = tapped(opened, "emulator:0x21")
    with pytest.raises(type(error)):
        take_snapshot(BmsClient(Unplugged(tap, 0x26, error)), factory=True)
    assert writes(tap)[-1] == LEAVE_FACTORY.to_wire()
    answer = BmsClient(tap).exchange(ReadRequest(0x24))
    assert answer is not None
    assert answer.status == 0x81


def test_factory_mode_is_left_also_where_the_entry_was_not_acknowledged(opened: list[Tap]) -> None:
    # The unit obeys and keeps silent: an acknowledgement that got lost.
    tap = tapped(opened, "emulator:0x21?answer_00=silence")
    snapshot = take_snapshot(BmsClient(tap), factory=True)
    assert snapshot.notes == ("settings: factory mode was not acknowledged",)
    assert writes(tap)[-1] == LEAVE_FACTORY.to_wire()


def test_an_end_that_is_not_acknowledged_is_noted(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x21?answer_01=silence")
    snapshot = take_snapshot(BmsClient(tap), factory=True)
    assert snapshot.complete
    assert snapshot.notes == ("factory mode: its end (01 0000) was not acknowledged",)


def test_a_board_in_factory_mode_is_read_without_a_write(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x21")
    BmsClient(tap).request(ENTER_FACTORY)
    snapshot = take_snapshot(BmsClient(tap), factory=False)
    assert set(snapshot.settings) == set(SETTINGS)
    assert writes(tap) == [ENTER_FACTORY.to_wire()]


def test_the_frames_are_those_that_passed(opened: list[Tap]) -> None:
    tap = tapped(opened, "emulator:0x21")
    snapshot = take_snapshot(BmsClient(tap), factory=True)
    assert [p[1:3] for p in snapshot.frames] == [p[1:3] for p in tap.traffic.pieces]
    assert snapshot.frames[0].t_s == 0.0


# -- the file --------------------------------------------------------------------------------


@given(snapshots)
def test_a_file_gives_the_same_snapshot_back(snapshot: Snapshot) -> None:
    assert Snapshot.from_toml(snapshot.to_toml()) == snapshot


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format 2: must be 1"),
        ("[snapshot.traffic]", "[traffic]", "[traffic]: missing"),
        ('target = "', 'target = 5 # "', "target 5: must be text"),
        ("version = 33", 'version = "a"', "version 'a': must be a whole number"),
        ('"0x03" = "', '"0x03" = "x', "payloads 0x03"),
        ('"0x03" = "', '"0x0B" = "', "payloads: 0x03 is missing"),
        ('"0x10" = "0x81"', '"0x10" = "never"', "refused 0x10 'never': must be a number"),
        ('"0.000000 > ', '"soon > ', "frames 1"),
        ("taken = ", "taken = 5 # ", "taken 5"),
        ("taken = ", "taken = = ", "snapshot: "),
    ],
)
def test_a_file_that_is_not_one_is_refused_by_field(
    opened: list[Tap], old: str, new: str, said: str
) -> None:
    text = take_snapshot(BmsClient(tapped(opened, "emulator:0x21")), factory=False).to_toml()
    assert old in text
    with pytest.raises(LocalError) as error:
        Snapshot.from_toml(text.replace(old, new, 1))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_without_a_snapshot_is_refused() -> None:
    with pytest.raises(LocalError, match="\\[snapshot\\]: missing"):
        Snapshot.from_toml('title = "another file"')
