"""A replay as a board: order, repeats, silence, pieces, and what it says at the end."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_bench import BmsClient, LinkError, open_target
from jbd_bench.recordings import (
    PIECE_GAP_S,
    Recording,
    RecordingError,
    Replay,
    read_recording,
)
from jbd_bench.recordings._requests import RequestSplitter
from jbd_bench.records import Direction, Piece, Traffic
from jbd_protocol import ModuleFrame, ReadRequest, ReplyTimeout, Response, WriteRequest

TO, FROM, MARK = Direction.TO_BOARD, Direction.FROM_BOARD, Direction.MARK
BASIC, CELLS, NAME = (ReadRequest(register).to_wire() for register in (0x03, 0x04, 0x05))


def cells(*mv: int) -> bytes:
    return Response(0x04, 0, b"".join(n.to_bytes(2, "big") for n in mv)).to_wire()


def name(text: str) -> bytes:
    return Response(0x05, 0, text.encode()).to_wire()


def recorded(*rows: tuple[float, Direction, bytes]) -> Recording:
    return Recording.of("test", [Piece(*row) for row in rows])


def ask(replay: Replay, request: bytes, now_s: float = 0.0) -> list[bytes]:
    """Return what comes within 50 ms."""
    replay.receive(request, now_s)
    return replay.take(now_s + 0.05)


TALK = recorded(
    (1.0, TO, CELLS), (1.1, FROM, cells(3300)),
    (2.0, TO, NAME), (2.1, FROM, name("A")[:4]), (2.2, FROM, name("A")[4:]),
    (3.0, TO, CELLS), (3.1, FROM, cells(3301)),
    (4.0, TO, BASIC),
    (5.0, TO, CELLS), (5.1, FROM, cells(3302)),
)  # fmt: skip


def test_reads_in_another_order_get_the_next_answer_each() -> None:
    replay = Replay(TALK)
    assert ask(replay, NAME) == [name("A")[:4], name("A")[4:]]
    assert [ask(replay, CELLS) for _ in range(3)] == [[cells(n)] for n in (3300, 3301, 3302)]


def test_behind_the_last_answer_it_comes_again_and_is_counted() -> None:
    replay = Replay(TALK)
    assert [ask(replay, NAME) for _ in range(3)] == [[name("A")[:4], name("A")[4:]]] * 3
    assert (replay.report().played, replay.report().repeated) == (1, 2)


def test_what_was_silent_stays_silent() -> None:
    replay = Replay(TALK)
    assert [ask(replay, BASIC) for _ in range(2)] == [[], []]
    assert replay.report().lacking == {}


def test_a_silence_at_the_end_is_no_last_answer() -> None:
    replay = Replay(recorded((0, TO, CELLS), (0.1, FROM, cells(1)), (1, TO, CELLS)))
    assert [ask(replay, CELLS) for _ in range(3)] == [[cells(1)], [], [cells(1)]]


def test_what_the_recording_lacks_is_told_in_words() -> None:
    replay = Replay(TALK)
    covp = WriteRequest(0x24, b"\x0e\x42").to_wire()
    for request in (covp, covp, ModuleFrame(0x17).to_wire()):
        assert ask(replay, request) == []
    report = replay.report()
    assert report.lacking == {covp: 2, ModuleFrame(0x17).to_wire(): 1}
    assert report.unasked == {CELLS: 3, NAME: 1, BASIC: 1}
    lines = report.lines()
    assert "lacks: 3 requests, 2 kinds" in lines
    assert any(line.endswith("write cell over-voltage: covp 3650 mV") for line in lines)
    assert any(line.endswith("module command 0x17") for line in lines)
    assert report.to_json()["lacking"] == [
        {
            "hex": covp.hex(" ").upper(),
            "meaning": "write cell over-voltage: covp 3650 mV",
            "count": 2,
        },
        {"hex": "FF AA 17 00 17", "meaning": "module command 0x17", "count": 1},
    ]


def test_the_same_times_are_kept_when_they_are_asked_for() -> None:
    replay = Replay(TALK, same_times=True)
    replay.receive(NAME, 50.0)
    assert replay.due_s == pytest.approx(50.1)
    assert replay.take(50.15) == [name("A")[:4]]
    assert replay.due_s == pytest.approx(50.2)
    assert replay.take(50.25) == [name("A")[4:]]
    assert replay.due_s is None


def test_at_once_pieces_leave_one_behind_another() -> None:
    replay = Replay(TALK)
    replay.receive(NAME, 50.0)
    assert replay.take(50.0) == [name("A")[:4]]
    assert replay.due_s == pytest.approx(50.0 + PIECE_GAP_S)


def test_a_client_that_does_not_wait_gets_each_answer_where_it_came() -> None:
    recording = recorded(
        (0.0, TO, CELLS), (0.01, TO, NAME), (0.1, FROM, cells(3300)), (0.2, FROM, name("A"))
    )
    replay = Replay(recording)
    replay.receive(CELLS, 0.0)
    assert replay.take(0.05) == []
    replay.receive(NAME, 0.06)
    assert replay.take(0.1) == [cells(3300), name("A")]


def test_a_client_that_does_wait_gets_them_too() -> None:
    recording = recorded(
        (0.0, TO, CELLS), (0.01, TO, NAME), (0.1, FROM, cells(3300)), (0.2, FROM, name("A"))
    )
    replay = Replay(recording)
    replay.receive(CELLS, 0.0)
    assert replay.take(0.25) == [cells(3300)]
    assert ask(replay, NAME, 1.0) == [name("A")]


def test_what_came_before_any_request_comes_with_the_connection() -> None:
    recording = Recording.of(
        "test",
        [
            Piece(5.0, FROM, b"\x00"), Piece(6.0, TO, CELLS), Piece(6.1, FROM, cells(1)),
            Piece(7.0, MARK, b"", "client left"),
            Piece(8.0, FROM, b"\x01"), Piece(9.0, TO, CELLS), Piece(9.1, FROM, cells(2)),
        ],
    )  # fmt: skip
    replay = Replay(recording)
    came = []
    for _ in range(3):
        replay.connected(0.0)
        came.append(replay.take(0.0))
    assert came == [[b"\x00"], [b"\x01"], [b"\x01"]]


def test_an_answer_that_is_on_its_way_is_lost_with_the_connection() -> None:
    replay = Replay(TALK, same_times=True)
    replay.receive(CELLS, 0.0)
    replay.connected(0.05)
    assert replay.take(1.0) == []


requests = st.lists(
    st.one_of(
        st.builds(
            lambda register, data: ReadRequest(register, data).to_wire(),
            st.integers(0, 255), st.binary(max_size=3),
        ),
        st.builds(
            lambda register, data: WriteRequest(register, data).to_wire(),
            st.integers(0, 255), st.binary(max_size=20),
        ),
        st.builds(
            lambda command, data: ModuleFrame(command, data).to_wire(),
            st.integers(0, 255), st.binary(max_size=20),
        ),
    ),
    max_size=8,
)  # fmt: skip


@given(requests, st.data())
def test_requests_are_found_in_any_cutting(sent: Sequence[bytes], data: st.DataObject) -> None:
    stream, splitter, found = b"".join(sent), RequestSplitter(), list[bytes]()
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        found += splitter.receive(stream[:size], 0.0)
        stream = stream[size:]
    assert found == list(sent)
    assert splitter.flush() == []


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=20))
def test_whatever_is_written_is_taken_and_nothing_is_lost(pieces: list[bytes]) -> None:
    splitter, found = RequestSplitter(), list[bytes]()
    for number, piece in enumerate(pieces):
        found += splitter.receive(piece, float(number))
    assert b"".join(found + splitter.flush()) == b"".join(pieces)


def test_half_a_request_does_not_swallow_the_next_one() -> None:
    splitter = RequestSplitter()
    assert splitter.receive(CELLS[:4], 0.0) == []
    assert splitter.receive(CELLS, 1.0) == [CELLS[:4], CELLS]


@given(st.lists(st.tuples(st.sampled_from([BASIC, CELLS, NAME]), st.integers(0, 3)), max_size=12))
def test_a_recording_of_a_replay_is_the_recording(talk: list[tuple[bytes, int]]) -> None:
    pieces = []
    for number, (request, count) in enumerate(talk):
        pieces.append(Piece(float(number), TO, request))
        for n in range(count):
            data = Response(request[2], 0, bytes([number, n])).to_wire()
            pieces.append(Piece(number + 0.01 * (n + 1), FROM, data))
    replay, again = Replay(Recording.of("test", pieces), same_times=True), list[Piece]()
    for number, (request, _) in enumerate(talk):
        again.append(Piece(float(number), TO, request))
        replay.receive(request, float(number))
        while replay.due_s is not None:
            due_s = replay.due_s
            again += [Piece(due_s, FROM, data) for data in replay.take(due_s)]
    assert [p._replace(t_s=round(p.t_s, 6)) for p in again] == [
        p._replace(t_s=round(p.t_s, 6)) for p in pieces
    ]


def test_a_recording_is_a_target(tmp_path: Path) -> None:
    board = open_target("emulator:0x21?board=4s")
    board.clock.sleep_until(2.0)
    from jbd_bench import Tap

    tap = Tap(board)
    wanted = BmsClient(tap).basic_info()
    tap.traffic.to_jsonl(tmp_path / "talk.jsonl")
    link = open_target(f"replay:{tmp_path / 'talk.jsonl'}")
    client = BmsClient(link, timeout_s=1.0)
    assert client.basic_info() == wanted
    with pytest.raises(ReplyTimeout):
        client.read(0x05)
    link.reconnect()
    link.close()
    with pytest.raises(LinkError, match="the link is closed"):
        link.write(b"x")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([], "no traffic with a board in it"),
        (["{"], "line 1: not JSON"),
        (["3"], "line 1: must be an object"),
        ([{"t": 0, "dir": "up", "hex": "00"}], "line 1: dir 'up': must be tx or rx"),
        ([{"t_s": 0, "direction": "^", "hex": "00"}], "direction '^': must be > or < or #"),
        ([{"t": 0, "dir": "tx", "hex": "0g"}], "hex '0g': must be hexadecimal digits"),
        ([{"t": 0, "dir": "tx"}], "hex None: must be hexadecimal digits"),
        ([{"t": "soon", "dir": "tx", "hex": "00"}], "time 'soon': must be seconds"),
        ([{"t": 1e999, "dir": "tx", "hex": "00"}], "time inf: must be seconds"),
        ([{"proto": "dd", "hex": "00"}], "take the file beside it"),
        (
            [{"t": 0, "unit": u, "dir": "rx", "hex": "00"} for u in "ab"],
            "several units: choose one of a, b with --device",
        ),
    ],
)
def test_a_bad_recording_is_told_in_one_line(rows: list[object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r) for r in rows))
    with pytest.raises(LinkError) as caught:
        open_target(f"replay:{path}")
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_last_line_that_was_torn_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "torn.jsonl"
    whole = json.dumps({"t_s": 0, "direction": ">", "hex": "DD A5 04 00 FF FC 77"}) + "\n"
    path.write_text(whole + whole[:30])
    assert len(read_recording(path).exchanges) == 1
    # What is no last line, or was ended, was not torn.
    path.write_text(whole + whole[:30] + "\n")
    with pytest.raises(RecordingError, match="line 2: not JSON"):
        read_recording(path)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("replay:/nowhere", "no such file"),
        ("replay:/nowhere?times=all", "times 'all' must be recorded or none"),
        ("replay:/nowhere?speed=1", "unknown option 'speed'"),
    ],
)
def test_a_bad_target_is_told(target: str, said: str) -> None:
    with pytest.raises(LinkError, match=said):
        open_target(target)


def test_the_log_of_an_emulator_is_read_with_its_own_directions(tmp_path: Path) -> None:
    path = tmp_path / "serve.log"
    rows: list[dict[str, object]] = [
        {"t": 0.0, "wall": 1.0, "unit": unit, "dir": direction, "hex": data.hex()}
        for unit in ("left", "right")
        for direction, data in (("rx", NAME), ("tx", name(unit)))
    ]
    # What it says beside the bytes of the line is no part of the conversation.
    rows.insert(3, {"t": 0.0, "wall": 1.0, "unit": "right", "dir": "fault", "kind": "silence"})
    air = {"t": 0.0, "wall": 1.0, "unit": "right", "dir": "air", "event": "written"}
    rows.insert(3, {**air, "hex": NAME.hex()})
    path.write_text("\n".join(map(json.dumps, rows)))
    link = open_target(f"replay:{path}?device=right")
    link.write(NAME)
    assert link.read(1.0) == name("right")


def test_traffic_written_and_read_is_the_same(tmp_path: Path) -> None:
    traffic = Traffic()
    traffic.add(1.5, TO, CELLS)
    traffic.add(1.75, FROM, cells(1, 2))
    traffic.mark(2.0, "reconnected")
    traffic.add(2.5, TO, CELLS)
    traffic.to_jsonl(tmp_path / "a.jsonl")
    from jbd_bench.recordings import read_recording

    recording = read_recording(tmp_path / "a.jsonl")
    assert [(e.request, [p.data for p in e.answer]) for e in recording.exchanges] == [
        (CELLS, [cells(1, 2)]),
        (CELLS, []),
    ]
    assert recording.exchanges[0].answer[0].after_s == pytest.approx(0.25)
