"""PINs, the frames that carry them, and the module's logins."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    APP_KEY,
    BLANK_PIN,
    CLEAR_PIN,
    ENTER_FACTORY,
    LEAVE_FACTORY,
    ROOT_PASSWORD,
    SAVE_AND_LEAVE_FACTORY,
    LocalError,
    ModuleCommand,
    ModuleFrame,
    ModuleStatus,
    PinEncoding,
    Quantity,
    change_pin,
    decode_pin,
    encode_pin,
    obfuscate,
    pair,
    reveal,
)

pins = st.text("0123456789", min_size=6, max_size=6)


@given(pin=pins, encoding=st.sampled_from(PinEncoding))
def test_a_pin_goes_round_in_either_encoding(pin: str, encoding: PinEncoding) -> None:
    assert decode_pin(encode_pin(pin, encoding)) == (pin, encoding)


@given(st.binary(max_size=8))
def test_bytes_that_decode_to_a_pin_are_that_pin(raw: bytes) -> None:
    decoded = decode_pin(raw)
    if decoded is not None:
        assert encode_pin(*decoded) == raw


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12345x", "12345٦", " 12345"])
def test_a_pin_is_six_digits(pin: str) -> None:
    with pytest.raises(LocalError) as caught:
        encode_pin(pin)
    assert str(caught.value) == f"pin {pin!r}: must be 6 digits 0 to 9"


def test_six_bytes_need_not_be_a_pin() -> None:
    assert decode_pin(b"J1B2D4") is None
    assert decode_pin(b"\x01\x02\x03\x04\x05\x36") is None
    assert decode_pin(bytes(5)) is None


def test_the_frames_are_those_of_the_vendor_and_the_captures() -> None:
    pin, new = encode_pin("765828"), encode_pin("123456")
    assert pair(pin).to_wire().hex(" ") == "dd 5a 06 07 06 07 06 05 08 02 08 ff c9 77"
    assert pair().data == b"\x06" + BLANK_PIN
    assert pair(encode_pin("123456", PinEncoding.ASCII)).data == b"\x06123456"
    assert change_pin(pin, new).to_wire().hex(" ") == (
        "dd 5a 07 0d 0c 07 06 05 08 02 08 01 02 03 04 05 06 ff a7 77"
    )
    assert CLEAR_PIN.to_wire().hex(" ") == "dd 5a 09 07 06 4a 31 42 32 44 34 fe 83 77"
    assert ENTER_FACTORY.to_wire().hex(" ") == "dd 5a 00 02 56 78 ff 30 77"
    assert LEAVE_FACTORY.to_wire().hex(" ") == "dd 5a 01 02 00 00 ff fd 77"
    assert SAVE_AND_LEAVE_FACTORY.data == b"\x28\x28"


def test_pin_data_beyond_a_frame_is_refused() -> None:
    assert len(pair(bytes(254)).to_wire()) == 262
    with pytest.raises(LocalError, match=r"^PIN data of 255 bytes: must be 0 to 254$"):
        pair(bytes(255))
    with pytest.raises(LocalError, match=r"^PIN data of 400 bytes: must be 0 to 254$"):
        change_pin(bytes(200), bytes(200))


@given(
    plain=st.binary(max_size=20),
    address=st.binary(min_size=6, max_size=6),
    random=st.integers(0, 255),
)
def test_a_login_is_revealed_as_it_was_hidden(plain: bytes, address: bytes, random: int) -> None:
    wire = obfuscate(plain, address, random)
    assert len(wire) == len(plain)
    assert reveal(wire, address, random) == plain


def test_a_captured_login_is_hidden_exactly() -> None:
    address = bytes.fromhex("10a562327536")
    assert obfuscate(b"123456", address, 0x24).hex(" ") == "45 bb 75 2a 64 24"
    wire = bytes.fromhex("23b0ef19ca0f402dea09ecfbf9fbfc")
    assert reveal(wire, address, 0xC9) == ROOT_PASSWORD


@pytest.mark.parametrize(
    ("address", "random", "text"),
    [
        (bytes(5), 0, "address of 5 bytes: must be 6"),
        (bytes(7), 0, "address of 7 bytes: must be 6"),
        (bytes(6), 256, "random 256: must be 0 to 255"),
        (bytes(6), -1, "random -1: must be 0 to 255"),
    ],
)
def test_a_login_needs_an_address_and_a_random_byte(address: bytes, random: int, text: str) -> None:
    for hide in (obfuscate, reveal):
        with pytest.raises(LocalError) as caught:
            hide(b"123456", address, random)
        assert str(caught.value) == text


def test_module_frames_say_what_they_hold() -> None:
    key = ModuleFrame(ModuleCommand.APP_KEY, APP_KEY)
    assert key.to_wire().hex(" ") == "ff aa 15 06 30 30 30 30 30 30 3b"
    assert key.values() == {"text": Quantity("000000")}
    assert ModuleFrame(0x17, b"\x62").values(answer=True) == {"random": Quantity("0x62")}
    accepted = ModuleFrame(ModuleCommand.LOGIN, bytes((ModuleStatus.ACCEPTED,)))
    assert accepted.values(answer=True) == {"result": Quantity("0x00")}
    assert ModuleFrame(0x18, b"\x45\xbb").values() == {"data": Quantity(b"\x45\xbb")}
    assert ModuleFrame(0x07, b"").values(answer=True) == {}
    assert ModuleFrame(0x15, b"\x00\x00").values(answer=True) == {"data": Quantity(b"\0\0")}
