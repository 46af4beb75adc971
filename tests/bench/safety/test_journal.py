"""The journal: on disk before the write, whole after any crash, never mistaken for another."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import stat
from io import FileIO
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench._outgoing import OutgoingWrite
from jbd_bench.board import BoardIdentity
from jbd_bench.safety import Journal, JournalBusy, JournalError, default_folder, open_journals
from jbd_bench.safety._record import JournalEmpty, parse
from jbd_protocol import SETTINGS, WriteRequest

BOARD = BoardIdentity(
    version=0x21, name="JBD", cells=4, ntcs=2, tail_bytes=0, cell_bytes=8, counter_bytes=24,
    date_code=0x2AA5, nominal_mah=100_000,
)  # fmt: skip
TARGET = "serial:/dev/ttyUSB0?pin=123456"
LEAVES = frozenset({"settings"})


def write(register: int, data: bytes) -> OutgoingWrite:
    return OutgoingWrite(register, False, WriteRequest(register, data).to_wire(), True)


def begun(folder: Path) -> Journal:
    return Journal.begin(folder, TARGET, BOARD, LEAVES)


def test_a_journal_says_after_reopening_what_it_was_told(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.test("a test")
    journal.write(write(0x24, b"\x0d\xac"))
    journal.close()
    again = Journal.reopen(journal.path)
    assert again.record == journal.record
    assert (again.record.identity, again.record.target) == (BOARD, TARGET)
    assert again.record.ledger.touched == {0x24}
    assert again.record.test == "a test"
    again.close()


def test_an_entry_is_on_the_disk_before_the_call_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = begun(tmp_path)
    synced: list[int] = []
    sync = os.fsync

    def counted(file: int) -> None:
        synced.append(file)
        sync(file)

    monkeypatch.setattr(os, "fsync", counted)
    journal.write(write(0x24, b"\x0d\xac"))
    assert len(synced) == 1
    last = journal.path.read_bytes().splitlines()[-1]
    assert json.loads(last)["hex"] == write(0x24, b"\x0d\xac").frame.hex()
    journal.close()


def test_pins_are_for_the_owner_alone(tmp_path: Path) -> None:
    journal = begun(tmp_path / "made")
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700
    assert "123456" not in journal.path.name
    journal.close()


def test_a_journal_cut_anywhere_holds_what_was_whole(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    for address in (0x24, 0x25, 0x26):
        journal.write(write(address, b"\x0d\xac"))
    journal.close()
    raw = journal.path.read_bytes()
    ends = [at + 1 for at, byte in enumerate(raw) if byte == 0x0A]
    for size in range(len(raw) + 1):
        journal.path.write_bytes(raw[:size])
        whole = sum(end <= size for end in ends)
        if not whole:
            with pytest.raises(JournalEmpty):
                Journal.reopen(journal.path)
            continue
        again = Journal.reopen(journal.path)
        assert again.record.ledger.touched == set(range(0x24, 0x24 + whole - 1))
        # What follows is not glued to half a line.
        again.write(write(0x2A, b"\x00\x01"))
        again.close()
        assert 0x2A in parse(journal.path.read_bytes(), journal.path).ledger.touched


def test_a_full_disk_lets_nothing_leave_and_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = begun(tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(JournalError, match="No space left on device, nothing is sent"):
            journal.write(write(0x24, b"\x0d\xac"))
    journal.write(write(0x25, b"\x0d\xac"))
    assert parse(journal.path.read_bytes(), journal.path).ledger.touched == {0x25}
    journal.close()


def test_a_journal_of_a_living_run_is_busy(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    with pytest.raises(JournalBusy, match="still at work"):
        Journal.reopen(journal.path)
    journal.close()
    with journal.path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_the_end_puts_it_aside(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    assert open_journals(tmp_path) == [journal.path]
    path = journal.end()
    assert path == tmp_path / "closed" / path.name
    assert open_journals(tmp_path) == []
    assert parse(path.read_bytes(), path).ended
    with pytest.raises(JournalError, match="closed"):
        journal.test("too late")


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense",
        b"[]",
        b'{"event": "begin"}',
        b'{"event": "begin", "format": "jbd-bench journal", "version": 2}',
        b'{"event": "write"}',
    ],
)
def test_what_is_no_journal_is_refused_and_named(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(line + b"\n")
    with pytest.raises(JournalError, match=r"a\.jsonl, line 1: damaged or none"):
        Journal.reopen(path)
    assert path.read_bytes() == line + b"\n"


def test_damage_in_the_middle_is_named_and_kept(tmp_path: Path) -> None:
    journal = begun(tmp_path)
    journal.write(write(0x24, b"\x0d\xac"))
    journal.close()
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + b"half a l\n" + lines[1])
    with pytest.raises(JournalError, match="line 2"):
        Journal.reopen(journal.path)


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError) as caught:
        begun(tmp_path / "file" / "journals")
    assert "\n" not in str(caught.value)


def test_the_usual_place_follows_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "jbd-bench" / "journals"
    monkeypatch.setenv("XDG_STATE_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "state" / "jbd-bench" / "journals"


REQUESTS = st.builds(
    WriteRequest,
    st.sampled_from([0x00, 0x01, 0x06, 0x07, 0x09, 0x0A, 0x0F, 0xE0, 0xE1, 0xE2, 0xFA, *SETTINGS]),
    st.binary(max_size=16) | st.sampled_from([b"\x56\x78", b"\x28\x28", b"\x00\x00"]),
)


@given(st.lists(REQUESTS, max_size=12))
def test_a_file_folds_to_what_the_run_folded(
    tmp_path_factory: pytest.TempPathFactory, requests: list[WriteRequest]
) -> None:
    journal = begun(tmp_path_factory.mktemp("journals"))
    for number, request in enumerate(requests):
        journal.write(write(request.register, request.data))
        if number == 5:
            journal.restored(["all"], [], [])
    journal.close()
    assert parse(journal.path.read_bytes(), journal.path) == journal.record


@given(st.lists(REQUESTS, min_size=1, max_size=12))
def test_any_write_but_a_login_needs_something_done(requests: list[WriteRequest]) -> None:
    from jbd_bench.safety import Ledger

    harmless = {0x01, 0x06}
    for request in requests:
        ledger = Ledger()
        ledger.note(write(request.register, request.data))
        no_trace = request.register in harmless or (
            request.register in (0x0A, 0x0F) and len(request.data) in (2, 4)
        )
        assert no_trace or not ledger.clean, request


class NearlyFull:
    """A file on a disk that takes so many bytes more, the last of them without a word."""

    def __init__(self, file: FileIO, room: int) -> None:
        self._file, self.room = file, room

    def write(self, data: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = self._file.write(data[: min(self.room, 100)])
        self.room -= taken
        return taken

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)


@pytest.mark.parametrize("room", [0, 1, 99, 120])
def test_a_disk_that_takes_a_part_of_a_line_has_not_taken_it(tmp_path: Path, room: int) -> None:
    journal = begun(tmp_path)
    file = journal._file
    journal._file = cast(FileIO, NearlyFull(file, room))
    with pytest.raises(JournalError, match="No space left on device, nothing is sent"):
        journal.write(write(0x24, b"\x0d\xac"))
    journal._file = cast(FileIO, NearlyFull(file, 10_000))
    journal.write(write(0x25, b"\x0d\xac"))
    assert parse(journal.path.read_bytes(), journal.path).ledger.touched == {0x25}
    journal._file = file
    journal.close()


def test_a_journal_that_cannot_be_begun_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match="no space left on device"):
        begun(tmp_path)
    assert [*tmp_path.iterdir()] == []
