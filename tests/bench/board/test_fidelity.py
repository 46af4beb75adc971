"""One conversation, played to a board and to its twin: what is the same, and what is not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from jbd_bench import BmsClient, Tap, take_snapshot
from jbd_bench.__main__ import main
from jbd_bench.board._fidelity import Verdict, compare, page
from jbd_bench.board._recording import Recording, Spoken, spoken_of, turns_of
from jbd_bench.records import Direction, Piece, TestRecord
from jbd_bench.transports._embedded import EmbeddedLink
from jbd_emulator import Unit, unit_from_table
from jbd_protocol import ReadRequest, Response, WriteRequest, read_parameters

FIXTURES = sorted((Path(__file__).parents[3] / "fixtures" / "recordings").glob("*.jsonl"))
REQUIREMENT = {"id": "CONF-REG-99", "text": "it is so", "source": "a test", "grade": "assumed"}
FACTORY = (WriteRequest(0x00, b"\x56\x78"), ReadRequest(0x24), WriteRequest(0x01, b"\x00\x00"))


def recorded(
    *asked: ReadRequest | WriteRequest, table: dict[str, object] | None = None
) -> Recording:
    """Return a conversation with an emulated board that is made as ``table`` says."""
    unit = Unit(unit_from_table(table or {}))
    tap = Tap(EmbeddedLink(unit, "board"))
    tap.clock.sleep_until(3.0)
    snapshot = take_snapshot(BmsClient(tap), factory=True)
    at = len(tap.traffic)
    client = BmsClient(tap, timeout_s=0.6, retries=0)
    for request in asked:
        client.exchange(request)
    tap.close()
    spoken = Spoken("test_it", (REQUIREMENT,), "passed", None, tuple(tap.traffic.pieces[at:]))
    return Recording(snapshot, (spoken,))


def changed(recording: Recording, register: int, wire: bytes) -> Recording:
    """Return the recording of a board that answered a register otherwise."""
    [spoken] = recording.tests
    pieces = list(spoken.pieces)
    for n, piece in enumerate(pieces):
        if piece.direction is Direction.FROM_BOARD and piece.data[1] == register:
            pieces[n] = piece._replace(data=wire)
    return replace(recording, tests=(replace(spoken, pieces=tuple(pieces)),))


def test_a_board_that_the_emulator_is_like_is_the_same() -> None:
    asked = (ReadRequest(0x03), ReadRequest(0x04), ReadRequest(0x24), *FACTORY, ReadRequest(0xAA))
    fidelity = compare(recorded(*asked, table={"board": "8s", "load_ma": 5000}))
    assert [row.verdict for row in fidelity.rows] == [Verdict.SAME]
    assert fidelity.percent == 100.0


@pytest.mark.parametrize(
    ("register", "answer"),
    [
        (0x24, Response(0x24, 0x80)),
        (0x24, Response(0x24, 0x81, b"\x00")),
        (0x04, Response(0x04, 0x00, bytes(6))),
        (0x9F, Response(0x9F, 0x00)),
        (0x05, Response(0x05, 0x00, b"another name")),
    ],
)
def test_an_answer_that_is_another_differs_and_shows_both_frames(
    register: int, answer: Response
) -> None:
    asked = [ReadRequest(n) for n in (0x04, 0x05, 0x24, 0x9F)]
    fidelity = compare(changed(recorded(*asked), register, answer.to_wire()))
    [row] = fidelity.rows
    assert (row.verdict, fidelity.percent) == (Verdict.DIFFERS, 0.0)
    [deviation] = row.deviations
    assert deviation.sent == ReadRequest(register).to_wire()
    assert deviation.board == answer.to_wire()
    assert deviation.emulator[1] == register
    text = "\n".join(page(fidelity))
    assert answer.to_wire().hex(" ").upper() in text
    assert deviation.emulator.hex(" ").upper() in text
    assert "Fidelity  0.0 %: 0 same, 1 differs, 0 unknown" in text


def test_silence_where_the_emulator_speaks_differs() -> None:
    recording = recorded(ReadRequest(0x05), ReadRequest(0x24))
    [spoken] = recording.tests
    silent = tuple(piece for piece in spoken.pieces if piece.data[1:2] != b"\x05")
    fidelity = compare(replace(recording, tests=(replace(spoken, pieces=silent),)))
    [deviation] = fidelity.rows[0].deviations
    assert deviation.board == Response(0x24, 0x81).to_wire()
    assert deviation.emulator[1] == 0x05


def test_live_values_do_not_differ_and_what_is_not_live_does() -> None:
    recording = recorded(ReadRequest(0x03), table={"load_ma": 0})
    answer = next(p.data for p in recording.tests[0].pieces if p.data[1] == 0x03)
    payload = bytearray(answer[4:-3])
    payload[0:4] = b"\x05\x00\xff\x00"
    payload[19] = 5
    same = changed(recording, 0x03, Response(0x03, 0, bytes(payload)).to_wire())
    assert compare(same).percent == 100.0
    payload[20] = 0x02
    other = changed(recording, 0x03, Response(0x03, 0, bytes(payload)).to_wire())
    assert compare(other).percent == 0.0


def test_of_reads_that_wait_for_something_the_last_counts() -> None:
    recording = recorded(*[ReadRequest(0x05)] * 4)
    [spoken] = recording.tests
    pieces = list(spoken.pieces)
    pieces[1] = pieces[1]._replace(data=Response(0x05, 0, b"not yet").to_wire())
    patient = replace(recording, tests=(replace(spoken, pieces=tuple(pieces)),))
    assert compare(patient).percent == 100.0
    pieces[-1] = pieces[1]
    never = replace(recording, tests=(replace(spoken, pieces=tuple(pieces)),))
    assert compare(never).percent == 0.0


def test_a_request_that_had_to_be_sent_again_counts_once() -> None:
    wire = ReadRequest(0x03).to_wire()
    pieces = (
        Piece(0.0, Direction.TO_BOARD, wire), Piece(1.0, Direction.TO_BOARD, wire),
        Piece(1.1, Direction.FROM_BOARD, b"\xdd\x03"),
    )  # fmt: skip
    [turn] = turns_of(pieces)
    assert turn.sends == ((1.0, wire),)


def test_bytes_sent_one_by_one_are_one_turn() -> None:
    wire = ReadRequest(0x03).to_wire()
    pieces = [Piece(n / 1000, Direction.TO_BOARD, bytes((b,))) for n, b in enumerate(wire)]
    [turn] = turns_of((*pieces, Piece(0.1, Direction.FROM_BOARD, b"\xdd")))
    assert (turn.sent, turn.received) == (wire, b"\xdd")


def test_a_busy_machines_gaps_do_not_count_and_a_pause_does() -> None:
    wire = ReadRequest(0x05).to_wire()
    recording = recorded(ReadRequest(0x05))
    [spoken] = recording.tests
    answer = spoken.pieces[-1]
    for gap_s, percent in ((0.2, 100.0), (0.5, 0.0)):
        pieces = [Piece(gap_s * n, Direction.TO_BOARD, bytes((b,))) for n, b in enumerate(wire)]
        slow = replace(spoken, pieces=(*pieces, answer._replace(t_s=9.0)))
        assert compare(replace(recording, tests=(slow,))).percent == percent


def test_what_was_not_played_is_unknown_and_says_why() -> None:
    spoken = Spoken("test_it", (REQUIREMENT,), "skipped", "writes settings: --allow settings", ())
    fidelity = compare(replace(recorded(), tests=(spoken,)))
    assert fidelity.percent is None
    assert fidelity.rows[0].verdict is Verdict.UNKNOWN
    text = "\n".join(page(fidelity))
    assert "unknown   CONF-REG-99: writes settings: --allow settings" in text
    assert "Fidelity  unknown" in text


def test_ways_that_were_seen_are_the_twins_too() -> None:
    facts = {"parameters": "served", "tail_bytes": 9, "zero_checksum_refusal": True}
    asked = (ReadRequest(0xFA, read_parameters(0x10, 4)), ReadRequest(0x03), ReadRequest(0x24))
    table: dict[str, object] = {"firmware": "0x21", "facts": facts}
    assert compare(recorded(*asked, table=table)).percent == 100.0


def test_a_way_that_reading_cannot_see_is_found_by_playing() -> None:
    # 0x17 answers 06; a version byte of 0x21 in front of it lets one expect that it does not.
    recording = recorded(WriteRequest(0x06, b"\x06" + bytes(6)), table={"firmware": "0x17"})
    payload = bytearray(recording.snapshot.payloads[0x03])
    payload[18] = 0x21
    wire = Response(0x03, 0, bytes(payload)).to_wire()
    frames = tuple(
        p._replace(data=wire) if p.data[:2] == b"\xdd\x03" else p for p in recording.snapshot.frames
    )
    payloads = {**recording.snapshot.payloads, 0x03: bytes(payload)}
    snapshot = replace(recording.snapshot, payloads=payloads, frames=frames)
    [row] = compare(replace(recording, snapshot=snapshot)).rows
    assert row.deviations[0].board == bytes.fromhex("dd060000000077")
    assert row.deviations[0].emulator == bytes.fromhex("dd068000ff8077")


def test_a_tests_record_loses_what_is_the_runs_own() -> None:
    target = "serial:/dev/ttyUSB0"
    rows: list[dict[str, object]] = [
        {"t_s": 100.5, "direction": ">", "hex": "DD A5 03 00 FF FD 77", "meaning": "read"},
        {"t_s": 100.75, "direction": "<", "hex": "DD", "meaning": ""},
    ]
    for given, left in (
        (f"a/test_x.py::test_it[{target}]", "test_it"),
        (f"a/test_x.py::test_it[{target}-03]", "test_it[03]"),
    ):
        spoken = spoken_of(TestRecord(given, "conformance", target, "it", traffic=rows))
        assert spoken.test == left
        assert [piece.t_s for piece in spoken.pieces] == [0.0, 0.25]


# -- files and the command -----------------------------------------------------------------------


def test_a_recording_is_written_and_read(tmp_path: Path) -> None:
    recording = replace(recorded(ReadRequest(0x03)), unit={"pin": "123456"})
    recording.write(tmp_path / "talk.jsonl")
    assert Recording.read(tmp_path / "talk.jsonl") == recording


@pytest.mark.parametrize(
    ("line", "text", "said"),
    [
        (0, '{"recording": 2}', "format 2, must be 1"),
        (0, "{}", "lacks 'recording'"),
        (0, "", "not a recording"),
        (1, "[]", "not a recording"),
        (1, '{"test": "x"}', "lacks 'requirements'"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: int, text: str, said: str
) -> None:
    path = tmp_path / "talk.jsonl"
    recorded(ReadRequest(0x03)).write(path)
    lines = path.read_text().splitlines()
    lines[line] = text
    path.write_text("\n".join(lines))
    assert main(["fidelity", "--recording", str(path)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    [told] = err.splitlines()
    assert said in told


def test_a_recording_stands_in_for_its_board(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "talk.jsonl"
    recording = recorded(ReadRequest(0x24))
    recording.write(path)
    assert main(["fidelity", "--recording", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["percent"], document["same"], document["differs"]) == (100.0, 1, 0)
    changed(recording, 0x24, Response(0x24, 0x80).to_wire()).write(path)
    assert main(["fidelity", "--recording", str(path), "--json"]) == 1
    [row] = json.loads(capsys.readouterr().out)["requirements"]
    assert row["verdict"] == "differs"
    assert row["deviations"][0]["board"] == "DD 24 80 00 FF 80 77"
    assert row["deviations"][0]["emulator"] == "DD 24 81 00 FF 7F 77"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "emulator:0x21"), "is the emulator itself"),
        (("--target", "serial:/dev/ttyNOTHERE"), "no such port"),
        (("--recording", "nothere.jsonl"), "nothere.jsonl"),
        (("--target", "serial:/dev/ttyNOTHERE", "--out", "/nowhere/x"), "no such folder"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fidelity", *arguments]) == 2
    out, err = capsys.readouterr()
    [line] = err.splitlines()
    assert out == ""
    assert line.startswith("jbd-bench fidelity: ")
    assert said in line


def test_there_are_recordings() -> None:
    assert FIXTURES


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_the_emulator_still_answers_as_it_did_when_a_recording_was_made(path: Path) -> None:
    recording = Recording.read(path)
    fidelity = compare(recording)
    assert not [row.id for row in fidelity.rows if row.verdict is Verdict.DIFFERS]
    assert fidelity.count(Verdict.SAME) > 10
