"""`jbd-emulator explain` and `profiles`, as text and as JSON; and the pacer of `serve`."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys

import pytest

from jbd_emulator import FIRMWARE, PtyPort, Unit, parse_unit
from jbd_emulator.__main__ import main
from jbd_emulator.frontends._pacer import PIECE, Pacer
from jbd_protocol import ReadRequest, __version__

P0 = "DD 5A 06 07 06 00 00 00 00 00 00 FF ED 77"
FE = "DD 5A 00 02 56 78 FF 30 77"


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(arguments) == 0
    said, errors = capsys.readouterr()
    assert errors == ""
    return said


# -- explain ---------------------------------------------------------------------------------


def test_explain_prints_the_answer_why_and_on_what_evidence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = output(capsys, "explain", "--firmware", "0x21", P0)
    assert "answer    DD 06 80 00 FF 80 77\n" in said
    assert "why       firmware 0x21 has no password function\n" in said
    assert re.search(r"^evidence  captured: .*XI 195", said, re.MULTILINE)


def test_explain_as_json_is_a_list_with_one_object_per_frame(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = output(
        capsys,
        "explain",
        "--firmware",
        "0x17",
        "--pin",
        "123456",
        "--json",
        P0,
        FE,
        "DDA50300FFFD77",
    )
    pair, enter, info = json.loads(said)
    assert (pair["answer"], pair["grade"]) == ("DD 06 83 00 FF 7D 77", "vendor document")
    assert (enter["answer"], enter["grade"]) == ("DD 00 81 00 FF 7F 77", "reported")
    assert info["answer"].startswith("DD 03 00 1B")
    assert set(info) == {
        "request", "meaning", "answer", "answer_meaning", "why", "grade", "source"
    }  # fmt: skip


def test_explain_plays_frames_to_one_unit_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    read, enter = "DD A5 24 00 FF DC 77", FE
    rows = json.loads(output(capsys, "explain", "--json", read, enter, read))
    assert [row["answer"][6:8] for row in rows] == ["81", "00", "00"]


@pytest.mark.parametrize("raw", ["DD A5 03 00 FF FC 77", "00 11 22", "DD A5 03"])
def test_explain_says_why_bytes_that_are_no_request_are_met_with_silence(
    raw: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for row in json.loads(output(capsys, "explain", "--json", raw)):
        assert row["answer"] is None
        assert row["why"]
    assert "answer    silence\n" in output(capsys, "explain", raw)


def test_explain_speaks_of_a_sleeping_board(capsys: pytest.CaptureFixture[str]) -> None:
    said = output(capsys, "explain", "--sleep", "DD A5 03 00 FF FD 77")
    assert "silence" in said
    assert "wakes" in said


@pytest.mark.parametrize("frame", ["DD A5 0", "hello", ""])
def test_explain_refuses_what_is_no_hexadecimal(
    frame: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", frame]) == 2
    said, errors = capsys.readouterr()
    assert said == ""
    assert errors.startswith("jbd-emulator explain: frame")
    assert errors.count("\n") == 1


# -- profiles --------------------------------------------------------------------------------


def test_profiles_lists_every_firmware_and_board(capsys: pytest.CaptureFixture[str]) -> None:
    said = output(capsys, "profiles")
    for version, row in FIRMWARE.items():
        assert re.search(rf"^0x{version:02X} +{row.password.value}", said, re.MULTILINE)
        assert row.title in said
    for board in ("4s", "8s", "16s"):
        assert re.search(rf"^{board} ", said, re.MULTILINE)


def test_profiles_of_one_firmware_shows_every_fact_with_its_source(
    capsys: pytest.CaptureFixture[str],
) -> None:
    said = output(capsys, "profiles", "--firmware", "2.1")
    for name, fact in FIRMWARE[0x21].facts():
        assert name in said
        assert str(fact.evidence) in said


def test_profiles_as_json_holds_values_grades_and_sources(
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = json.loads(output(capsys, "profiles", "--json"))
    assert [row["version"] for row in document["firmware"]] == [f"0x{v:02X}" for v in FIRMWARE]
    assert [kit["key"] for kit in document["boards"]] == ["4s", "8s", "16s"]
    for row in document["firmware"]:
        facts = row["facts"]
        assert set(facts) == {name for name, _ in FIRMWARE[0x21].facts()}
        assert all(fact["grade"] and fact["source"] for fact in facts.values())
    one = json.loads(output(capsys, "profiles", "--json", "--firmware", "0x21"))
    assert [row["version"] for row in one["firmware"]] == ["0x21"]
    assert one["firmware"][0]["facts"]["password"]["value"] == "absent"


def test_profiles_refuses_a_firmware_it_does_not_know(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["profiles", "--firmware", "0x99"]) == 2
    assert "firmware 0x99: unknown; there is 0x15" in capsys.readouterr().err


# -- the command itself ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        ([], 2, ["COMMAND"]),
        (["--json"], 2, ["COMMAND"]),
        (["charge"], 2, ["'charge'", "serve", "explain", "profiles"]),
        (["--help"], 0, ["serve", "explain", "profiles"]),
        (["--version"], 0, [__version__]),
    ],
    ids=str,
)
def test_without_a_command_it_says_what_there_is(
    arguments: list[str], status: int, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    said = "".join(capsys.readouterr())
    assert caught.value.code == status
    assert all(word in said for word in words)


def test_an_interrupted_command_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("jbd_emulator.commands.profiles.run", interrupted)
    assert main(["profiles"]) == 130
    assert capsys.readouterr() == ("", "")


def test_help_and_explain_load_nothing_heavy() -> None:
    script = (
        "import sys; from jbd_emulator.__main__ import main\n"
        f"main(['explain', {P0!r}])\n"
        "print(sorted({'serial', 'matplotlib', 'numpy', 'pytest', 'rich', 'bumble', 'bless'}"
        " & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


# -- pace ------------------------------------------------------------------------------------

BYTE_S = 10 / 9600


def test_pieces_leave_at_absolute_deadlines_behind_the_request() -> None:
    pacer = Pacer(9600)
    pacer.heard(7, 100.0)
    pacer.send(bytes(range(20)), 100.0)
    seen = []
    while (due_s := pacer.due_s) is not None:
        assert pacer.take(due_s - 1e-6) == b""
        seen.append((due_s, pacer.take(due_s)))
    assert b"".join(piece for _, piece in seen) == bytes(range(20))
    assert [len(piece) for _, piece in seen] == [PIECE, PIECE, 4]
    assert [due for due, _ in seen] == pytest.approx(
        [100.0 + BYTE_S * (7 + end) for end in (8, 16, 20)]
    )


def test_a_late_timer_does_not_shift_the_pieces_behind_it() -> None:
    pacer = Pacer(9600)
    pacer.send(bytes(24), 0.0)
    deadlines = []
    while (due_s := pacer.due_s) is not None:
        deadlines.append(due_s)
        pacer.take(due_s + 0.004)
    assert deadlines == pytest.approx([BYTE_S * n for n in (8, 16, 24)])


def test_a_second_answer_waits_for_the_first_to_leave() -> None:
    pacer = Pacer(9600)
    pacer.send(bytes(8), 0.0)
    pacer.send(b"\x01", 0.001)
    assert pacer.take(BYTE_S * 8) == bytes(8)
    assert pacer.due_s == pytest.approx(BYTE_S * 9)
    assert pacer.take(1.0) == b"\x01"


def test_what_was_heard_in_pieces_takes_the_same_line_time() -> None:
    whole, pieces = Pacer(9600), Pacer(9600)
    whole.heard(8, 0.0)
    for _ in range(8):
        pieces.heard(1, 0.0)
    for pacer in (whole, pieces):
        pacer.send(b"\x00", 0.0)
    assert whole.due_s == pytest.approx(pieces.due_s)


def test_what_is_forgotten_is_not_sent() -> None:
    pacer = Pacer(9600)
    pacer.send(bytes(8), 0.0)
    pacer.clear()
    assert (pacer.due_s, pacer.take(9.0)) == (None, b"")


@pytest.mark.parametrize(("baud", "pieces"), [(None, 0), (9600, 5)])
def test_a_port_sends_in_pieces_only_when_asked_to(baud: int | None, pieces: int) -> None:
    port = PtyPort(Unit(parse_unit("0x21")), baud=baud)
    client = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    try:
        wire = ReadRequest(0x03).to_wire()
        os.write(client, wire)
        while port.bytes_in < len(wire):
            assert select.select([port.fileno()], [], [], 5.0)[0]
            port.on_readable(0.0)
        sent = 0
        while (due_s := port.due_s) is not None:
            port.on_due(due_s)
            sent += 1
        assert (sent, port.bytes_out) == (pieces, 34)
        assert port.dropped == 0
    finally:
        os.close(client)
        port.close()


def test_what_nobody_reads_is_lost_as_on_a_wire() -> None:
    port = PtyPort(Unit(parse_unit("0x21?board=16s")))
    client = os.open(port.path, os.O_RDWR | os.O_NOCTTY)
    try:
        for _ in range(2000):
            os.write(client, ReadRequest(0x04).to_wire())
            port.on_readable(0.0)
        assert port.dropped > 0
        assert port.bytes_out + port.dropped == port.bytes_in // 7 * 39
    finally:
        os.close(client)
        port.close()
    port.close()
