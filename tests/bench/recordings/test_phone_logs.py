"""Bluetooth logs of phones: btsnoop and PacketLogger files, from discovery to frames."""

from __future__ import annotations

import contextlib
import json
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench.recordings import Recording, RecordingError, Replay, read_recording

BOARD, OTHER = "A5:C2:37:00:00:01", "11:22:33:44:55:66"
HANDLE, NOTIFY, WRITE = 0x0040, 0x0010, 0x0014
ASK = bytes.fromhex("dda50400fffc77")
TOLD = bytes.fromhex("dd0400080d660d610d680d59fe3c77")
Row = tuple[int, bool, bytes]  # kind of H4, whether the phone sent it, packet


def connected(address: str = BOARD, handle: int = HANDLE, *, form: int = 0x01) -> Row:
    peer = bytes.fromhex(address.replace(":", ""))[::-1]
    more = bytes(12) if form == 0x0A else b""
    body = bytes([form, 0]) + struct.pack("<HBB", handle, 0, 0) + peer + more + bytes(7)
    return 4, False, bytes([0x3E, len(body)]) + body


def gone(handle: int = HANDLE) -> Row:
    return 4, False, b"\x05\x04\x00" + struct.pack("<H", handle) + b"\x13"


def att(pdu: bytes, *, sent: bool, handle: int = HANDLE, cut: int = 251) -> list[Row]:
    """Return an attribute PDU in ACL packets of at most ``cut`` bytes."""
    data = struct.pack("<HH", len(pdu), 4) + pdu
    rows: list[Row] = []
    for at in range(0, len(data), cut):
        flags = (0 if sent else 2) if not at else 1
        part = data[at : at + cut]
        rows.append((2, sent, struct.pack("<HH", handle | flags << 12, len(part)) + part))
    return rows


def discovery(handle: int = HANDLE, *, long: bool = False) -> list[Row]:
    def entry(declaration: int, value: int, uuid: int) -> bytes:
        name = struct.pack("<H", uuid)
        if long:
            name = bytes.fromhex("fb349b5f8000008000100000") + name + b"\0\0"
        return struct.pack("<HBH", declaration, 0x10, value) + name

    both = [entry(0x0F, NOTIFY, 0xFF01), entry(0x13, WRITE, 0xFF02)]
    request = b"\x08" + struct.pack("<HHH", 1, 0xFFFF, 0x2803)
    answers = [[one] for one in both] if long else [both]
    rows: list[Row] = []
    for entries in answers:
        rows += att(request, sent=True, handle=handle)
        pdu = bytes([0x09, len(entries[0])]) + b"".join(entries)
        rows += att(pdu, sent=False, handle=handle)
    return rows


def wrote(data: bytes, *, at: int = WRITE, code: int = 0x52, handle: int = HANDLE) -> list[Row]:
    return att(bytes([code]) + struct.pack("<H", at) + data, sent=True, handle=handle)


def notified(data: bytes, *, at: int = NOTIFY, handle: int = HANDLE, cut: int = 251) -> list[Row]:
    return att(b"\x1b" + struct.pack("<H", at) + data, sent=False, handle=handle, cut=cut)


def btsnoop(rows: Sequence[Row], *, link: int = 1002) -> bytes:
    out = b"btsnoop\0" + struct.pack(">II", 1, link)
    for n, (kind, sent, packet) in enumerate(rows):
        data = bytes([kind]) + packet if link == 1002 else packet
        flags = (not sent) | (kind != 2) << 1
        when_us = 0x00DCDDB30F2F8000 + 1_700_000_000_000_000 + n * 10_000
        out += struct.pack(">IIIIq", len(data), len(data), flags, 0, when_us) + data
    return out


def monitor(rows: Sequence[Row]) -> bytes:
    """Return what ``btmon -w`` writes: the same records, an adapter that comes up before them."""
    opcodes = {(1, True): 2, (4, False): 3, (2, True): 4, (2, False): 5}
    new_index = struct.pack("<BB6s8s", 0, 0, bytes(6), b"hci1")
    out = b"btsnoop\0" + struct.pack(">II", 1, 2001)
    for n, (opcode, data) in enumerate(
        [(0, new_index), (1, b""), *((opcodes[kind, sent], packet) for kind, sent, packet in rows)]
    ):
        when_us = 0x00DCDDB30F2F8000 + 1_700_000_000_000_000 + n * 10_000
        out += struct.pack(">IIIIq", len(data), len(data), 1 << 16 | opcode, 0, when_us) + data
    return out


def packet_logger(rows: Sequence[Row], *, order: str = ">") -> bytes:
    kinds = {(1, True): 0, (4, False): 1, (2, True): 2, (2, False): 3}
    out = b""
    for n, (kind, sent, packet) in enumerate(rows):
        seconds, us = divmod(n * 10_000, 1_000_000)
        head = struct.pack(f"{order}III", 9 + len(packet), 1_700_000_000 + seconds, us)
        out += head + bytes([kinds[kind, sent]]) + packet
    note = b"a note of the logger"
    return out + struct.pack(f"{order}III", 9 + len(note), 1_700_000_001, 0) + b"\xfc" + note


TALK = [
    connected(), *discovery(), *wrote(ASK), *notified(TOLD[:8]), *notified(TOLD[8:]),
    *wrote(b"\x01\x00", at=0x11, code=0x12), gone(),
]  # fmt: skip
FORMATS = {
    "btsnoop H4": lambda rows: btsnoop(rows),
    "btsnoop H1": lambda rows: btsnoop(rows, link=1001),
    "btsnoop of btmon": lambda rows: monitor(rows),
    "PacketLogger": lambda rows: packet_logger(rows),
    "PacketLogger, little-endian": lambda rows: packet_logger(rows, order="<"),
}


def read(tmp_path: Path, raw: bytes, device: str | None = None) -> Recording:
    path = tmp_path / "log"
    path.write_bytes(raw)
    return read_recording(path, device=device)


def seen(recording: Recording) -> list[tuple[bytes, list[bytes]]]:
    return [(e.request, [piece.data for piece in e.answer]) for e in recording.exchanges]


@pytest.mark.parametrize("kind", FORMATS)
def test_a_log_gives_requests_pieces_and_times(kind: str, tmp_path: Path) -> None:
    recording = read(tmp_path, FORMATS[kind](TALK))
    assert seen(recording) == [(ASK, [TOLD[:8], TOLD[8:]])]
    after = [piece.after_s for piece in recording.exchanges[0].answer]
    assert after == pytest.approx([0.01, 0.02], abs=1e-6)


@pytest.mark.parametrize("form", [0x01, 0x0A])
def test_names_of_128_bits_and_both_forms_of_connecting_are_known(
    form: int, tmp_path: Path
) -> None:
    noise = wrote(ASK, at=0x30)  # an echo service of something else takes frames as well
    rows = [connected(form=form), *discovery(long=True), *noise, *wrote(ASK), *notified(TOLD)]
    assert seen(read(tmp_path, btsnoop(rows))) == [(ASK, [TOLD])]


def test_without_a_discovery_the_frames_tell(tmp_path: Path) -> None:
    rows = [*wrote(b"\x01\x00", at=0x11), *wrote(ASK), *notified(TOLD), *notified(b"%", at=0x20)]
    assert seen(read(tmp_path, btsnoop(rows))) == [(ASK, [TOLD])]


def test_a_board_that_is_remembered_is_known_by_its_address(tmp_path: Path) -> None:
    later = [connected(handle=0x41), *wrote(ASK, handle=0x41), *notified(b"\x00", handle=0x41)]
    recording = read(tmp_path, btsnoop([*TALK, *later]))
    assert seen(recording) == [(ASK, [TOLD[:8], TOLD[8:]]), (ASK, [b"\x00"])]
    assert len(recording.openings) == 2


@given(st.integers(5, 30))
def test_fragments_are_put_together(cut: int) -> None:
    from jbd_bench.recordings._hci import packets
    from jbd_bench.recordings._jbd_over_att import board_pieces

    rows = [connected(), *discovery(), *wrote(ASK), *notified(TOLD, cut=cut)]
    pieces = board_pieces(packets(btsnoop(rows)), None)
    assert [piece.data for piece in pieces] == [ASK, TOLD]


def test_of_several_boards_one_has_to_be_chosen(tmp_path: Path) -> None:
    second = [
        connected(OTHER, 0x41), *wrote(ASK, handle=0x41), *notified(b"\xdd" + TOLD, handle=0x41)
    ]  # fmt: skip
    raw = btsnoop([*TALK, *second])
    with pytest.raises(RecordingError, match=f"several boards: choose one of {BOARD}, {OTHER}"):
        read(tmp_path, raw)
    assert seen(read(tmp_path, raw, OTHER.lower())) == [(ASK, [b"\xdd" + TOLD])]
    with pytest.raises(RecordingError, match="device 'x': not in it; boards: "):
        read(tmp_path, raw, "x")


def test_a_headset_beside_the_board_is_no_board(tmp_path: Path) -> None:
    headset = [connected(OTHER, 0x41), *notified(b"\xdd\x01", handle=0x41)]
    assert seen(read(tmp_path, btsnoop([*headset, *TALK]))) == [(ASK, [TOLD[:8], TOLD[8:]])]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"btsnoop\0", "ends in its header"),
        (b"btsnoop\0" + struct.pack(">II", 1, 1003), "data link 1003: must be version 1"),
        (b"btsnoop\0" + struct.pack(">II", 1, 1002), "no frame of a board"),
        (
            b"btsnoop\0" + struct.pack(">IIIIIIq", 1, 1002, 9, 99_999, 0, 0, 0),
            "record of 99999 bytes at 16: at most 65536",
        ),
        (packet_logger(TALK) + struct.pack(">IIIB", 0, 0, 0, 0), "record of 0 bytes"),
        (b"\x80\x81\x82", "neither JSON lines nor btsnoop nor PacketLogger"),
    ],
)
def test_a_damaged_log_is_told_in_one_line(raw: bytes, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecordingError) as caught:
        read(tmp_path, raw)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", FORMATS)
def test_a_log_that_is_cut_short_is_read_as_far_as_it_goes(kind: str, tmp_path: Path) -> None:
    whole = FORMATS[kind](TALK[:-1])
    assert seen(read(tmp_path, whole[:-70]))[0][0] == ASK


@given(st.binary(max_size=400), st.integers(0, 300))
def test_rubbish_in_a_log_is_an_error_of_ours_or_nothing(rubbish: bytes, at: int) -> None:
    from jbd_bench.recordings._hci import looks_like_hci, packets
    from jbd_bench.recordings._jbd_over_att import board_pieces

    raw = btsnoop(TALK)
    raw = raw[: 16 + at] + rubbish + raw[16 + at + len(rubbish) :]
    assert looks_like_hci(raw)
    with contextlib.suppress(RecordingError):
        board_pieces(packets(raw), None)


@pytest.mark.shared
def test_a_captured_link_through_a_phones_log_is_the_same_replay(
    tmp_path: Path, shared_dir: Path
) -> None:
    path = shared_dir / "captures" / "ble-sp04s034-v13-ffaa-android-2025.jsonl"
    rows, links = [connected(), *discovery()], 1
    for line in map(json.loads, path.read_text().splitlines()):
        if line["conn"] != links:
            links = line["conn"]
            rows += [gone(), connected()]
        data = bytes.fromhex(line["hex"])
        rows += wrote(data) if line["dir"] == "tx" else notified(data, cut=27)
    ours, theirs = read(tmp_path, btsnoop(rows)), read_recording(path)
    assert seen(ours) == seen(theirs)
    assert [len(opening) for opening in ours.openings] == [len(o) for o in theirs.openings]
    assert links > 1
    replay = Replay(ours)
    replay.connected(0.0)
    assert replay.take(0.0) == [b"\x00"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("tshark") is None, reason="needs tshark: apt install tshark")
@pytest.mark.parametrize("kind", ["btsnoop H4", "btsnoop of btmon", "PacketLogger"])
def test_wireshark_reads_these_logs_as_we_do(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(FORMATS[kind](TALK))
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", "btatt.value && (btatt.opcode == 0x52 || "
         "btatt.opcode == 0x1b)", "-T", "fields", "-e", "btatt.opcode", "-e", "btatt.value"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    values = [line.split("\t")[-1].replace(":", "") for line in done.stdout.splitlines()]
    assert values == [ASK.hex(), TOLD[:8].hex(), TOLD[8:].hex()]
