"""JBDTools V2.9 and BMS-Tools: orders, pauses, tries and what they take for an answer."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from jbd_bench._link import Link
from jbd_bench.clients import Log, User, client_model
from jbd_bench.clients._frames import BMSTOOLS_ORDER, CLR, FE, FX, P0, R03, R04, R05, reading
from jbd_bench.clients._jbdtools import _DAMAGED_09
from jbd_protocol import ReadRequest, Response, WriteRequest, parse_request

MakeLink = Callable[..., Link]
Sent = Callable[[Log], list[tuple[float, str]]]
WATCH = User(polls=2, opens_parameters=False)
INFO = Response(0x03, 0, bytes(18) + b"\x21" + bytes(4)).to_wire()


def steps(rows: list[tuple[float, str]]) -> list[float]:
    return [round(b - a, 3) for (a, _), (b, _) in itertools.pairwise(rows)]


def registers(rows: list[tuple[float, str]]) -> list[str]:
    names = []
    for _, text in rows:
        request = parse_request(bytes.fromhex(text))
        names.append(f"{'w' * isinstance(request, WriteRequest)}{request.register:02X}")
    return names


def refusing(status: int, *refused: int) -> Callable[[bytes], bytes]:
    """A board that refuses some registers and answers the others with an empty 00."""

    def answer(data: bytes) -> bytes:
        request = parse_request(data)
        if request.register in refused:
            return Response(request.register, status).to_wire()
        if request.register == 0x03:
            return INFO
        word = b"\x0e\x10" if isinstance(request, ReadRequest) else b""
        return Response(request.register, 0, word).to_wire()

    return answer


def test_jbdtools_polls_03_04_05_each_second_50_ms_apart(board: MakeLink, sent: Sent) -> None:
    rows = sent(client_model("jbdtools-2021").run(board("0x21"), WATCH).log)
    assert [frame for _, frame in rows] == [f.hex(" ") for f in (R03, R04, R05)] * 2
    assert steps(rows) == [0.05, 0.05, 0.9, 0.05, 0.05]


def test_jbdtools_reads_everything_in_ascending_order(board: MakeLink, sent: Sent) -> None:
    rows = sent(client_model("jbdtools-2021").run(board("0x21")).log)[9:]
    wanted = ["w00", *(f"{n:02X}" for n in range(0x10, 0x48)), "A0", "A1", "A2", "AA", "w01"]
    assert registers(rows) == wanted


def test_jbdtools_skips_43_to_47_where_42_is_refused(scripted: MakeLink, sent: Sent) -> None:
    report = client_model("jbdtools-2021").run(scripted(refusing(0x80, 0x42)))
    rows = sent(report.log)[9:]
    tail = registers(rows)[-8:]
    assert tail == ["42", "42", "42", "A0", "A1", "A2", "AA", "w01"]
    assert report.parameters


def test_jbdtools_tries_a_refused_register_three_times_and_goes_on(
    scripted: MakeLink, sent: Sent
) -> None:
    report = client_model("jbdtools-2021").run(scripted(refusing(0x80, 0x24)))
    tries = [t for t, frame in sent(report.log) if frame == reading(0x24).hex(" ")]
    after = next(t for t, frame in sent(report.log) if frame == reading(0x25).hex(" "))
    # The error answer is two bytes short of what it waits for: every try takes its full time.
    assert [round(b - a, 2) for a, b in zip(tries, [*tries[1:], after], strict=True)] == [1.05] * 3
    assert report.parameters


@pytest.mark.parametrize("status", [0x80, 0x81, 0x83])
def test_jbdtools_gives_factory_mode_three_tries_then_leaves_with_a_box(
    status: int, scripted: MakeLink, sent: Sent
) -> None:
    report = client_model("jbdtools-2021").run(scripted(refusing(status, 0x00)))
    rows = sent(report.log)[9:]
    assert [frame for _, frame in rows] == [f.hex(" ") for f in (FE, FE, FE, FX)]
    assert steps(rows)[:2] == [0.017, 0.017]
    assert report.monitoring
    assert not report.parameters
    assert "Error reading parameter" in report.symptom


def test_jbdtools_never_sends_06_by_itself(board: MakeLink, sent: Sent) -> None:
    rows = sent(client_model("jbdtools-2021").run(board("0x17?pin=765828")).log)
    assert not [frame for _, frame in rows if frame.startswith("dd 5a 06")]


def test_jbdtools_asks_three_times_20_ms_apart_when_03_is_refused(
    scripted: MakeLink, sent: Sent
) -> None:
    report = client_model("jbdtools-2021").run(scripted(refusing(0x81, 0x03)), WATCH)
    rows = sent(report.log)
    assert registers(rows)[:5] == ["03", "03", "03", "04", "05"]
    assert steps(rows)[:2] == [0.02, 0.02]
    assert not report.monitoring


def test_jbdtools_waits_2_05_s_a_try_for_silence(scripted: MakeLink, sent: Sent) -> None:
    report = client_model("jbdtools-2021").run(scripted(lambda _: b""), WATCH)
    assert steps(sent(report.log))[:2] == [2.05, 2.05]


def test_jbdtools_retries_06_and_09_with_damaged_frames(scripted: MakeLink, sent: Sent) -> None:
    user = User(pins=("123456",), polls=1, clears_pin=True, opens_parameters=False)
    report = client_model("jbdtools-2021", pairs=True).run(
        scripted(refusing(0x83, 0x06, 0x09)), user
    )
    rows = [row for row in sent(report.log) if row[1][:8] in ("dd 5a 06", "dd 5a 09")]
    assert [frame for _, frame in rows] == [
        CLR.hex(" "), "dd 5a 09 00 ff f7 77", "dd 5a 09 00 ff f7 77",
        "dd 5a 06 07 06 01 02 03 04 05 06 ff d8 77", "dd 5a 06 00 ff fa 77",
        "dd 5a 06 01 00 ff f9 77",
    ]  # fmt: skip
    assert steps(rows[:3]) == [0.017, 0.017]


@pytest.mark.parametrize("pin", ["765828", "000000"])
def test_the_damaged_retries_never_open_or_clear_a_board(pin: str, board: MakeLink) -> None:
    link = board(f"0x17?pin={pin}")
    user = User(pins=("111111", "222222"), polls=1)
    report = client_model("jbdtools-2021", pairs=True).run(link, user)
    assert not report.parameters
    for retry in _DAMAGED_09:
        link.write(retry)
    assert link.board.device.pin_is_set  # type: ignore[attr-defined]  # the loopback's unit


def test_jbdtools_takes_a_bad_end_byte_and_the_answer_to_another_register(
    scripted: MakeLink,
) -> None:
    def shifted(data: bytes) -> bytes:
        good = refusing(0x80)(data)
        return good[:1] + bytes((good[1] ^ 1,)) + good[2:-1] + b"\x78"

    assert client_model("jbdtools-2021").run(scripted(shifted)).parameters


def test_bms_tools_clears_with_the_vendors_frame_and_then_reads(board: MakeLink) -> None:
    user = User(clears_pin=True)
    report = client_model("bms-tools-1.2.0").run(board("0x17?pin=765828"), user)
    assert report.parameters


def test_bms_tools_1_2_0_presents_six_zero_bytes_before_factory_mode(
    board: MakeLink, sent: Sent
) -> None:
    rows = sent(client_model("bms-tools-1.2.0").run(board("0x17")).log)[9:]
    wanted = [P0, FE, *(reading(register) for register in BMSTOOLS_ORDER), FX]
    assert [frame for _, frame in rows] == [frame.hex(" ") for frame in wanted]


def test_bms_tools_1_2_0_gives_up_after_five_refusals_and_never_tries_factory_mode(
    board: MakeLink, sent: Sent
) -> None:
    report = client_model("bms-tools-1.2.0").run(board("0x21"))
    rows = sent(report.log)[9:]
    assert [frame for _, frame in rows] == [P0.hex(" ")] * 5
    assert steps(rows) == [0.3] * 4
    assert report.symptom == "data, but: bad password"


def test_bms_tools_1_2_0_waits_1_3_s_a_try_for_silence(board: MakeLink, sent: Sent) -> None:
    report = client_model("bms-tools-1.2.0").run(board("0x21?answer_06=silence"))
    assert steps(sent(report.log)[9:]) == [1.3] * 4


def test_bms_tools_1_2_0_sends_a_typed_password_as_characters(board: MakeLink, sent: Sent) -> None:
    report = client_model("bms-tools-1.2.0", password="123456").run(board("0x17?pin=123456"))
    assert sent(report.log)[9][1] == "dd 5a 06 07 06 31 32 33 34 35 36 fe b8 77"
    assert not report.parameters


def test_bms_tools_1_1_4_ignores_refused_factory_mode_and_fails_at_the_first_register(
    board: MakeLink, sent: Sent
) -> None:
    report = client_model("bms-tools-1.1.4").run(board("0x17?pin=765828"))
    rows = sent(report.log)[9:]
    assert [frame for _, frame in rows] == [
        *[FE.hex(" ")] * 5, reading(0x24).hex(" "), FX.hex(" "),
    ]  # fmt: skip
    assert steps(rows)[:5] == [0.3] * 5


def test_bms_tools_accepts_a_bad_checksum(scripted: MakeLink) -> None:
    def damaged(data: bytes) -> bytes:
        good = refusing(0x80)(data)
        return good[:-3] + bytes((good[-3] ^ 0x10, good[-2])) + good[-1:]

    assert client_model("bms-tools-1.1.4").run(scripted(damaged), WATCH).monitoring
    assert not client_model("jbdtools-2021").run(scripted(damaged), WATCH).monitoring


def test_the_register_order_is_that_of_the_published_library() -> None:
    library = pytest.importorskip("bmstools.jbd", reason="bmstools is not installed")
    board = library.JBD(None)
    assert tuple(row.adx for row in board.eeprom_regs) == BMSTOOLS_ORDER
    assert bytes(board.password) == bytes(6)
