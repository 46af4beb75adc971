"""Every golden frame decodes to the values printed beside it and encodes back to its bytes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jbd_protocol import (
    BadFrame,
    Fault,
    FrameError,
    ModuleDecoder,
    ModuleFrame,
    Noise,
    PayloadError,
    Quantity,
    ReadRequest,
    RequestDecoder,
    Response,
    ResponseDecoder,
    WriteRequest,
    decode_payload,
    decode_pin,
    decode_request,
    obfuscate,
    parse_module_frame,
    parse_request,
    parse_response,
    reveal,
)

pytestmark = pytest.mark.shared

Vector: TypeAlias = "dict[str, Any]"  # Any: JSON of the reference data, judged by comparison
Shown: TypeAlias = "dict[str, tuple[object, str]]"
Frame: TypeAlias = "ReadRequest | WriteRequest | Response | ModuleFrame"

A5_ECHO = {"CA255-a5-rsp": 0x03, "CA256-a5-rsp": 0x04, "CA257-a5-rsp": 0x05}
"""A board of 2018 echoes A5: the register that was asked for."""

FAULTY = {
    # Printed or posted with a wrong checksum.
    "VD003-03-rsp": Fault.LENGTH,
    "VD024-0f-req": Fault.CHECKSUM,
    "VD027-f6-rsp": Fault.TRUNCATED,
    "VD030-fc-req": Fault.TRUNCATED,
    "CA248-00-rsp": Fault.CHECKSUM,
    "PT009-04-rsp": Fault.CHECKSUM,
    "PT011-ffaa-15-rsp": Fault.CHECKSUM,
    "PT020-e1-rsp": Fault.CHECKSUM,
    "PT022-10-rsp": Fault.CHECKSUM,
    "PT023-03-req": Fault.CHECKSUM,
    "PT024-03-req": Fault.CHECKSUM,
    "PT025-04-req": Fault.CHECKSUM,
    # The checksum is right, something else is not.
    "VD012-aa-rsp": Fault.TRUNCATED,
    "CA250-06-rsp": Fault.END_BYTE,
    "CA251-03-rsp": Fault.TRUNCATED,
    "PT005-03-rsp": Fault.END_BYTE,
    "PT008-04-rsp": Fault.LENGTH,
    "PT012-ffaa-15-rsp": Fault.HEADER,
}
"""What is wrong with a vector, taken as one frame whole and alone."""

RENAMED = {"rsoc": "soc", "trailing": "extra"}
"""Our name of a value: the vectors' name."""
BARE_HEX = {"code", "mode", "old", "new"}
"""Codes the vectors print without 0x."""


@pytest.fixture(scope="module")
def vectors(shared_dir: Path) -> list[Vector]:
    document = json.loads((shared_dir / "protocol" / "vectors.json").read_text("utf-8"))
    listed: list[Vector] = document["vectors"]
    assert len(listed) == document["counts"]["total"] == 319
    return listed


def test_every_vector_decodes_to_its_values_and_encodes_back_to_its_bytes(
    vectors: list[Vector], record_property: Callable[[str, object], None]
) -> None:
    checked: Counter[str] = Counter()
    wrong: list[str] = []
    for vector in vectors:
        try:
            checked[check(vector)] += 1
        except (AssertionError, FrameError, PayloadError) as error:
            wrong.append(f"{vector['id']}: {error!r}")
    assert not wrong, "\n".join(wrong)
    assert checked == {
        "whole": 300,
        "sound checksum, other fault": 5,
        "sound checksum, bytes behind": 1,
        "bad checksum": 12,
        "no checksum": 1,
    }
    valid = sum(n for name, n in checked.items() if name.startswith(("whole", "sound")))
    assert valid + checked["bad checksum"] + checked["no checksum"] == len(vectors) == 319
    record_property(
        "checked",
        f"vectors: {len(vectors)} checked ({valid} valid, {checked['bad checksum']} invalid, "
        f"{checked['no checksum']} without checksum)",
    )


def test_the_faults_listed_here_are_those_the_reference_data_name(vectors: list[Vector]) -> None:
    marks = ("length_valid", "end_valid", "header_valid", "trailing_bytes")
    named = {v["id"] for v in vectors if v["checksum_valid"] is False or any(m in v for m in marks)}
    assert named == set(FAULTY)


def check(vector: Vector) -> str:
    """Assert all that is said about a vector; return the class it belongs to."""
    raw = bytes.fromhex(vector["hex"])
    if vector["checksum_valid"] is None:
        assert ResponseDecoder().receive(raw) == [Noise(raw)]
        return "no checksum"
    if vector["id"] in FAULTY:
        check_faulty(vector, raw)
        if vector["checksum_valid"] is False:
            return "bad checksum"
        behind = "trailing_bytes" in vector
        return "sound checksum, " + ("bytes behind" if behind else "other fault")
    frame = parse(vector, raw)
    assert decode_stream(vector, raw) == [frame]
    assert frame.to_wire() == raw
    assert values_of(vector, frame) == given_values(vector)
    return "whole"


def check_faulty(vector: Vector, raw: bytes) -> None:
    with pytest.raises(FrameError) as caught:
        parse(vector, raw)
    assert (caught.value.reason, caught.value.raw) == (FAULTY[vector["id"]], raw)
    events = decode_stream(vector, raw)
    if "trailing_bytes" in vector:
        behind = vector["trailing_bytes"]
        frame = parse(vector, raw[:-behind])
        assert events == [frame, Noise(bytes(behind))]
        assert values_of(vector, frame) == given_values(vector)
        return
    if "header_valid" in vector:
        assert events == [Noise(raw)]
        return
    # A stream cannot know where the sender meant to end: too long a frame lacks its end byte.
    reason = FAULTY[vector["id"]]
    bad = events[0]
    assert isinstance(bad, BadFrame)
    assert bad.reason is (Fault.END_BYTE if reason is Fault.LENGTH else reason)
    assert not [event for event in events if not isinstance(event, (BadFrame, Noise))]
    check_values_of_faulty(vector, raw)


def check_values_of_faulty(vector: Vector, raw: bytes) -> None:
    """What a faulty frame would have said; the vectors print some of it."""
    if vector["proto"] == "ffaa":
        frame: Frame = ModuleFrame(raw[2], raw[4:-1])
    elif vector["direction"] == "response":
        frame = Response(raw[1], raw[2], raw[4:-3])
    else:
        frame = (ReadRequest if raw[1] == 0xA5 else WriteRequest)(raw[2], raw[4:-3])
    if vector["id"] == "PT009-04-rsp":
        with pytest.raises(PayloadError) as caught:
            values_of(vector, frame)
        assert (caught.value.register, caught.value.why) == (0x04, "half a cell")
        return
    assert given_values(vector).items() <= values_of(vector, frame).items()


def parse(vector: Vector, raw: bytes) -> Frame:
    if vector["proto"] == "ffaa":
        module = parse_module_frame(raw)
        assert module.command == int(vector["command"], 16)
        return module
    if vector["direction"] == "response":
        response = parse_response(raw)
        assert response.register == int(vector["command"], 16)
        assert response.status == int(vector["status"], 16)
        return response
    request = parse_request(raw)
    assert isinstance(request, ReadRequest if vector["op"] == "read" else WriteRequest)
    assert request.register == int(vector["command"], 16)
    return request


def decode_stream(vector: Vector, raw: bytes) -> list[object]:
    decoder: ModuleDecoder | RequestDecoder | ResponseDecoder
    if vector["proto"] == "ffaa":
        decoder = ModuleDecoder()
    else:
        decoder = ResponseDecoder() if vector["direction"] == "response" else RequestDecoder()
    return [*decoder.receive(raw), *decoder.flush()]


def values_of(vector: Vector, frame: Frame) -> Shown:
    """Return what our decoders say, in the vectors' names and units."""
    if isinstance(frame, ModuleFrame):
        return module_values(vector, frame)
    if isinstance(frame, Response):
        if frame.status:
            assert not frame.data
            return {}
        payload = decode_payload(A5_ECHO.get(vector["id"], frame.register), frame.data)
    else:
        payload = decode_request(frame)
    assert payload.to_payload() == frame.data
    values = shown(payload.values())
    if "balance_current" in values and "extra" in values:
        values["unknown_tail"] = values.pop("extra")  # so called behind the known tail
    if isinstance(frame, ReadRequest) and frame.register == 0x00:
        assert values.pop("data") == ("00 00", "")  # the apps' chip-type request, not printed
    if isinstance(frame, WriteRequest):
        values |= password_values(frame, values)
    if vector["id"] == "VD019-fa-rsp":
        # The words once more as numbers, and the zeros of the block, are not printed there.
        del values["words"]
        assert isinstance(frame, Response)
        stale = frame.data[3 + 1 + 5 :].rstrip(b"\0")
        assert values["stale_bytes_after_text"] == (frame.data[3 + 1 + 5 :].hex(" "), "")
        values["stale_bytes_after_text"] = (stale.hex(" "), "")
    return values


def password_values(frame: WriteRequest, values: Shown) -> Shown:
    """Return the digits that the password bytes spell; 06, 07 and 09 print them differently."""
    body = frame.data[1:]
    if frame.register == 0x06:
        return {"digits": (digits(body), "")}
    if frame.register == 0x07:
        del values["password_bytes"]
        return {"old_digits": (digits(body[:6]), ""), "new_digits": (digits(body[6:]), "")}
    if frame.register == 0x09:
        del values["password_bytes"]
        return {"magic": (body.decode("ascii"), "")}
    return {}


def digits(raw: bytes) -> str:
    pin = decode_pin(raw)
    assert pin is not None
    return pin[0]


def module_values(vector: Vector, frame: ModuleFrame) -> Shown:
    given = vector["decoded"]
    if "plain" in given:
        address = bytes.fromhex(given["mac"]["value"].replace(":", ""))
        random = int(given["random"]["value"], 16)
        plain = reveal(frame.data, address, random)
        assert obfuscate(plain, address, random) == frame.data
        return given_values(vector) | {"plain": (plain.decode("ascii"), "")}
    return shown(frame.values(answer=vector["direction"] == "response"))


def shown(values: Mapping[str, Quantity]) -> Shown:
    result: Shown = {}
    for name, quantity in values.items():
        value, unit = quantity.display()
        if name in BARE_HEX and isinstance(value, str):
            value = value.removeprefix("0x")
        result[RENAMED.get(name, name)] = (_hashable(value), unit)
    return result


def given_values(vector: Vector) -> Shown:
    return {
        name: (_hashable(entry["value"]), entry.get("unit", ""))
        for name, entry in vector["decoded"].items()
    }


def _hashable(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value
