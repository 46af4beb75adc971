"""Frames in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    CLEAR_PIN,
    ENTER_FACTORY,
    BadFrame,
    Fault,
    Noise,
    PinEncoding,
    ReadRequest,
    Request,
    Response,
    WriteRequest,
    change_pin,
    describe,
    encode_pin,
    pair,
)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (ReadRequest(0x03), "read basic information"),
        (ReadRequest(0x00, b"\0\0"), "read front-end chip with data 00 00"),
        (ReadRequest(0x80), "read register 0x80"),
        (ENTER_FACTORY, "write enter factory mode: code 0x5678"),
        (WriteRequest(0x24, b"\x0e\x42"), "write cell over-voltage: covp 3650 mV"),
        (WriteRequest(0x24), "write cell over-voltage: no data"),
        (WriteRequest(0x80), "write register 0x80: no data"),
        (WriteRequest(0x80, b"\x01"), "write register 0x80: data 01"),
        (pair(encode_pin("123456")), "pair: present the PIN: 123456 as digits"),
        (
            change_pin(encode_pin("765828"), encode_pin("123456", PinEncoding.ASCII)),
            "change the PIN: 765828 as digits to 123456 as ascii",
        ),
        (pair(b"\xff\x01"), "pair: present the PIN: ff 01"),
        (CLEAR_PIN, "clear the PIN: the clear word"),
        (WriteRequest(0x06), "pair: present the PIN: malformed, 0 bytes"),
        (WriteRequest(0x06, b"\x07123456"), "pair: present the PIN: malformed, 7 bytes"),
        (WriteRequest(0x09, b"\x07J1B2D4"), "clear the PIN: malformed, 7 bytes"),
        (Response(0x06, 0x80), "pair: present the PIN: 0x80 no such command"),
        (Response(0x06, 0x5C), "pair: present the PIN: 0x5C unlisted status"),
        (Response(0x00), "enter factory mode: done"),
        (
            Response(0x00, 0x81),
            "enter factory mode: 0x81 invalid: not in factory mode, or password",
        ),
        (Response(0x00, 0, b"\x00\x05"), "front-end chip: chip 5"),
        (Response(0x24, 0, b"\x0e\x42"), "cell over-voltage: covp 3650 mV"),
        (Response(0x24), "cell over-voltage: done"),
        (Response(0x04, 0, b"\x0d\x66\x0d\x61"), "cell voltages: cells 3430, 3425 mV"),
        (Response(0x04, 0, b"\x0d"), "cell voltages: half a cell"),
        (Response(0x80), "register 0x80: done"),
        (BadFrame(b"\xdd\x03", Fault.TRUNCATED), "invalid, truncated (2 bytes)"),
        (Noise(b"\x00"), "noise (1 bytes)"),
    ],
    ids=repr,
)
def test_a_frame_is_said_in_one_line(
    event: Request | Response | BadFrame | Noise, text: str
) -> None:
    assert describe(event) == text


@given(address=st.integers(0, 255), data=st.binary(max_size=255), status=st.integers(0, 255))
def test_any_frame_can_be_described(address: int, data: bytes, status: int) -> None:
    for event in (
        ReadRequest(address, data),
        WriteRequest(address, data),
        Response(address, 0, data),
        Response(address, status, data),
    ):
        assert describe(event)
