"""Captures in Wireshark's own eyes, and the dissector against the register table."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from jbd_bench.recordings._lua import SCRIPT, lua_tables
from jbd_bench.recordings._pcapng import PcapngWriter
from jbd_protocol import (
    SETTINGS,
    BasicInfo,
    Kind,
    ModuleFrame,
    ReadRequest,
    Response,
    Tail,
    WriteRequest,
    decode_response,
    parse_basic_info,
    parse_cell_voltages,
)

TSHARK = shutil.which("tshark")
needs_tshark = pytest.mark.skipif(TSHARK is None, reason="needs tshark: apt install tshark")
BASIC = BasicInfo(
    pack_mv=13_240, current_ma=-2_000, remaining_mah=69_920, nominal_mah=100_000, cycles=7,
    date_code=0x2AA5, balance_low=0x0005, balance_high=0x0001, protection_bits=0x1001,
    version=0x21, rsoc_percent=70, fet_bits=3, cells=4, ntc_dk=(2981, 2701, 2431),
    tail=Tail(50, 0, 99_000, 69_920, 0),
)  # fmt: skip
Piece = tuple[bool, bytes]  # from the board, bytes


def frame(payload: str) -> bytes:
    """Return a response of a register and payload in digits, its checksum put right."""
    raw = bytes.fromhex(payload)
    return Response(raw[1], raw[2], raw[4 : 4 + raw[3]]).to_wire()


def capture(path: Path, pieces: list[Piece], comment: str = "") -> Path:
    writer = PcapngWriter(path, "serial:/dev/ttyUSB0", "jbd-bench test")
    for n, (inbound, data) in enumerate(pieces):
        writer.packet(1_700_000_000.25 + n / 1000, data, inbound=inbound, comment=comment)
    writer.close()
    return path


def tshark(path: Path, *options: str) -> str:
    done = subprocess.run(
        [str(TSHARK), "-X", f"lua_script:{SCRIPT}", "-r", str(path), *options],
        capture_output=True, encoding="utf-8", check=True, timeout=60,
    )  # fmt: skip
    assert "Lua" not in done.stderr, done.stderr
    return done.stdout


def fields(path: Path, *names: str) -> list[dict[str, list[str]]]:
    """Return of every packet the values of some fields, all occurrences of each."""
    wanted = [word for name in names for word in ("-e", name)]
    text = tshark(path, "-T", "fields", *wanted, "-E", "aggregator=|", "-E", "separator=\t")
    rows = csv.reader(io.StringIO(text), delimiter="\t", quoting=csv.QUOTE_NONE)
    return [
        {name: cell.split("|") if cell else [] for name, cell in zip(names, row, strict=True)}
        for row in rows
    ]


def test_the_tables_of_the_dissector_are_those_of_the_protocol() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert lua_tables() in text, "run: python -m jbd_bench.recordings._lua"


@needs_tshark
@pytest.mark.slow
def test_wireshark_sees_times_directions_names_and_comments(tmp_path: Path) -> None:
    pieces = [(False, ReadRequest(0x04).to_wire()), (True, frame("dd040004" + "0d66" + "0d61"))]
    path = capture(tmp_path / "a.pcapng", pieces, comment="client connected")
    rows = fields(
        path, "frame.time_epoch", "frame.packet_flags_direction", "frame.interface_name",
        "frame.comment", "frame.len", "jbd.to_board",
    )  # fmt: skip
    assert [float(row["frame.time_epoch"][0]) for row in rows] == [
        pytest.approx(1_700_000_000.25),
        pytest.approx(1_700_000_000.251),
    ]
    assert [row["frame.packet_flags_direction"] for row in rows] == [["0x00000002"], ["0x00000001"]]
    assert {row["frame.interface_name"][0] for row in rows} == {"serial:/dev/ttyUSB0"}
    assert {row["frame.comment"][0] for row in rows} == {"client connected"}
    assert [int(row["frame.len"][0]) for row in rows] == [7, 11]
    lines = tshark(path).splitlines()
    assert "client → board" in lines[0]
    assert lines[0].endswith("read cell_info")
    assert lines[1].endswith("cell_info: 3430 3425 mV")


@needs_tshark
@pytest.mark.slow
def test_every_setting_has_its_name_and_value(tmp_path: Path) -> None:
    answers = []
    for number, address in enumerate(SETTINGS):
        text = address in (0xA0, 0xA1, 0xA2)
        data = b"\x05JBD-X" if text else (0x0C00 + 37 * number).to_bytes(2, "big")
        answers.append(Response(address, 0, data))
    path = capture(tmp_path / "a.pcapng", [(True, answer.to_wire()) for answer in answers])
    names = [field.name for row in SETTINGS.values() for field in row.layout]
    seen = fields(path, "jbd.name", *(f"jbd.{name}" for name in names))
    compared = 0
    for answer, shown in zip(answers, seen, strict=True):
        row = SETTINGS[answer.register]
        assert shown["jbd.name"] == [row.name]
        values = decode_response(answer).values()
        for field in row.layout:
            [found] = shown[f"jbd.{field.name}"]
            value = values[field.name].value
            if field.kind is Kind.HEX:
                assert int(found, 16) == int(str(value), 16), field.name
            elif field.kind is Kind.FLAG:
                assert found in (("1", "True") if value else ("0", "False")), field.name
            elif isinstance(value, int):
                assert int(found) == value, field.name
            elif field.codes:
                assert int(found) == int(str(value), 16), field.name
            else:
                assert found == str(value), field.name
            compared += 1
    assert compared == len(names)


@needs_tshark
@pytest.mark.slow
def test_a_frame_in_pieces_and_noise_before_it_is_put_together(tmp_path: Path) -> None:
    whole = Response(0x03, 0, BASIC.to_payload()).to_wire()
    broken = bytearray(whole)
    broken[9] ^= 1
    pieces = [
        (True, whole[:20]), (False, ReadRequest(0x04).to_wire()), (True, whole[20:]),
        (True, b"\x00" + whole), (True, bytes(broken)), (True, whole),
        (True, Response(0x06, 0x80).to_wire()),
    ]  # fmt: skip
    path = capture(tmp_path / "a.pcapng", pieces)
    rows = fields(
        path, "jbd.pack_mv", "jbd.current_ma", "jbd.ntc_dk", "jbd.noise", "jbd.checksum_bad",
        "jbd.pending", "jbd.status", "jbd.balance", "jbd.protection", "jbd.made",
    )  # fmt: skip
    info = BASIC
    good = [row for row in rows if row["jbd.pack_mv"]]
    assert len(good) == 3
    for row in good:
        assert row["jbd.pack_mv"] == [str(info.pack_mv)]
        assert row["jbd.current_ma"] == [str(info.current_ma)]
        assert row["jbd.ntc_dk"] == [str(n) for n in info.ntc_dk]
        assert int(row["jbd.balance"][0], 16) == info.balance_low | info.balance_high << 16
        assert int(row["jbd.protection"][0], 16) == info.protection_bits
        assert row["jbd.made"] == ["2021-05-05"]
    assert rows[0]["jbd.pending"] == ["20"]
    assert rows[3]["jbd.noise"] == ["00"]
    assert [bool(row["jbd.checksum_bad"]) for row in rows] == [False] * 4 + [True, False, False]
    assert [int(s, 16) for s in rows[-1]["jbd.status"]] == [0x80]
    assert tshark(path).splitlines()[-1].endswith("use_password: 0x80 no such command")
    filtered = tshark(path, "-Y", "jbd.status != 0 || jbd.checksum_bad")
    assert len(filtered.splitlines()) == 2


@needs_tshark
@pytest.mark.slow
def test_writes_and_frames_of_the_module_are_named(tmp_path: Path) -> None:
    pieces = [
        (False, WriteRequest(0x24, (3650).to_bytes(2, "big")).to_wire()),
        (True, Response(0x24, 0).to_wire()),
        (False, ModuleFrame(0x17).to_wire()),
        (True, ModuleFrame(0x17, b"\x2a").to_wire()),
    ]
    lines = tshark(capture(tmp_path / "a.pcapng", pieces)).splitlines()
    said = ["write covp: covp 3650 mV", "covp: done", "module random", "module random"]
    assert [line.endswith(end) for line, end in zip(lines, said, strict=True)] == [True] * 4


@needs_tshark
@pytest.mark.slow
def test_a_name_beyond_ascii_is_whole(tmp_path: Path) -> None:
    name = "Größe\x00 °C"
    pieces = [(True, Response(0x05, 0, name.encode("latin-1")).to_wire())]
    [line] = tshark(capture(tmp_path / "a.pcapng", pieces)).splitlines()
    assert line.endswith("device_info: name Größe. °C")


@needs_tshark
@pytest.mark.slow
@pytest.mark.shared
def test_captured_answers_read_the_same_in_wireshark(tmp_path: Path, shared_dir: Path) -> None:
    pieces: list[Piece] = []
    for path in sorted((shared_dir / "captures").glob("ble-sp04s034-u-*-2022.jsonl")):
        if not path.name.endswith(".frames.jsonl"):
            rows = [json.loads(line) for line in path.read_text().splitlines()]
            pieces += [(row["dir"] == "rx", bytes.fromhex(row["hex"])) for row in rows]
    rows_seen = fields(
        capture(tmp_path / "a.pcapng", pieces), "jbd.register", "jbd.pack_mv", "jbd.rsoc_percent",
        "jbd.cell_mv", "jbd.checksum_bad",
    )  # fmt: skip
    assert not any(row["jbd.checksum_bad"] for row in rows_seen)
    wanted = []
    for path in sorted((shared_dir / "captures").glob("ble-sp04s034-u-*-2022.frames.jsonl")):
        for line in path.read_text().splitlines():
            row = json.loads(line)
            if row["dir"] == "rx" and row.get("reg") in ("0x03", "0x04"):
                wanted.append((row["reg"], bytes.fromhex(row["payload"])))
    seen = [row for row in rows_seen if row["jbd.pack_mv"] or row["jbd.cell_mv"]]
    assert len(seen) == len(wanted) > 400
    for row, (register, payload) in zip(seen, wanted, strict=True):
        if register == "0x04":
            cells = parse_cell_voltages(payload).cell_mv
            assert row["jbd.cell_mv"] == [str(mv) for mv in cells]
        else:
            info = parse_basic_info(payload)
            assert row["jbd.pack_mv"] == [str(info.pack_mv)]
            assert row["jbd.rsoc_percent"] == [str(info.rsoc_percent)]
