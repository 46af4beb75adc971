"""The state file: what survives a restart, what is refused, and in what order it is written."""

from __future__ import annotations

import hashlib
import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import PtyPort, StateError, Unit, parse_unit
from jbd_emulator._state_file import StateFile, UnitState
from jbd_protocol import (
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    SAVE_AND_LEAVE_FACTORY,
    ReadRequest,
    WriteRequest,
    parse_response,
)

SET_24 = WriteRequest(0x24, b"\x0e\x10")


def unit_at(path: Path, text: str = "0x20") -> Unit:
    query = "&" if "?" in text else "?"
    return Unit(parse_unit(f"{text}{query}state={path}"))


def tell(unit: Unit, *requests: WriteRequest) -> None:
    for request in requests:
        assert parse_response(unit.receive(request.to_wire(), 0.0)).status == 0


def covp(unit: Unit) -> bytes:
    return unit.device.settings[0x24]


def saved_file(folder: Path) -> Path:
    path = folder / "bms.json"
    unit = unit_at(path, "0x17?pin=123456")
    tell(unit, WriteRequest(0x06, bytes((6, 1, 2, 3, 4, 5, 6))))
    tell(unit, ENTER_FACTORY, SET_24, WriteRequest(0xA2, b"\x03ABC"), SAVE_AND_LEAVE_FACTORY)
    unit.save()
    return path


def content(path: Path) -> UnitState:
    state = StateFile(path).load()
    assert state is not None
    return state


# -- what survives ---------------------------------------------------------------------------


def test_saved_settings_pin_and_pack_survive_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path, "0x17?pin=123456&load_ma=30000")
    tell(unit, WriteRequest(0x06, bytes((6, 1, 2, 3, 4, 5, 6))), ENTER_FACTORY, SET_24)
    tell(unit, WriteRequest(0x25, b"\x0d\x48"), SAVE_AND_LEAVE_FACTORY)
    # Not saved: in force until power-off only.
    tell(unit, ENTER_FACTORY, WriteRequest(0x26, b"\x09\x09"), LEAVE_FACTORY)
    unit.device.monitor.counters = [*range(12)]
    unit.device.advance_to(600.0)
    unit.save()
    again = unit_at(path, "0x17")
    assert (covp(again), again.device.settings[0x25]) == (b"\x0e\x10", b"\x0d\x48")
    assert again.device.settings[0x26] == b"\x09\xc4"
    assert again.device.pin.stored == bytes((1, 2, 3, 4, 5, 6))
    assert again.device.pin.locked
    assert list(again.device.monitor.counters) == [*range(12)]
    assert again.device.pack.soc == unit.device.pack.soc < 0.7
    assert again.device.monitor.remaining_mah == unit.device.monitor.remaining_mah


def test_a_cleared_pin_stays_cleared_whatever_the_options_say(tmp_path: Path) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path, "0x17?pin=123456")
    tell(unit, CLEAR_PIN)
    unit.settle()
    assert not unit_at(path, "0x17?pin=123456").device.pin_is_set


def test_settings_survive_a_firmware_update(tmp_path: Path) -> None:
    path = saved_file(tmp_path)
    assert covp(unit_at(path, "0x21")) == b"\x0e\x10"


def test_without_a_file_the_unit_starts_new_and_writes_none_until_there_is_something_to_save(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path)
    tell(unit, ENTER_FACTORY, SET_24, LEAVE_FACTORY)
    assert list(tmp_path.iterdir()) == []
    unit.save()
    assert content(path).settings == {}


# -- the order of things ---------------------------------------------------------------------


def test_a_save_is_on_disk_before_the_acknowledgement_and_in_place_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path)
    tell(unit, ENTER_FACTORY, SET_24)
    assert unit.receive(SAVE_AND_LEAVE_FACTORY.to_wire(), 0.0)
    # The answer is in the caller's hands: prepared beside, the old state (none) in place.
    [beside] = tmp_path.iterdir()
    assert beside != path
    unit.settle()
    assert list(tmp_path.iterdir()) == [path]
    assert content(path).settings == {0x24: b"\x0e\x10"}
    unit.settle()
    assert content(path).settings == {0x24: b"\x0e\x10"}


def test_a_pty_puts_the_state_in_place_once_the_acknowledgement_has_left(tmp_path: Path) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path)
    port = PtyPort(unit, baud=9600)
    client = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    try:
        # A long answer is still leaving when the save is asked for.
        wire = b"".join(
            request.to_wire()
            for request in (ReadRequest(0x05), ENTER_FACTORY, SET_24, SAVE_AND_LEAVE_FACTORY)
        )
        os.write(client, wire)
        while port.bytes_in < len(wire):
            port.on_readable(0.0)
        while port.due_s is not None:
            assert not path.exists(), "before the last piece of the acknowledgement"
            port.on_due(port.due_s)
        assert content(path).settings == {0x24: b"\x0e\x10"}
    finally:
        os.close(client)
        port.close()


def test_every_change_that_must_survive_is_prepared_at_once(tmp_path: Path) -> None:
    path = tmp_path / "bms.json"
    unit = unit_at(path, "0x25")
    for change in (
        (WriteRequest(0x07, b"\x0c" + bytes(6) + b"\x01" * 6),),
        (ENTER_FACTORY, SET_24, SAVE_AND_LEAVE_FACTORY),
        (WriteRequest(0x0F, b"\x56\x78\x12\x34"),),
        (CLEAR_PIN,),
    ):
        tell(unit, *change)
        unit.settle()
        state = content(path)
        device = unit.device
        assert (state.pin, state.factory_code) == (device.pin.stored, device.factory_code)
        assert state.settings == device.settings.saved()


def test_a_save_the_disk_refuses_is_not_acknowledged_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()
    unit = unit_at(folder / "bms.json")
    told: list[str] = []
    unit.complain = told.append
    tell(unit, ENTER_FACTORY, SET_24)
    folder.rmdir()
    assert unit.receive(SAVE_AND_LEAVE_FACTORY.to_wire(), 0.0) == b""
    assert len(told) == 1
    # Monitoring goes on, and every request is another chance.
    assert unit.receive(ReadRequest(0x03).to_wire(), 0.0)
    folder.mkdir()
    assert unit.receive(ReadRequest(0x03).to_wire(), 0.0)
    unit.settle()
    assert content(folder / "bms.json").settings == {0x24: b"\x0e\x10"}


def test_what_a_killed_process_left_beside_the_file_is_swept_away(tmp_path: Path) -> None:
    path = saved_file(tmp_path)
    dead = 2**22 + 1  # beyond the highest process number Linux hands out
    left = tmp_path / f".bms.json.{dead}.new"
    left.write_text("half")
    ours = tmp_path / f".bms.json.{os.getpid()}.new"
    ours.write_text("in use")
    other = tmp_path / ".other.json.1.new"
    other.write_text("not ours")
    unit_at(path, "0x17")
    assert sorted(tmp_path.iterdir()) == sorted([path, ours, other])


# -- damage ----------------------------------------------------------------------------------


def refused(path: Path, text: str = "0x17") -> str:
    """Return the one line a file is refused with, having seen that it was left alone."""
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(StateError) as caught:
        unit_at(path, text)
    message = str(caught.value)
    assert str(path) in message
    assert len(message.splitlines()) == 1
    assert (path.read_bytes() if path.is_file() else None) == before
    return message


@given(seed=st.integers(0, 2**32 - 1))
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    path, whole = pristine(tmp_path_factory)
    rng = random.Random(seed)
    damaged = bytearray(whole)
    damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
    path.write_bytes(damaged)
    try:
        state = StateFile(path).load()
    except StateError:
        assert path.read_bytes() == damaged
        return
    # `1e5` and `1E5`, or the last digit of a number that has more than a float holds.
    path.write_bytes(whole)
    assert state == StateFile(path).load()


@given(cut=st.integers(0, 10_000), tail=st.binary(max_size=8))
def test_a_truncated_file_is_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int, tail: bytes
) -> None:
    path, whole = pristine(tmp_path_factory)
    body = whole.rstrip()
    path.write_bytes(body[: cut % len(body)] + tail.strip() * bool(cut % 3))
    if path.read_bytes() != body:
        refused(path)


_PRISTINE: list[tuple[Path, bytes]] = []


def pristine(factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """Return a place for a file, and good content for it, made once."""
    if not _PRISTINE:
        path = saved_file(factory.mktemp("state"))
        _PRISTINE.append((path, path.read_bytes()))
    return _PRISTINE[0]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00" * 2000,
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b"not json",
        b"[" * 100_000,
        b'{"format": "jbd-emulator state", "version": 1, "sha256": "", "state": {}}',
        b'{"format": "jbd-emulator state", "version": 1, "sha256": 1, "state": NaN}',
    ],
    ids=range(10),
)
def test_what_is_no_state_file_is_refused_and_kept(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "bms.json"
    path.write_bytes(raw)
    assert "damaged or not a state file" in refused(path)


def resealed(path: Path, changes: dict[str, Any]) -> None:  # Any: whatever a damaged file holds
    """Change the file's state and make its check sum right again, as an editing hand would."""
    document = json.loads(path.read_text("utf-8"))
    for name, value in changes.items():
        # `monitor.counters` reaches into the monitor's own table.
        table, _, key = name.rpartition(".")
        (document["state"][table] if table else document["state"])[key or table] = value
    text = json.dumps(document["state"], sort_keys=True, separators=(",", ":"))
    document["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document), "utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"pin": "0102"},
        {"pin": "zz"},
        {"pin": 7},
        {"factory_code": "56"},
        {"settings": {"0x24": "0e"}},
        {"settings": {"0xA2": "09414243"}},
        {"settings": {"twentyfour": "0e10"}},
        {"settings": []},
        {"monitor.counters": [0] * 11},
        {"monitor.counters": [0] * 11 + [0x10000]},
        {"monitor.counters": [0] * 11 + [float("inf")]},
        {"monitor.remaining_mah": "much"},
        {"monitor.gain": 0.0},
        {"monitor": None},
        {"firmware": None},
        {"pack": {}},
        {"pack": None},
    ],
    ids=str,
)
def test_an_edited_file_whose_values_cannot_be_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    path = saved_file(tmp_path)
    resealed(path, {})
    unit_at(path, "0x17")
    resealed(path, changes)
    refused(path)


def test_another_version_of_the_file_is_refused(tmp_path: Path) -> None:
    path = saved_file(tmp_path)
    document = json.loads(path.read_text("utf-8")) | {"version": 2}
    path.write_text(json.dumps(document), "utf-8")
    assert "version 1" in refused(path)


def test_another_board_s_state_is_refused_and_both_are_named(tmp_path: Path) -> None:
    message = refused(saved_file(tmp_path), "0x17?board=16s")
    assert "4s" in message
    assert "16s" in message


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "none" / "bms.json")


def test_a_path_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    refused(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_read_permission_is_refused(tmp_path: Path) -> None:
    path = saved_file(tmp_path)
    path.chmod(0)
    with pytest.raises(StateError, match="Permission denied"):
        unit_at(path, "0x17")
    assert stat.S_IMODE(path.stat().st_mode) == 0
