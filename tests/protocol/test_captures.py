"""Every captured and published frame decodes to its values, in one piece and as it was cut."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jbd_protocol import (
    SETTINGS,
    TEXT_SETTINGS,
    BadFrame,
    BasicInfo,
    CellVoltages,
    ErrorCounters,
    Fault,
    Fields,
    FrameError,
    ModuleDecoder,
    ModuleFrame,
    Noise,
    ReadRequest,
    Request,
    RequestDecoder,
    Response,
    ResponseDecoder,
    UpFrame,
    WriteRequest,
    decode_payload,
    decode_request,
    obfuscate,
    parse_module_frame,
    parse_request,
    parse_response,
    parse_up_frame,
    reveal,
)
from jbd_protocol import Payload as PayloadValue

pytestmark = pytest.mark.shared

Row: TypeAlias = "dict[str, Any]"  # Any: JSON of the reference data, judged by comparison

PUBLISHED_FAULTY = {
    18: Fault.END_BYTE,
    19: Fault.LENGTH,  # a good frame with zero bytes behind
    20: Fault.LENGTH,  # a good frame with zero bytes behind
    21: Fault.CHECKSUM,
    25: Fault.TRUNCATED,
    26: Fault.CHECKSUM,
    42: Fault.LENGTH,
    44: Fault.TRUNCATED,
    51: Fault.CHECKSUM,
    52: Fault.TRUNCATED,
}
"""What is wrong with a published frame that is marked bad."""
ZEROS_BEHIND = {19: 6, 20: 12}
A5_ECHO = {39: 0x03, 40: 0x04, 41: 0x05}
"""A board of 2018 echoes A5: the register that was asked for."""


def lines(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def frames_files(shared_dir: Path) -> list[Path]:
    captures = shared_dir / "captures"
    return [*sorted(captures.glob("*.frames.jsonl")), captures / "published-frames.jsonl"]


def test_every_capture_frame_decodes_to_its_values_and_encodes_back_to_its_bytes(
    shared_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    checked: Counter[str] = Counter()
    wrong: list[str] = []
    files = frames_files(shared_dir)
    for path in files:
        published = path.name == "published-frames.jsonl"
        for row in lines(path):
            try:
                checked[check(row, row["id"] if published else 0)] += 1
            except (AssertionError, ValueError, FrameError) as error:
                wrong.append(f"{path.name} {row.get('n', row.get('id'))}: {error!r}")
    assert not wrong, "\n".join(wrong)
    assert checked == {"dd": 1415, "ffaa": 55, "up": 200, "stray": 7, "invalid": 10}
    total = sum(checked.values())
    assert total == sum(len(lines(path)) for path in files) == 1687
    record_property(
        "checked",
        f"capture frames: {total} checked in {len(files)} files "
        f"({', '.join(f'{n} {name}' for name, n in sorted(checked.items()))})",
    )


def check(row: Row, published_id: int) -> str:
    """Assert all that is said about a frame; return the class it belongs to."""
    raw = bytes.fromhex(row["hex"])
    if row["checksum"] == "bad":
        check_faulty(row, raw, published_id)
        return "invalid"
    assert row["checksum"] == ("n/a" if row["proto"] == "none" else "ok")
    if row["proto"] == "none":
        assert ResponseDecoder().receive(raw) == [Noise(raw)]
        return "stray"
    if row["proto"] == "up":
        up = parse_up_frame(raw)
        assert (up.address, up.function) == (row["addr"], int(row["func"], 16))
        assert (up.first, up.last) == (int(row["start"], 16), int(row["end"], 16))
        assert up.data.hex() == row["payload"]
        assert up.to_wire() == raw
        return "up"
    if row["proto"] == "ffaa":
        module = parse_module_frame(raw)
        check_module(row, module)
        assert module.to_wire() == raw
        return "ffaa"
    frame = parse(row, raw)
    assert frame.register == int(row["reg"], 16)
    assert frame.data.hex() == row["payload"]
    assert frame.to_wire() == raw
    check_values(row, frame, A5_ECHO.get(published_id, frame.register))
    return "dd"


def parse(row: Row, raw: bytes) -> Request | Response:
    if row["op"] == "response":
        response = parse_response(raw)
        assert response.status == int(row["status"], 16)
        return response
    request = parse_request(raw)
    assert isinstance(request, {"read": ReadRequest, "write": WriteRequest}[row["op"]])
    return request


def check_values(row: Row, frame: Request | Response, asked: int) -> None:
    if not isinstance(frame, Response):
        assert "decoded" not in row
        assert decode_request(frame).to_payload() == frame.data
        return
    if frame.status:
        assert (frame.data, "decoded" in row) == (b"", False)
        return
    payload = decode_payload(asked, frame.data)
    assert payload.to_payload() == frame.data
    if "decoded" in row:
        assert as_printed(payload) == row["decoded"]
    else:
        # Acknowledgements, and what the frames file prints as bytes alone.
        assert not frame.data or asked == 0xFA or frame.register == 0xA5


def as_printed(payload: PayloadValue) -> Row:
    """Return a payload in the names and units of the frames files."""
    if isinstance(payload, BasicInfo):
        behind = payload.to_payload()[23 + 2 * len(payload.ntc_dk) :].hex()
        return {
            "pack_mv": payload.pack_mv,
            "current_ma": payload.current_ma,
            "remaining_mah": payload.remaining_mah,
            "nominal_mah": payload.nominal_mah,
            "cycles": payload.cycles,
            "mfg_date": str(payload.manufactured),
            "balance": f"0x{payload.balance_high:04x}{payload.balance_low:04x}",
            "protection": f"0x{payload.protection_bits:04x}",
            "version": f"0x{payload.version:02x}",
            "rsoc": payload.rsoc_percent,
            "fet": payload.fet_bits,
            "cells": payload.cells,
            "ntcs": len(payload.ntc_dk),
            "temps_dk": list(payload.ntc_dk),
        } | ({"extra": behind} if behind else {})
    if isinstance(payload, CellVoltages):
        return {"cells_mv": list(payload.cell_mv)}
    if isinstance(payload, ErrorCounters):
        eleven, rest = payload.counts[:11], payload.to_payload()[22:].hex()
        return {"counters": list(eleven)} | ({"tail": rest} if rest else {})
    assert isinstance(payload, Fields)
    values = {name: quantity.value for name, quantity in payload.values().items()}
    if payload.row.address == 0x05:
        return {"text": values["name"]}
    if payload.row.address in TEXT_SETTINGS:
        return {"text_len_byte": values["text_length"], "text": values[payload.row.name]}
    assert payload.row.address in SETTINGS
    return {"u16": int.from_bytes(payload.data, "big")}


def check_module(row: Row, frame: ModuleFrame) -> None:
    assert frame.command == int(row["reg"], 16)
    assert frame.data.hex() == row["payload"]
    values = frame.values(answer=row["op"] == "response")
    if "status" in row:
        assert values["result"].value == f"0x{int(row['status'], 16):02X}"
    elif row["op"] == "response" and frame.data:
        assert values["random"].value == f"0x{frame.data[0]:02X}"
    elif frame.command in (0x07, 0x15, 0x16) and frame.data:
        assert values["text"].value == frame.data.decode("ascii")


def check_faulty(row: Row, raw: bytes, published_id: int) -> None:
    reason = PUBLISHED_FAULTY[published_id]
    decoder: ModuleDecoder | RequestDecoder | ResponseDecoder
    parse: Callable[[bytes], object]
    if row["proto"] == "ffaa":
        decoder, parse = ModuleDecoder(), parse_module_frame
    elif row["op"] == "response":
        decoder, parse = ResponseDecoder(), parse_response
    else:
        decoder, parse = RequestDecoder(), parse_request
    with pytest.raises(FrameError) as caught:
        parse(raw)
    assert (caught.value.reason, caught.value.raw) == (reason, raw)
    events = [*decoder.receive(raw), *decoder.flush()]
    if (behind := ZEROS_BEHIND.get(published_id)) is not None:
        assert events == [parse_response(raw[:-behind]), Noise(bytes(behind))]
        return
    bad = events[0]
    assert isinstance(bad, BadFrame)
    # A stream cannot know where the sender meant to end: too long a frame lacks its end byte.
    assert bad.reason is (Fault.END_BYTE if reason is Fault.LENGTH else reason)
    assert not [event for event in events if not isinstance(event, (BadFrame, Noise))]


def test_every_transcript_gives_its_frames_in_the_cutting_it_was_captured_in(
    shared_dir: Path, record_property: Callable[[str, object], None]
) -> None:
    pieces = 0
    transcripts = [
        path
        for path in sorted((shared_dir / "captures").glob("*.jsonl"))
        if not path.name.endswith("frames.jsonl")
    ]
    assert len(transcripts) == 14
    for path in transcripts:
        transcript = lines(path)
        pieces += len(transcript)
        expected = lines(path.with_name(path.stem + ".frames.jsonl"))
        for direction in ("tx", "rx"):
            for connection, rows in by_connection(transcript, direction):
                wanted = [
                    row
                    for row in expected
                    if (row["dir"], row.get("conn")) == (direction, connection)
                ]
                cut = [bytes.fromhex(row["hex"]) for row in rows]
                assert_same(path.stem, direction, cut, wanted)
    record_property("checked", f"transcripts: {len(transcripts)} played, {pieces} pieces")


def by_connection(transcript: list[Row], direction: str) -> Iterator[tuple[object, list[Row]]]:
    rows = [row for row in transcript if row["dir"] == direction]
    for connection, group in groupby(rows, key=lambda row: row.get("conn")):
        yield connection, list(group)


def assert_same(name: str, direction: str, cut: list[bytes], wanted: list[Row]) -> None:
    if wanted and wanted[0]["proto"] == "up":
        # One piece is one frame: the transcript was cut at the pauses of the line.
        ups: list[UpFrame] = [parse_up_frame(piece) for piece in cut]
        assert [frame.to_wire().hex() for frame in ups] == [row["hex"] for row in wanted]
        return
    board: RequestDecoder | ResponseDecoder
    board = RequestDecoder() if direction == "tx" else ResponseDecoder()
    module = ModuleDecoder()
    told: list[tuple[str, str]] = []
    for piece in cut:
        for event in board.receive(piece):
            # What is noise to one is for the other: both speak through one characteristic.
            if isinstance(event, Noise):
                for other in module.receive(event.raw):
                    assert isinstance(other, (ModuleFrame, Noise)), (name, other)
                    stray = isinstance(other, Noise)
                    raw = other.raw if isinstance(other, Noise) else other.to_wire()
                    told.append(("none" if stray else "ffaa", raw.hex()))
            else:
                assert not isinstance(event, BadFrame), (name, event)
                told.append(("dd", event.to_wire().hex()))
    assert (board.flush(), module.flush()) == ([], []), name
    assert told == [(row["proto"], row["hex"]) for row in wanted], (name, direction)


def test_every_captured_login_is_revealed_and_hidden_again_exactly(shared_dir: Path) -> None:
    index = json.loads((shared_dir / "captures" / "index.json").read_text("utf-8"))
    addresses = {
        capture["id"]: bytes.fromhex(capture["bms_mac"].replace(":", ""))
        for capture in index["captures"]
        if "bms_mac" in capture
    }
    payloads = index["ffaa_verification"]["payloads"]
    assert len(payloads) == index["ffaa_verification"]["of"] == 10
    for row in payloads:
        plain, wire = row["plain"].encode("ascii"), bytes.fromhex(row["wire"])
        address, random = addresses[row["capture"]], int(row["random"], 16)
        assert obfuscate(plain, address, random) == wire
        assert reveal(wire, address, random) == plain
