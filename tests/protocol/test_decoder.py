"""Bytes in, events out: any stream, any cutting, against a decoder that sees all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from jbd_protocol import (
    MAX_FRAME,
    BadFrame,
    Fault,
    LocalError,
    ModuleDecoder,
    ModuleFrame,
    Noise,
    ReadRequest,
    RequestDecoder,
    Response,
    ResponseDecoder,
    WriteRequest,
    checksum,
    module_checksum,
)

Event: TypeAlias = "ReadRequest | WriteRequest | Response | ModuleFrame | BadFrame | Noise"
AnyDecoder: TypeAlias = "RequestDecoder | ResponseDecoder | ModuleDecoder"
DECODERS: list[Callable[[], AnyDecoder]] = [RequestDecoder, ResponseDecoder, ModuleDecoder]
every_decoder = pytest.mark.parametrize("make", DECODERS)

small = st.binary(max_size=24)
bytes_ = st.integers(0, 255)
requests = st.builds(ReadRequest, bytes_, small) | st.builds(WriteRequest, bytes_, small)
responses = st.builds(Response, bytes_, bytes_, small)
module_frames = st.builds(ModuleFrame, bytes_, small)


def damaged(frame: bytes) -> st.SearchStrategy[bytes]:
    """Return a frame cut short, with bytes put in, or with one byte changed."""
    return st.one_of(
        st.integers(0, len(frame) - 1).map(lambda n: frame[:n]),
        st.integers(1, len(frame)).map(lambda n: frame[n:]),
        st.builds(lambda n, x: frame[:n] + x + frame[n:], st.integers(0, len(frame)), small),
        st.builds(
            lambda n, x: frame[:n] + bytes((x,)) + frame[n + 1 :],
            st.integers(0, len(frame) - 1),
            bytes_,
        ),
    )


wires = st.one_of(requests, responses, module_frames).map(lambda frame: frame.to_wire())


def borrowing(frame: bytes) -> st.SearchStrategy[list[bytes]]:
    """Return a truncated frame that borrows its missing bytes from a good one, cut where it ends.

    The good one is then half told already when it is completed.
    """
    return st.builds(
        lambda header, size: [header + bytes((size,)) + frame[: size + 3], frame[size + 3 :]],
        st.sampled_from([b"\xdd\x04\x00", b"\xdd\xa5\x04", b"\xdd\x5a\x04", b"\xff\xaa\x17"]),
        st.integers(0, max(0, len(frame) - 4)),
    )


pieces = st.one_of(
    wires,
    wires.flatmap(damaged),
    st.binary(max_size=40),
    st.lists(st.sampled_from([0xDD, 0xA5, 0x5A, 0x77, 0xFF, 0xAA, 0x00, 0x03]), max_size=16).map(
        bytes
    ),
)
streams = st.lists(pieces, max_size=8).map(b"".join)
in_pieces = st.lists(
    st.one_of(
        wires.flatmap(borrowing),
        pieces.map(lambda piece: [piece]),
        st.builds(lambda piece, at: [piece[:at], piece[at:]], pieces, st.integers(0, 12)),
    ),
    max_size=6,
).map(lambda lists: [piece for pieces in lists for piece in pieces])
cuttings = st.lists(st.integers(0, 300), max_size=12)


def cut(stream: bytes, cuts: Iterable[int]) -> list[bytes]:
    places = sorted({min(place, len(stream)) for place in cuts})
    return [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]


def merged(events: Iterable[Event]) -> list[Event]:
    """Return the events with noise that only the cutting parted put together."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, Noise) and result and isinstance(last := result[-1], Noise):
            result[-1] = Noise(last.raw + event.raw)
        else:
            result.append(event)
    return result


def decoded_whole(make: Callable[[], AnyDecoder], stream: bytes) -> list[Event]:
    """Return what a plain decoder makes of a whole stream that then falls silent."""
    return [event for _, _, event in spans(make, stream)]


def spans(make: Callable[[], AnyDecoder], stream: bytes) -> Iterator[tuple[int, int, Event]]:
    """Look at every place for a frame; yield first byte, end and event."""
    at = told = 0
    while at < len(stream):
        start = next((n for n in range(at, len(stream)) if begins(make, stream[n:])), len(stream))
        if start > told:
            yield told, start, Noise(stream[told:start])
            told = start
        at = start
        if at == len(stream):
            return
        size = announced(make, stream[at:])
        raw = stream[at : at + size]
        verdict = Fault.TRUNCATED if len(raw) < size else judge(make, raw)
        end = at + len(raw)
        if not isinstance(verdict, Fault):
            yield at, end, verdict
            at, told = end, max(told, end)
            continue
        if end > told:
            yield at, end, BadFrame(raw, verdict)
            told = end
        at += 1


def begins(make: Callable[[], AnyDecoder], rest: bytes) -> bool:
    if make is ModuleDecoder:
        return rest[:2] in (b"\xff\xaa", b"\xff") and (len(rest) == 1 or rest[1] == 0xAA)
    if make is RequestDecoder:
        return rest[0] == 0xDD and rest[1:2] in (b"", b"\xa5", b"\x5a")
    return rest[0] == 0xDD


def announced(make: Callable[[], AnyDecoder], rest: bytes) -> int:
    return (5 if make is ModuleDecoder else 7) + (rest[3] if len(rest) > 3 else 0)


def judge(make: Callable[[], AnyDecoder], raw: bytes) -> Event | Fault:
    if make is ModuleDecoder:
        good = module_checksum(raw[2:-1]) == raw[-1]
        return ModuleFrame(raw[2], raw[4:-1]) if good else Fault.CHECKSUM
    if raw[-1] != 0x77:
        return Fault.END_BYTE
    if checksum(raw[2:-3]) != int.from_bytes(raw[-3:-1], "big"):
        return Fault.CHECKSUM
    if make is ResponseDecoder:
        return Response(raw[1], raw[2], raw[4:-3])
    return (ReadRequest if raw[1] == 0xA5 else WriteRequest)(raw[2], raw[4:-3])


@pytest.mark.slow
@every_decoder
@settings(max_examples=200)
@given(stream=streams, cuts=cuttings)
@example(stream=b"\xdd", cuts=[])
@example(stream=b"\xff", cuts=[])
@example(stream=b"\xdd\xdd\xa5\x03\x00\xff\xfd\x77", cuts=[1])
@example(stream=b"\xff\xff\xaa\x17\x00\x17", cuts=[1, 2])
@example(stream=b"\xdd\x03\x00\xff" + Response(0x04, 0, b"\x0d\x66").to_wire(), cuts=[4])
def test_any_stream_in_any_cutting_gives_the_events_of_the_whole(
    make: Callable[[], AnyDecoder], stream: bytes, cuts: list[int]
) -> None:
    decoder = make()
    events: list[Event] = []
    for piece in cut(stream, cuts):
        events += decoder.receive(piece)
        assert decoder.pending <= MAX_FRAME
    events += decoder.flush()
    assert decoder.pending == 0
    assert merged(events) == decoded_whole(make, stream)
    whole = make()
    assert merged([*whole.receive(stream), *whole.flush()]) == merged(events)


@pytest.mark.slow
@every_decoder
@given(cut_stream=in_pieces)
def test_pieces_that_end_where_frames_end_give_the_events_of_the_whole(
    make: Callable[[], AnyDecoder], cut_stream: list[bytes]
) -> None:
    decoder = make()
    events: list[Event] = []
    for piece in cut_stream:
        events += decoder.receive(piece)
        assert decoder.pending <= MAX_FRAME
    assert merged([*events, *decoder.flush()]) == decoded_whole(make, b"".join(cut_stream))


@pytest.mark.slow
@every_decoder
@given(stream=streams)
def test_byte_by_byte_gives_the_events_of_the_whole(
    make: Callable[[], AnyDecoder], stream: bytes
) -> None:
    decoder = make()
    events: list[Event] = []
    for byte in stream:
        events += decoder.receive(bytes((byte,)))
        assert decoder.pending <= MAX_FRAME
    assert merged([*events, *decoder.flush()]) == decoded_whole(make, stream)


@pytest.mark.slow
@every_decoder
@given(before=streams, after=streams)
def test_flush_is_silence_and_what_comes_then_starts_anew(
    make: Callable[[], AnyDecoder], before: bytes, after: bytes
) -> None:
    decoder = make()
    first = [*decoder.receive(before), *decoder.flush()]
    assert decoder.pending == 0
    assert decoder.flush() == []
    second = [*decoder.receive(after), *decoder.flush()]
    assert merged(first) == decoded_whole(make, before)
    assert merged(second) == decoded_whole(make, after)


@pytest.mark.slow
@every_decoder
@given(stream=streams)
def test_no_byte_is_lost(make: Callable[[], AnyDecoder], stream: bytes) -> None:
    decoder = make()
    events = merged([*decoder.receive(stream), *decoder.flush()])
    end_of_told = 0
    for event, (start, end, expected) in zip(events, spans(make, stream), strict=True):
        assert event == expected
        raw = event.raw if isinstance(event, (BadFrame, Noise)) else event.to_wire()
        assert raw == stream[start:end]
        assert start <= end_of_told
        end_of_told = max(end_of_told, end)
    assert end_of_told == len(stream)


@pytest.mark.slow
@given(noise=streams, frame=requests, behind=streams)
def test_a_good_request_is_found_behind_noise_and_a_pause(
    noise: bytes, frame: ReadRequest | WriteRequest, behind: bytes
) -> None:
    decoder = RequestDecoder()
    decoder.receive(noise)
    decoder.flush()
    assert decoder.receive(frame.to_wire() + behind)[:1] == [frame]


@pytest.mark.slow
@given(noise=streams, frame=responses, behind=streams)
def test_a_good_response_is_found_behind_noise_and_a_pause(
    noise: bytes, frame: Response, behind: bytes
) -> None:
    decoder = ResponseDecoder()
    decoder.receive(noise)
    decoder.flush()
    assert decoder.receive(frame.to_wire() + behind)[:1] == [frame]


@pytest.mark.slow
@given(noise=streams, frame=module_frames, behind=streams)
def test_a_good_module_frame_is_found_behind_noise_and_a_pause(
    noise: bytes, frame: ModuleFrame, behind: bytes
) -> None:
    decoder = ModuleDecoder()
    decoder.receive(noise)
    decoder.flush()
    assert decoder.receive(frame.to_wire() + behind)[:1] == [frame]


ANSWER = Response(0x04, 0, bytes.fromhex("0d660d610d680d59"))


@pytest.mark.parametrize(
    ("noise", "reason"),
    [
        (ANSWER.to_wire()[:-4], Fault.TRUNCATED),
        (ANSWER.to_wire()[:-1] + b"\x00", Fault.END_BYTE),
        (ANSWER.to_wire()[:5] + b"\x00" + ANSWER.to_wire()[6:], Fault.CHECKSUM),
        (b"\xdd\x04\x00\xff" + ANSWER.to_wire()[4:], Fault.TRUNCATED),
        (b"\xdd\x04\x00\x02" + ANSWER.to_wire()[4:], Fault.END_BYTE),
    ],
    ids=["truncated", "bad end", "bad checksum", "length too long", "length too short"],
)
def test_the_good_frame_behind_a_damaged_one_is_not_lost(noise: bytes, reason: Fault) -> None:
    decoder = ResponseDecoder()
    events = [*decoder.receive(noise + ANSWER.to_wire()), *decoder.flush()]
    assert [event for event in events if isinstance(event, Response)] == [ANSWER]
    first = events[0]
    assert isinstance(first, BadFrame)
    # A truncated frame borrows what it lacks from the good one, so its end byte is wrong.
    assert first.reason in (reason, Fault.END_BYTE)


def test_a_damaged_frame_is_told_once_and_not_again_as_noise() -> None:
    bad = ANSWER.to_wire()[:-1] + b"\x00"
    assert ResponseDecoder().receive(bad) == [BadFrame(bad, Fault.END_BYTE)]
    # The checksum is told with it, though it is noise to the next frame.
    module_bad = bytes.fromhex("ffaa15010015")
    assert ModuleDecoder().receive(module_bad) == [BadFrame(module_bad, Fault.CHECKSUM)]


def test_noise_behind_a_frame_that_was_half_told_with_a_bad_one_is_told() -> None:
    good = Response(0x04).to_wire()
    decoder = ResponseDecoder()
    bad = b"\xdd\x04\x00\x02" + good[:5]
    assert decoder.receive(bad) == [BadFrame(bad, Fault.END_BYTE)]
    assert decoder.receive(good[5:]) == [Response(0x04)]
    assert decoder.receive(b"\x01\x02\x03") == [Noise(b"\x01\x02\x03")]


@pytest.mark.parametrize(
    "frame",
    [
        ReadRequest(0x03),
        ReadRequest(0x00, b"\0\0"),
        WriteRequest(0xDD, b"\xdd\x5a\x77"),
        WriteRequest(0xFA, bytes(range(255))),
        ANSWER,
        Response(0xDD, 0xDD, b"\xdd\xdd\x77"),
        Response(0x04, 0, b"\xdd" * 255),
        ModuleFrame(0xFF, b"\xff\xaa"),
        ModuleFrame(0x17),
    ],
    ids=repr,
)
def test_a_frame_is_found_whole_byte_by_byte_and_with_bytes_behind(
    frame: ReadRequest | WriteRequest | Response | ModuleFrame,
) -> None:
    def fresh() -> AnyDecoder:
        if isinstance(frame, ModuleFrame):
            return ModuleDecoder()
        return ResponseDecoder() if isinstance(frame, Response) else RequestDecoder()

    wire = frame.to_wire()
    assert fresh().receive(wire) == [frame]
    decoder = fresh()
    singly = [event for byte in wire for event in decoder.receive(bytes((byte,)))]
    assert singly == [frame]
    assert fresh().receive(wire + wire) == [frame, frame]
    behind = fresh()
    assert behind.receive(wire + b"\x00\x00" + wire[:3]) == [frame, Noise(b"\x00\x00")]
    assert behind.pending == 3
    assert behind.receive(wire[3:]) == [frame]


@pytest.mark.parametrize("length", range(1, 5))
@given(frames=st.lists(requests | responses, min_size=1, max_size=3), cuts=cuttings, data=st.data())
def test_a_callback_id_belongs_to_the_frame_before_it(
    length: int,
    frames: list[ReadRequest | WriteRequest | Response],
    cuts: list[int],
    data: st.DataObject,
) -> None:
    for kind, decoder in (
        ((ReadRequest, WriteRequest), RequestDecoder(callback_id_length=length)),
        ((Response,), ResponseDecoder(callback_id_length=length)),
    ):
        sent = [frame for frame in frames if isinstance(frame, kind)]
        for frame in sent:
            frame.callback_id = data.draw(st.binary(min_size=length, max_size=length))
        events: list[Event] = []
        for piece in cut(b"".join(frame.to_wire() for frame in sent), cuts):
            events += decoder.receive(piece)
            assert decoder.pending <= MAX_FRAME
        assert events == sent
        assert decoder.pending == 0


def test_a_frame_with_the_longest_callback_id_fits_the_bound() -> None:
    frame = Response(0xFA, 0, bytes(255), b"ABCD")
    decoder = ResponseDecoder(callback_id_length=4)
    wire = frame.to_wire()
    assert len(wire) == MAX_FRAME
    assert decoder.receive(wire[:-1]) == []
    assert decoder.pending == MAX_FRAME - 1
    assert decoder.receive(wire[-1:]) == [frame]


@pytest.mark.parametrize("length", [-1, 5])
@pytest.mark.parametrize("make", [RequestDecoder, ResponseDecoder])
def test_a_callback_id_has_at_most_four_bytes(
    make: type[RequestDecoder] | type[ResponseDecoder], length: int
) -> None:
    with pytest.raises(LocalError, match=f"callback_id_length {length}"):
        make(callback_id_length=length)


@every_decoder
def test_reset_forgets_what_was_held_back(make: Callable[[], AnyDecoder]) -> None:
    wire = (ModuleFrame(0x17) if make is ModuleDecoder else ReadRequest(0x03)).to_wire()
    decoder = make()
    decoder.receive(wire[:3])
    assert decoder.pending == 3
    decoder.reset()
    assert decoder.pending == 0
    assert decoder.flush() == []
    [event] = decoder.receive(wire)[:1]
    assert not isinstance(event, (BadFrame, Noise))


@every_decoder
def test_a_long_hostile_stream_costs_no_memory(make: Callable[[], AnyDecoder]) -> None:
    decoder = make()
    for hostile in (b"\xdd", b"\xff\xaa\xff\xff", b"\xdd\x5a\xff\xff"):
        decoder.receive(hostile * 5_000)
        assert decoder.pending <= MAX_FRAME
