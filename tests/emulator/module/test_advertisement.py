"""What the module says on the air."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from jbd_emulator.module import GENERATIONS, BleModule, format_address, parse_address

Make = Callable[..., BleModule]


def test_the_address_stands_reversed_where_a_company_id_should(make: Make) -> None:
    shown = make("telink", address="A5:C2:37:01:02:03").advertisement()

    assert shown.manufacturer.hex() == "03020137c2a5"
    assert shown.company == 0x0203
    assert shown.company_data.hex() == "0137c2a5"


def test_some_modules_say_it_forward_and_some_not_at_all(make: Make) -> None:
    forward = make("passkey", address="A4:C1:38:26:11:F0").advertisement()
    none = make("telink-login", address="10:A5:62:32:75:36").advertisement()

    assert forward.manufacturer.hex() == "a4c1382611f0"
    assert (none.manufacturer, none.company, none.company_data) == (b"", None, b"")


@pytest.mark.shared
def test_the_manufacturer_field_is_that_of_the_scanner_records(
    make: Make, shared_dir: Path
) -> None:
    document = json.loads((shared_dir / "captures" / "gatt.json").read_text())
    records = {row["n"]: row for row in document["advertising"]["records"]}
    for key, number in (("telink", 3), ("fa00-login", 11), ("passkey", 6)):
        row = records[number]
        address = f"{row['oui']}:00:00:{number:02x}"
        shown = make(key, address=address).advertisement()
        assert shown.manufacturer.hex() == row["manufacturer"]["on_air"]
        assert f"0x{shown.company:04x}" == row["manufacturer"]["company"]
        assert shown.company_data.hex() == row["manufacturer"]["data"]
        assert list(shown.services) == row["service_uuids"]


@pytest.mark.parametrize("key", sorted(GENERATIONS))
def test_an_address_that_was_not_given_has_the_prefix_of_its_row(make: Make, key: str) -> None:
    module = make(key, address=None, rng=random.Random(3))

    assert module.address[:3] == GENERATIONS[key].prefix.value
    assert len(module.address) == 6


def test_the_packets_hold_flags_services_field_and_name(make: Make) -> None:
    shown = make(address="A5:C2:37:01:02:03", name="JBD-1").advertisement()

    assert shown.advertising_data().hex(" ") == "02 01 06 03 03 00 ff 07 ff 03 02 01 37 c2 a5"
    assert shown.scan_response() == b"\x06\x09JBD-1"
    assert shown.long_services == ("0000ff00-0000-1000-8000-00805f9b34fb",)


@pytest.mark.parametrize("key", sorted(GENERATIONS))
def test_the_packets_fit_in_31_bytes(make: Make, key: str) -> None:
    shown = make(key, name="x" * 29).advertisement()

    assert len(shown.advertising_data()) <= 31
    assert len(shown.scan_response()) == 31


def test_the_fff0_module_advertises_its_own_service(make: Make) -> None:
    assert make("fff0").advertisement().services == ("fff0",)


def test_addresses_are_written_as_they_are_read() -> None:
    assert format_address(parse_address("a4:c1:37:04:2d:be")) == "A4:C1:37:04:2D:BE"
