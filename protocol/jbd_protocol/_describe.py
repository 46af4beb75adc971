"""Frames in words, for traces, logs and people."""

from __future__ import annotations

from ._errors import PayloadError
from ._evidence import status_name
from ._frames import BadFrame, Noise, ReadRequest, Request, Response, WriteRequest
from ._passwords import decode_pin
from ._payloads import Payload, decode_payload, decode_request
from ._registers import CLEAR_MAGIC, register


def describe(event: Request | Response | BadFrame | Noise) -> str:
    """Return one line that says what a frame means, without its bytes."""
    if isinstance(event, (BadFrame, Noise)):
        why = f"invalid, {event.reason}" if isinstance(event, BadFrame) else "noise"
        return f"{why} ({len(event.raw)} bytes)"
    if isinstance(event, Response):
        # The answer does not say what it answers: data were read, an empty one was a write
        # (0x00 is two commands).
        row = register(event.register, write=not event.data)
        name = row.title if row else f"register 0x{event.register:02X}"
        if event.status:
            return f"{name}: {status_name(event.status)}"
        try:
            shown = _values(decode_payload(event.register, event.data))
        except PayloadError as error:
            shown = error.why
        return f"{name}: {shown or 'done'}"
    return _request(event)


def _request(event: Request) -> str:
    row = register(event.register, write=isinstance(event, WriteRequest))
    name = row.title if row else f"register 0x{event.register:02X}"
    if isinstance(event, ReadRequest):
        return f"read {name}" + (f" with data {event.data.hex(' ')}" if event.data else "")
    if event.register in (0x06, 0x07, 0x09):
        return f"{name}: {_password(event.data)}"
    return f"write {name}: {_values(decode_request(event)) or 'no data'}"


def _password(data: bytes) -> str:
    body = data[1:]
    if not data or len(body) != data[0]:
        return f"malformed, {len(data)} bytes"
    if body == CLEAR_MAGIC:
        return "the clear word"
    parts = [body[:6], body[6:]] if len(body) == 12 else [body]
    pins = [decode_pin(part) for part in parts]
    return " to ".join(
        f"{pin[0]} as {pin[1]}" if pin else part.hex(" ")
        for pin, part in zip(pins, parts, strict=True)
    )


def _values(payload: Payload) -> str:
    return ", ".join(f"{name} {value}" for name, value in payload.values().items())
