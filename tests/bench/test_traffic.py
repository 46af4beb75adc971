"""The tap and its record: every piece, both ways, with times and meanings."""

from __future__ import annotations

import json
from pathlib import Path

from jbd_bench import Tap, Traffic, open_target
from jbd_bench.records import Direction
from jbd_protocol import CLEAR_PIN, ReadRequest


def test_a_tap_records_both_directions_with_the_links_time() -> None:
    link = open_target("emulator:0x21")
    tap = Tap(link)
    tap.clock.sleep_until(5.0)
    tap.write(CLEAR_PIN.to_wire())
    assert tap.read(6.0).hex(" ") == "dd 09 80 00 ff 80 77"
    assert tap.read(6.0) == b""
    tap.reconnect()
    tap.close()
    assert [(p.t_s, p.direction) for p in tap.traffic.pieces] == [
        (5.0, Direction.TO_BOARD),
        (5.0, Direction.FROM_BOARD),
        (6.0, Direction.MARK),
    ]


def test_lines_count_from_the_first_piece_and_say_what_it_means() -> None:
    traffic = Traffic()
    traffic.add(100.0, Direction.TO_BOARD, CLEAR_PIN.to_wire())
    traffic.add(100.25, Direction.FROM_BOARD, bytes.fromhex("DD 09 80 00 FF 80 77"))
    traffic.mark(101.0, "reconnected")
    assert traffic.lines() == [
        "    0.000 > DD 5A 09 07 06 4A 31 42 32 44 34 FE 83 77    clear the PIN: the clear word",
        "    0.250 < DD 09 80 00 FF 80 77    clear the PIN: 0x80 no such command",
        "    1.000 # reconnected",
    ]


def test_a_frame_in_pieces_is_explained_where_it_ends() -> None:
    wire = ReadRequest(0x03).to_wire()
    traffic = Traffic()
    traffic.add(0.0, Direction.TO_BOARD, wire[:3])
    traffic.add(0.0, Direction.TO_BOARD, wire[3:])
    assert [row["meaning"] for row in traffic.rows()] == [
        "(unfinished)",
        "read basic information",
    ]


def test_a_module_frame_is_named_and_a_broken_one_is_not() -> None:
    traffic = Traffic()
    traffic.add(0.0, Direction.TO_BOARD, bytes.fromhex("FF AA 17 00 17"))
    traffic.add(0.0, Direction.TO_BOARD, bytes.fromhex("FF AA 17 00 18"))
    assert traffic.rows()[0]["meaning"] == "module command 0x17"
    assert "module" not in str(traffic.rows()[1]["meaning"])


def test_jsonl_has_one_object_a_piece(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.add(1.0, Direction.TO_BOARD, ReadRequest(0x04).to_wire())
    path = tmp_path / "traffic.jsonl"
    traffic.to_jsonl(path)
    assert [json.loads(line) for line in path.read_text().splitlines()] == [
        {
            "t_s": 1.0,
            "direction": ">",
            "hex": "DD A5 04 00 FF FC 77",
            "meaning": "read cell voltages",
        }
    ]


def test_no_traffic_is_no_lines() -> None:
    assert Traffic().lines() == []
    assert len(Traffic()) == 0
