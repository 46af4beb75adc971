"""Vendor parameter files: what is read is what is written, unknown keys and all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_protocol import (
    FIG_KEYS,
    SETTINGS,
    TEXT_SETTINGS,
    LocalError,
    ParameterFile,
    parse_fig,
)

WORD_ADDRESSES = sorted({row.address for row in FIG_KEYS.values()} - set(TEXT_SETTINGS))
texts = st.text(st.characters(max_codepoint=255, blacklist_characters="\r\n"), max_size=31).map(
    lambda text: text.strip(" \t").encode("latin-1")
)
unknown_keys = st.from_regex(r"[A-Za-z_]{1,12}", fullmatch=True).filter(
    lambda key: key not in FIG_KEYS and key != "FileCode"
)


@given(
    words=st.dictionaries(st.sampled_from(WORD_ADDRESSES), st.binary(min_size=2, max_size=2)),
    names=st.dictionaries(st.sampled_from(TEXT_SETTINGS), texts),
    unknown=st.dictionaries(unknown_keys, st.from_regex(r"([!-~]{1,8}){0,1}", fullmatch=True)),
    end=st.sampled_from(["\n", "\r\n", "\r\r\n", "\r"]),
)
def test_a_file_goes_round_whatever_ends_its_lines(
    words: dict[int, bytes], names: dict[int, bytes], unknown: dict[str, str], end: str
) -> None:
    file = ParameterFile(words | names, unknown)
    text = file.to_text()
    assert parse_fig(text.replace("\r\n", end)) == file
    assert parse_fig(parse_fig(text).to_text()) == file


def test_every_setting_has_its_keys_and_every_key_its_setting() -> None:
    assert {row.address for row in FIG_KEYS.values()} == set(SETTINGS)
    halves: dict[int, list[int | None]] = {}
    for row in FIG_KEYS.values():
        halves.setdefault(row.address, []).append(row.byte)
    for address, parts in halves.items():
        assert parts == ([0, 1] if 0x38 <= address <= 0x3F else [None])


WRITTEN = (
    "  FileCode               3838\r\n"
    "  DesignCapacity        10000\r\n"
    "  OverDisCurrent        52536\r\n"
    "  HardChgOverCurrent        158\r\n"
    "  HardDsgOverCurrent        85\r\n"
    "  ManufacturerName       DGJBD\r\n"
    "  BarCode                \r\n"
    "  FutureKey        1 2\r\n"
)


def test_a_file_is_written_as_the_vendors_tool_lays_it_out() -> None:
    file = ParameterFile(
        {0xA2: b"", 0xA0: b"DGJBD", 0x38: b"\x9e\x55", 0x10: b"\x27\x10", 0x29: b"\xcd\x38"},
        {"FutureKey": "1 2"},
    )
    assert file.to_text() == WRITTEN
    assert parse_fig(WRITTEN) == file
    assert list(parse_fig(WRITTEN).settings) == [0x10, 0x29, 0x38, 0xA0, 0xA2]


def test_the_tools_write_two_carriage_returns_and_count_as_one_line() -> None:
    text = "FileCode 3838\r\r\n\r\r\nDesignCapacity x\r\r\n"
    with pytest.raises(LocalError) as caught:
        parse_fig(text)
    assert str(caught.value) == "line 3: DesignCapacity 'x': must be a whole number"


def test_a_negative_current_of_an_old_file_is_the_same_setting() -> None:
    assert parse_fig("OverDisCurrent -13000").settings == {0x29: b"\xcd\x38"}
    assert parse_fig("ChgUTDelay -1\nChgOTDelay 2").settings == {0x3A: b"\xff\x02"}


def test_blanks_and_empty_lines_do_not_matter() -> None:
    assert parse_fig("\n\t  DeviceName \t my pack \t\n\n   \n").settings == {0xA1: b"my pack"}
    assert parse_fig("") == ParameterFile()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DesignCapacity", "line 1: DesignCapacity '': must be a whole number"),
        ("DesignCapacity 65536", "line 1: DesignCapacity 65536: must be -32768 to 65535"),
        ("DesignCapacity -32769", "line 1: DesignCapacity -32769: must be -32768 to 65535"),
        ("\nChgUTDelay 256", "line 2: ChgUTDelay 256: must be -128 to 255"),
        ("BarCode " + "x" * 32, "line 1: BarCode of 32 characters: at most 31"),
        ("BarCode 电", "line 1: BarCode '电': must be Latin-1 characters"),
        (
            "HardTime 176",
            "SCReleaseTime: missing, though the other byte of its setting is there",
        ),
        (
            "SCReleaseTime 5",
            "HardTime: missing, though the other byte of its setting is there",
        ),
    ],
)
def test_a_line_that_its_setting_cannot_hold_is_refused(text: str, message: str) -> None:
    with pytest.raises(LocalError) as caught:
        parse_fig(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({0x03: b"\0\0"}, "setting 0x03: a parameter file has no key for it"),
        ({0x10: b"\0"}, "setting 0x10 of 1 bytes: must be 2"),
        ({0xA0: b"a\nb"}, "setting 0xA0, b'a\\nb': must be one line of 0 to 31 bytes"),
        ({0xA0: b"a\rb"}, "setting 0xA0, b'a\\rb': must be one line of 0 to 31 bytes"),
        ({0xA1: bytes(32)}, f"setting 0xA1, {bytes(32)!r}: must be one line of 0 to 31 bytes"),
    ],
)
def test_what_a_file_cannot_hold_is_refused(settings: dict[int, bytes], message: str) -> None:
    with pytest.raises(LocalError) as caught:
        ParameterFile(settings).to_text()
    assert str(caught.value) == message
