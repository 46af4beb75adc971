"""Frames as values: encoding, parsing one alone, and what a frame cannot hold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    MAX_DATA,
    Fault,
    FrameError,
    LocalError,
    ModuleFrame,
    ReadRequest,
    Response,
    UpFrame,
    WriteRequest,
    checksum,
    crc16_modbus,
    module_checksum,
    parse_module_frame,
    parse_request,
    parse_response,
    parse_up_frame,
)

bytes_ = st.integers(0, 255)
data = st.binary(max_size=MAX_DATA)
callback_ids = st.binary(max_size=4)


@given(register=bytes_, data=data, callback_id=callback_ids, write=st.booleans())
def test_a_request_parses_back_to_itself(
    register: int, data: bytes, callback_id: bytes, write: bool
) -> None:
    request = (WriteRequest if write else ReadRequest)(register, data, callback_id)
    wire = request.to_wire()
    parsed = parse_request(wire, callback_id_length=len(callback_id))
    assert (parsed, type(parsed)) == (request, type(request))
    assert parsed.to_wire() == wire


@given(register=bytes_, status=bytes_, data=data, callback_id=callback_ids)
def test_a_response_parses_back_to_itself(
    register: int, status: int, data: bytes, callback_id: bytes
) -> None:
    response = Response(register, status, data, callback_id)
    wire = response.to_wire()
    assert parse_response(wire, callback_id_length=len(callback_id)) == response


@given(command=bytes_, data=data)
def test_a_module_frame_parses_back_to_itself(command: int, data: bytes) -> None:
    frame = ModuleFrame(command, data)
    assert parse_module_frame(frame.to_wire()) == frame


@given(st.builds(UpFrame, bytes_, bytes_, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), data))
def test_an_up_frame_parses_back_to_itself(frame: UpFrame) -> None:
    assert parse_up_frame(frame.to_wire()) == frame


@given(raw=st.binary(max_size=300), length=st.integers(0, 4))
def test_any_bytes_parse_to_a_frame_that_encodes_to_them_or_to_a_frame_error(
    raw: bytes, length: int
) -> None:
    parsers: list[Callable[[bytes], Encodable]] = [
        partial(parse_request, callback_id_length=length),
        partial(parse_response, callback_id_length=length),
        parse_module_frame,
        parse_up_frame,
    ]
    for parse in parsers:
        result = frame_or_error(parse, raw)
        if isinstance(result, FrameError):
            assert result.raw == raw
            assert isinstance(result.reason, Fault)
        else:
            assert result.to_wire() == raw


class Encodable(Protocol):
    def to_wire(self) -> bytes: ...


def frame_or_error(parse: Callable[[bytes], Encodable], raw: bytes) -> Encodable | FrameError:
    try:
        return parse(raw)
    except FrameError as error:
        return error


GOOD_REQUEST = ReadRequest(0x03).to_wire()
GOOD_RESPONSE = Response(0x04, 0, b"\x0d\x66").to_wire()
GOOD_MODULE = ModuleFrame(0x17).to_wire()
GOOD_UP = UpFrame(1, 0x78, 0x1000, 0x10A0, b"\x00\x01").to_wire()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Fault.HEADER),
        (b"\xdd", Fault.TRUNCATED),
        (b"\xdd\xa5", Fault.TRUNCATED),
        (b"\xde" + GOOD_REQUEST[1:], Fault.HEADER),
        (b"\xdd\x03" + GOOD_REQUEST[2:], Fault.HEADER),
        (GOOD_REQUEST[:-1], Fault.TRUNCATED),
        (b"\xdd\xa5\x03\x01\xff\xfd\x77", Fault.TRUNCATED),
        (GOOD_REQUEST + b"\x00", Fault.LENGTH),
        (GOOD_REQUEST[:-1] + b"\x78", Fault.END_BYTE),
        (b"\xdd\xa5\x03\x00\xff\xfc\x77", Fault.CHECKSUM),
    ],
)
def test_what_is_wrong_with_a_request_is_named(raw: bytes, reason: Fault) -> None:
    with pytest.raises(FrameError) as caught:
        parse_request(raw)
    assert (caught.value.reason, caught.value.raw) == (reason, raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Fault.HEADER),
        (b"\xdd", Fault.TRUNCATED),
        (b"\x00" + GOOD_RESPONSE, Fault.HEADER),
        (GOOD_RESPONSE[:-1], Fault.TRUNCATED),
        (GOOD_RESPONSE + b"\x00", Fault.LENGTH),
        (GOOD_RESPONSE[:-1] + b"\x78", Fault.END_BYTE),
        (GOOD_RESPONSE[:-2] + b"\x00\x77", Fault.CHECKSUM),
    ],
)
def test_what_is_wrong_with_a_response_is_named(raw: bytes, reason: Fault) -> None:
    with pytest.raises(FrameError) as caught:
        parse_response(raw)
    assert (caught.value.reason, caught.value.raw) == (reason, raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Fault.HEADER),
        (b"\xff\xab\x17\x00\x17", Fault.HEADER),
        (b"\xff\xaa\x17\x00", Fault.TRUNCATED),
        (b"\xff\xaa\x17\x01\x17", Fault.TRUNCATED),
        (GOOD_MODULE + b"\x00", Fault.LENGTH),
        (GOOD_MODULE[:-1] + b"\x18", Fault.CHECKSUM),
    ],
)
def test_what_is_wrong_with_a_module_frame_is_named(raw: bytes, reason: Fault) -> None:
    with pytest.raises(FrameError) as caught:
        parse_module_frame(raw)
    assert (caught.value.reason, caught.value.raw) == (reason, raw)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Fault.TRUNCATED),
        (GOOD_UP[:-1], Fault.TRUNCATED),
        (GOOD_UP + b"\x00", Fault.LENGTH),
        (GOOD_UP[:-1] + bytes((GOOD_UP[-1] ^ 1,)), Fault.CHECKSUM),
    ],
)
def test_what_is_wrong_with_an_up_frame_is_named(raw: bytes, reason: Fault) -> None:
    with pytest.raises(FrameError) as caught:
        parse_up_frame(raw)
    assert (caught.value.reason, caught.value.raw) == (reason, raw)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (ReadRequest(256), "register 256: must be 0 to 255"),
        (ReadRequest(-1), "register -1: must be 0 to 255"),
        (WriteRequest(0x10, bytes(256)), "data of 256 bytes: a frame carries 0 to 255"),
        (WriteRequest(0x10, b"", b"12345"), "callback_id of 5 bytes: must be 0 to 4"),
        (Response(256), "register 256: must be 0 to 255"),
        (Response(0x03, 256), "status 256: must be 0 to 255"),
        (Response(0x03, 0, bytes(256)), "data of 256 bytes: a frame carries 0 to 255"),
        (Response(0x03, 0, b"", b"12345"), "callback_id of 5 bytes: must be 0 to 4"),
        (ModuleFrame(256), "module command 256 of 0 bytes: 0 to 255 each"),
        (ModuleFrame(0x17, bytes(256)), "module command 23 of 256 bytes: 0 to 255 each"),
    ],
)
def test_a_frame_that_cannot_be_encoded_is_the_callers_error(
    frame: ReadRequest | WriteRequest | Response | ModuleFrame, text: str
) -> None:
    with pytest.raises(LocalError) as caught:
        frame.to_wire()
    assert str(caught.value) == text


@pytest.mark.parametrize(
    "frame",
    [
        UpFrame(256, 0x78, 0, 0),
        UpFrame(1, -1, 0, 0),
        UpFrame(1, 0x78, 0x10000, 0),
        UpFrame(1, 0x78, 0, -1),
        UpFrame(1, 0x78, 0, 0, bytes(0x10000)),
    ],
    ids=["address", "function", "first", "last", "data"],
)
def test_an_up_frame_that_cannot_be_encoded_is_the_callers_error(frame: UpFrame) -> None:
    with pytest.raises(LocalError, match=r"^UP frame: "):
        frame.to_wire()


def test_frames_are_values() -> None:
    assert Response(0x03, 0, b"\x01") == Response(0x03, 0, b"\x01")
    assert len({ReadRequest(0x03), ReadRequest(0x03), ReadRequest(0x04)}) == 2
    assert len({ReadRequest(0x03), WriteRequest(0x03)}) == 2
    assert (
        repr(Response(0x10, 0x80)) == "Response(register=16, status=128, data=b'', callback_id=b'')"
    )


def test_the_acknowledgement_of_a_write_has_a_checksum_of_zero() -> None:
    assert checksum(b"\x00\x00") == 0
    assert Response(0x10).to_wire().hex(" ") == "dd 10 00 00 00 00 77"


def test_the_sums_are_those_of_known_frames() -> None:
    assert checksum(b"\x03\x00") == 0xFFFD
    assert checksum(b"\xff" * 257) == 0x10000 * 2 - 255 * 257 & 0xFFFF
    assert module_checksum(b"\x17\x01\x62") == 0x7A
    assert crc16_modbus(b"123456789") == 0x4B37
