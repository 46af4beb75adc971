"""The rows: what the captures show of each generation, and how much is assumed."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_emulator.module import (
    COMMANDS,
    GENERATIONS,
    LATENCY_S,
    PIECE_GAP_S,
    BleModule,
    Properties,
    Service,
    long_uuid,
)
from jbd_protocol import Grade

Make = Callable[..., BleModule]
Row = dict[str, Any]  # json's own type
ROWS = sorted(GENERATIONS)


def table(folder: Path, name: str) -> Row:
    document = json.loads((folder / "captures" / "gatt.json").read_text())
    found: Row = next(row for row in document["tables"] if row["id"] == name)
    return found


def as_captured(services: tuple[Service, ...], *, descriptors: bool) -> list[Row]:
    """Return services in the words of the capture."""
    return [
        {
            "uuid": service.uuid,
            "start": f"0x{service.start:04x}",
            "end": f"0x{service.end:04x}",
            "characteristics": [
                {
                    "uuid": row.uuid,
                    "declaration": f"0x{row.declaration:04x}",
                    "value": f"0x{row.handle:04x}",
                    "properties": f"0x{row.properties:02x}",
                }
                | (
                    {
                        "descriptors": [
                            {"handle": f"0x{d.handle:04x}", "uuid": d.uuid} for d in row.descriptors
                        ]
                    }
                    if descriptors
                    else {}
                )
                for row in service.characteristics
            ],
        }
        for service in services
    ]


def stripped(services: list[Row], *, descriptors: bool) -> list[Row]:
    dropped = {"properties_text"} | (set() if descriptors else {"descriptors"})
    return [
        service
        | {
            "characteristics": [
                {key: value for key, value in row.items() if key not in dropped}
                for row in service["characteristics"]
            ]
        }
        for service in services
    ]


@pytest.mark.shared
@pytest.mark.parametrize("key", ["telink", "telink-login"])
def test_the_telink_attribute_table_is_the_captured_one(shared_dir: Path, key: str) -> None:
    ours = as_captured(GENERATIONS[key].services.value, descriptors=True)

    assert ours == stripped(table(shared_dir, "telink-ota")["services"], descriptors=True)


@pytest.mark.shared
def test_the_fa00_attribute_table_is_the_captured_one(shared_dir: Path) -> None:
    """iOS asked neither for what is in 1800 nor for the descriptions."""
    ours = as_captured(GENERATIONS["fa00-login"].services.value, descriptors=False)
    theirs = stripped(table(shared_dir, "fa00")["services"], descriptors=False)

    assert theirs[0].pop("characteristics") == []
    assert len(ours[0].pop("characteristics")) == 3
    assert ours == theirs


@pytest.mark.shared
def test_the_connection_parameters_are_the_captured_ones(shared_dir: Path) -> None:
    asked = table(shared_dir, "telink-ota")["conn_param_update_request"]
    row = GENERATIONS["telink"].parameters.value

    assert row is not None
    assert (row.interval_min_ms, row.interval_max_ms, row.latency, row.supervision_ms) == (
        asked["interval_min_ms"],
        asked["interval_max_ms"],
        asked["peripheral_latency"],
        asked["supervision_timeout_ms"],
    )


@pytest.mark.shared
def test_the_name_is_read_as_long_as_captured(shared_dir: Path, make: Make) -> None:
    """Behind the name and its NULs the capture has left-over memory."""
    read = table(shared_dir, "fa00")["device_name_read"]
    raw = bytes.fromhex(read["hex"])
    name = raw.partition(b"\0")[0].decode()
    module = make("fa00-login", name=name)

    assert len(module.read("2a00")) == read["length"] == len(raw)
    assert module.read("2a00")[:19] == raw[:19]
    assert module.advertisement().name == name
    assert make("telink", name=name).read("2a00") == name.encode()


@pytest.mark.parametrize("key", ROWS)
def test_handles_of_a_row_are_in_order_and_inside_their_service(key: str) -> None:
    last = 0
    for service in GENERATIONS[key].services.value:
        assert service.start > last
        last = service.start
        for row in service.characteristics:
            for handle in (row.declaration, row.handle, *(d.handle for d in row.descriptors)):
                assert last < handle <= service.end, (key, row.uuid)
                last = handle
            described = {d.uuid for d in row.descriptors}
            assert (row.description != "") == ("2901" in described), (key, row.uuid)
        last = max(last, service.end)


@pytest.mark.parametrize("key", ROWS)
def test_the_serial_line_is_one_characteristic_up_and_one_down(key: str) -> None:
    row = GENERATIONS[key]
    letter = row.serial.value[:3]

    assert (row.notifies.uuid, row.takes.uuid) == (f"{letter}1", f"{letter}2")
    assert row.notifies.properties == Properties.READ | Properties.NOTIFY
    assert row.accepts(with_response=True) == (key == "older")
    assert row.accepts(with_response=False) == (key != "older")
    assert "2902" in {d.uuid for d in row.notifies.descriptors}


@pytest.mark.parametrize("key", ROWS)
def test_a_row_says_the_key_it_stands_under(key: str) -> None:
    assert GENERATIONS[key].key == key


def test_the_two_lionton_descriptions_are_the_posted_ones() -> None:
    row = GENERATIONS["passkey"]

    assert row.notifies.description == "LIONTRON: Battery->Phone"
    assert row.takes.description == "LIONTRON: Phone->Battery"


def test_every_attribute_can_be_read(make: Make) -> None:
    for key in ROWS:
        module = make(key)
        for service in module.generation.services.value:
            for row in service.characteristics:
                assert isinstance(module.read(row.uuid), bytes)
    assert make("passkey").read("2a29") == b"LIONTRON"
    assert make().read("2a04").hex() == "0c000f0063009001"


def test_uuids_have_a_long_form() -> None:
    row = GENERATIONS["telink"]

    assert row.service.long_uuid == "0000ff00-0000-1000-8000-00805f9b34fb"
    assert row.notifies.long_uuid == "0000ff01-0000-1000-8000-00805f9b34fb"
    assert long_uuid(row.services.value[-1].uuid) == "00010203-0405-0607-0809-0a0b0c0d1912"


ASSUMED = {
    "clone": 19,
    "fa00-login": 4,
    "fff0": 13,
    "key-login": 12,
    "older": 10,
    "passkey": 11,
    "telink": 6,
    "telink-login": 3,
}
"""Facts of each row that nobody saw. A new one shows in review; one that is found goes down."""


def test_how_much_is_assumed_is_known() -> None:
    counted = Counter(
        key
        for key, row in GENERATIONS.items()
        for _, fact in row.facts()
        if fact.evidence.grade is Grade.ASSUMED
    )

    assert dict(sorted(counted.items())) == ASSUMED


def test_how_much_of_the_commands_is_assumed_is_known() -> None:
    answers = [row for row in COMMANDS.values() if row.evidence.grade is Grade.ASSUMED]
    logins = [row for row in COMMANDS.values() if row.needs_evidence.grade is Grade.ASSUMED]

    assert (len(answers), len(logins), len(COMMANDS)) == (7, 13, 13)


def test_no_time_is_assumed() -> None:
    facts = [*LATENCY_S.values(), PIECE_GAP_S]

    assert {fact.evidence.grade for fact in facts} == {Grade.CAPTURED}


def test_every_fact_says_where_it_comes_from() -> None:
    for row in GENERATIONS.values():
        for name, fact in row.facts():
            assert fact.evidence.source, (row.key, name)
