"""Every error, provoked through the public door, with the fields a caller asserts on."""

from __future__ import annotations

import pytest

from jbd_protocol import (
    ClientMachine,
    Fault,
    FrameError,
    GaveUp,
    JbdError,
    LocalError,
    PayloadError,
    ReadRequest,
    RemoteError,
    ReplyTimeout,
    RequestRefused,
    Response,
    Status,
    decode_response,
    parse_response,
)


def test_the_tree_says_whose_fault_it_is() -> None:
    assert issubclass(LocalError, (JbdError, ValueError))
    assert issubclass(RemoteError, JbdError)
    for error in (FrameError, PayloadError, RequestRefused):
        assert issubclass(error, RemoteError)
    assert issubclass(ReplyTimeout, JbdError)
    assert issubclass(ReplyTimeout, TimeoutError)
    assert not issubclass(LocalError, RemoteError)


def test_a_local_error_is_also_a_value_error() -> None:
    with pytest.raises(ValueError, match="register 256") as caught:
        ReadRequest(256).to_wire()
    assert isinstance(caught.value, LocalError)


@pytest.mark.parametrize("raw", [b"", b"\xdd\x04\x00\x02\x0d\x66\xff\x8b\x78"])
def test_a_frame_error_keeps_the_reason_and_the_bytes(raw: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        parse_response(raw)
    assert caught.value.reason is (Fault.END_BYTE if raw else Fault.HEADER)
    assert caught.value.raw == raw
    assert str(caught.value) == f"{caught.value.reason}: {raw.hex(' ') or 'no bytes'}"


@pytest.mark.parametrize("payload", [b"", b"\x0d"])
def test_a_payload_error_keeps_the_register_and_the_bytes(payload: bytes) -> None:
    with pytest.raises(PayloadError) as caught:
        decode_response(Response(0x03, 0, payload))
    assert (caught.value.register, caught.value.payload) == (0x03, payload)
    assert caught.value.why == f"basic info of {len(payload)} bytes, 23 are the least"
    assert str(caught.value).endswith(payload.hex() or "no data")


@pytest.mark.parametrize("status", [Status.INVALID, 0x5C])
def test_a_refusal_keeps_the_register_and_the_status_also_an_unlisted_one(status: int) -> None:
    answer = parse_response(Response(0x24, status).to_wire())
    error = RequestRefused(answer.register, answer.status)
    assert (error.register, error.status) == (0x24, status)
    assert str(error).startswith(f"register 0x24 refused: 0x{status:02X} ")


@pytest.mark.parametrize("retries", [0, 2])
def test_a_timeout_keeps_the_register_the_tries_and_the_time(retries: int) -> None:
    client = ClientMachine(timeout_s=0.5, retries=retries)
    client.request(ReadRequest(0x03), 0.0)
    for second in range(retries + 1):
        [event] = client.advance_to(second + 1.0)
    assert isinstance(event, GaveUp)
    error = ReplyTimeout(event.request.register, event.tries, client.timeout_s)
    assert (error.register, error.tries, error.timeout_s) == (0x03, retries + 1, 0.5)
    requests = "1 request" if retries == 0 else "3 requests"
    assert str(error) == f"register 0x03: no answer to {requests} of 0.5 s each"
