"""The client: one request at a time, repeated, checked, and nothing strange swallowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from jbd_bench import BmsClient, Clock, Link, Tap, open_target
from jbd_protocol import (
    BadFrame,
    Fault,
    ForeignAnswer,
    LateAnswer,
    LocalError,
    Noise,
    PinEncoding,
    ReadRequest,
    ReplyTimeout,
    RequestRefused,
    Response,
)

Connect = Callable[[str], BmsClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    links: list[Link] = []

    def connect(target: str) -> BmsClient:
        links.append(open_target(target))
        return BmsClient(Tap(links[-1]))

    yield connect
    for link in links:
        link.close()


def written(client: BmsClient) -> list[str]:
    """Return the requests a client sent, as hexadecimal text."""
    assert isinstance(client.link, Tap)
    return [p.data.hex(" ").upper() for p in client.link.traffic.pieces if p.direction == ">"]


def test_monitoring_reads_as_values(connect: Connect) -> None:
    client = connect("emulator:0x21?board=8s")
    info = client.basic_info()
    assert (info.version_text, info.cells) == ("2.1", 8)
    assert len(client.cell_voltages()) == 8
    assert client.board_name() == "JBD-SP10S009-L8S-100A-B-K"
    assert len(client.error_counters().counts) == 12
    assert client.unexpected == []


def test_a_setting_is_written_by_name_and_read_with_its_unit(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with client.factory_mode():
        client.write_setting("covp", 3600)
        assert client.setting("covp")["covp"] == (3600, "mV")
        assert client.setting(0x24)["covp"].value == 3600


def test_half_a_packed_setting_is_written_over_what_the_board_holds(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with client.factory_mode():
        before = client.setting("cell_v_delays")
        client.write_setting("cell_v_delays", covp_delay=9)
        after = client.setting("cell_v_delays")
    assert after["covp_delay"].value == 9
    assert after["cuvp_delay"] == before["cuvp_delay"]


def test_factory_mode_is_left_with_a_save_when_asked(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with client.factory_mode(save=True):
        pass
    assert written(client)[-1] == "DD 5A 01 02 28 28 FF AD 77"


def test_factory_mode_is_left_without_saving_after_an_error(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with pytest.raises(ZeroDivisionError), client.factory_mode(save=True):
        _ = 1 // 0
    assert written(client)[-1] == "DD 5A 01 02 00 00 FF FD 77"
    with pytest.raises(RequestRefused):
        client.setting("covp")


def test_a_refusal_names_register_and_status(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with pytest.raises(RequestRefused) as caught:
        client.setting("covp")
    assert (caught.value.register, caught.value.status) == (0x24, 0x81)


def test_a_refusal_is_an_answer_to_exchange(connect: Connect) -> None:
    answer = connect("emulator:0x21").exchange(ReadRequest(0x24))
    assert answer == Response(0x24, 0x81)


def test_silence_is_repeated_and_then_an_error(connect: Connect) -> None:
    client = connect("emulator:0x21?answer_04=silence")
    with pytest.raises(ReplyTimeout) as caught:
        client.cell_voltages()
    assert (caught.value.register, caught.value.tries) == (0x04, 3)
    assert written(client) == ["DD A5 04 00 FF FC 77"] * 3
    assert client.link.clock.now_s() == 3.0


def test_silence_is_none_to_exchange(connect: Connect) -> None:
    assert connect("emulator:0x21?answer_04=silence").exchange(ReadRequest(0x04)) is None


def test_the_first_request_to_a_sleeping_board_is_repeated(connect: Connect) -> None:
    client = connect("emulator:0x21?sleep=1")
    assert client.basic_info().version == 0x21
    assert len(written(client)) == 2


def test_a_late_answer_is_not_taken_for_the_next_one(connect: Connect) -> None:
    client = connect("emulator:0x21?answer_05=delay-5")
    with pytest.raises(ReplyTimeout):
        client.board_name()
    link = client.link
    link.clock.sleep_until(link.clock.now_s() + 4.0)
    assert client.basic_info().version == 0x21
    assert isinstance(client.unexpected[0], LateAnswer)


def test_a_damaged_answer_is_kept_and_the_request_repeated(connect: Connect) -> None:
    client = connect("emulator:0x21?answer_04=bad-checksum")
    assert client.exchange(ReadRequest(0x04)) is None
    faults = [event.reason for event in client.unexpected if isinstance(event, BadFrame)]
    assert faults == [Fault.CHECKSUM] * 3


def test_latency_is_that_of_the_answer(connect: Connect) -> None:
    client = connect("emulator:0x21?answer_03=delay-0.25")
    client.basic_info()
    assert client.latency_s == pytest.approx(0.25)


class Careful(Tap):
    """Looks at the board before it lets bytes go, as a guard does; then sending takes its time."""

    left_s = 0.0

    def write(self, data: bytes) -> None:
        self.clock.sleep_until(self.clock.now_s() + 1.5)
        self.left_s = self.clock.now_s()
        super().write(data)
        self.clock.sleep_until(self.left_s + 0.125)


def test_patience_begins_when_the_bytes_have_left(connect: Connect) -> None:
    client = connect("emulator:0x21?answer_03=delay-0.25")
    client = client.over(Careful(client.link))
    client.basic_info()
    client.drain(client.link.clock.now_s() + 2.0)
    assert written(client) == ["DD A5 03 00 FF FD 77"]
    assert client.latency_s == pytest.approx(0.25)
    assert client.unexpected == []


def test_a_pin_is_presented_changed_and_cleared(connect: Connect) -> None:
    client = connect("emulator:0x17?pin=123456")
    with pytest.raises(RequestRefused) as caught:
        client.pair()
    assert caught.value.status == 0x83
    client.pair("123456")
    client.change_pin("123456", "654321")
    client.pair("654321")
    client.clear_pin()
    client.pair()


def test_a_pin_of_characters_is_told_from_one_of_numbers(connect: Connect) -> None:
    client = connect("emulator:0x17?pin=123456&pin_encoding=ascii")
    with pytest.raises(RequestRefused):
        client.pair("123456")
    client.pair("123456", PinEncoding.ASCII)
    client.pair(b"123456")


def test_an_unknown_setting_is_the_callers_mistake(connect: Connect) -> None:
    client = connect("emulator:0x21")
    with pytest.raises(LocalError, match="no such name"):
        client.setting("nonsense")
    with pytest.raises(LocalError):
        client.write_setting("covp", 70_000)


class Script:
    """A link that answers from a list, on a clock that stands still unless waited for."""

    name = "script:"

    def __init__(self, *pieces: bytes) -> None:
        self.clock: Clock = self
        self._pieces = list(pieces)
        self._now_s = 0.0

    def now_s(self) -> float:
        return self._now_s

    def sleep_until(self, when_s: float) -> None:
        self._now_s = max(self._now_s, when_s)

    def write(self, data: bytes) -> None:
        pass

    def read(self, until_s: float) -> bytes:
        if self._pieces:
            return self._pieces.pop(0)
        self.sleep_until(until_s)
        return b""

    def reconnect(self) -> None:
        pass

    def close(self) -> None:
        pass


def test_an_answer_of_another_register_is_foreign() -> None:
    client = BmsClient(Script(Response(0x05, 0, b"x").to_wire(), Response(0x04).to_wire()))
    assert client.exchange(ReadRequest(0x04)) == Response(0x04)
    assert client.unexpected == [ForeignAnswer(Response(0x05, 0, b"x"))]


def test_an_answer_in_pieces_with_noise_before_it_is_found() -> None:
    wire = Response(0x04, 0, b"\x0c\xe4").to_wire()
    client = BmsClient(Script(b"\x00" + wire[:4], wire[4:7], wire[7:]))
    assert client.read(0x04) == b"\x0c\xe4"
    assert client.unexpected == [Noise(b"\x00")]


def test_what_comes_unasked_is_drained() -> None:
    client = BmsClient(Script(Response(0x05).to_wire(), b"\x00"))
    client.drain()
    assert client.unexpected == [ForeignAnswer(Response(0x05)), Noise(b"\x00")]
