"""A snapshot's own unit table: the emulator then is that board."""

from __future__ import annotations

import tomllib

import pytest
from hypothesis import given

from jbd_bench import BmsClient, Snapshot, open_target, take_snapshot
from jbd_bench.board._closest import candidates, closest, facts_otherwise, traits_of
from jbd_bench.transports._embedded import EmbeddedLink
from jbd_emulator import BOARDS, FIRMWARE, Unit, unit_from_table
from jbd_protocol import Response, ResponseDecoder

from .conftest import snapshots

LIVE_MV, LIVE_MAH = 30, 20


def looked_at(target: str, *, factory: bool = True) -> Snapshot:
    link = open_target(target)
    try:
        link.clock.sleep_until(3.0)
        return take_snapshot(BmsClient(link), factory=factory)
    finally:
        link.close()


def twin_of(snapshot: Snapshot) -> Snapshot:
    """Return what the emulator started from a snapshot's file tells."""
    [table] = tomllib.loads(snapshot.to_toml())["unit"]
    link = EmbeddedLink(Unit(unit_from_table(table)), "twin")
    try:
        link.clock.sleep_until(3.0)
        return take_snapshot(BmsClient(link), factory=True)
    finally:
        link.close()


def check_alike(one: Snapshot, other: Snapshot) -> None:
    assert other.identity == one.identity
    assert other.settings == one.settings
    assert other.parameters == one.parameters
    assert other.refused == one.refused
    assert other.payloads[0xAA] == one.payloads[0xAA]
    assert other.info.ntc_dk == one.info.ntc_dk
    assert other.info.current_ma == pytest.approx(one.info.current_ma, abs=100)
    assert other.info.pack_mv == pytest.approx(one.info.pack_mv, abs=LIVE_MV)
    assert other.info.remaining_mah == pytest.approx(one.info.remaining_mah, abs=LIVE_MAH)
    assert other.info.rsoc_percent == one.info.rsoc_percent


@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_the_twin_of_every_profile_tells_the_same(version: int, board: str) -> None:
    snapshot = looked_at(f"emulator:0x{version:02X}?board={board}&load_ma=4000&seed=7")
    check_alike(snapshot, twin_of(snapshot))


def test_what_was_changed_on_a_board_is_in_its_twin() -> None:
    link = open_target("emulator:0x25?board=4s")
    client = BmsClient(link)
    with client.factory_mode(save=True):
        client.write_setting("covp", 3600)
        client.write_setting("mfg_name", "bench")
        client.write(0x16, b"\x12\x34")
    client.write(0xE1, b"\x00\x02")
    link.clock.sleep_until(link.clock.now_s() + 2.0)
    snapshot = take_snapshot(client, factory=True)
    link.close()
    twin = twin_of(snapshot)
    check_alike(snapshot, twin)
    assert twin.identity.serial_num == 0x1234
    assert twin.info.fet_bits == 1


def test_a_board_that_does_not_serve_all_has_a_twin_that_does_not_either() -> None:
    snapshot = looked_at("emulator:0x21?answer_40=0x80&answer_41=0x80&answer_AA=0x80")
    twin = twin_of(snapshot)
    assert twin.refused == snapshot.refused
    assert {0x40, 0x41, 0xAA} <= set(twin.refused)


def test_without_settings_the_twin_has_what_basic_info_tells() -> None:
    snapshot = looked_at("emulator:0x21?board=16s", factory=False)
    assert not snapshot.settings
    twin = twin_of(snapshot)
    assert twin.identity.nominal_mah == snapshot.identity.nominal_mah
    assert (twin.identity.cells, twin.identity.ntcs) == (16, 3)
    assert twin.info.date_code == snapshot.info.date_code


@given(snapshots)
def test_any_snapshot_has_a_unit_that_the_emulator_takes(snapshot: Snapshot) -> None:
    [table] = tomllib.loads(snapshot.to_toml())["unit"]
    unit = Unit(unit_from_table(table))
    assert unit.device.firmware.version == snapshot.info.version


# -- the closest profile -------------------------------------------------------------------------


@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_every_profile_is_closest_to_itself_and_nothing_speaks_against_it(version: int) -> None:
    snapshot = looked_at(f"emulator:0x{version:02X}?board=8s", factory=False)
    found = candidates(version, traits_of(snapshot.frames))
    assert found[0].version == version
    assert not found[0].against
    assert found[0].score > found[1].score


def made(**table: object) -> Snapshot:
    link = EmbeddedLink(Unit(unit_from_table(table)), "made")
    try:
        return take_snapshot(BmsClient(link), factory=False)
    finally:
        link.close()


def test_a_version_nobody_knows_is_told_by_its_ways() -> None:
    snapshot = made(firmware="0x25", version="0x27")
    traits = traits_of(snapshot.frames)
    found = closest(0x27, traits)
    assert found is not None
    assert found.version == 0x25
    assert [clue.trait for clue in found.against] == ["version"]


def test_what_a_board_does_otherwise_speaks_against_and_becomes_a_fact() -> None:
    facts = {"tail_bytes": 9, "chip_type": 3, "parameters": "silent", "zero_checksum_refusal": True}
    snapshot = made(firmware="0x21", facts=facts)
    traits = traits_of(snapshot.frames)
    assert facts_otherwise(0x21, traits) == facts
    found = next(row for row in candidates(0x21, traits) if row.version == 0x21)
    assert {clue.trait for clue in found.against} == set(facts)
    assert twin_of(snapshot).refused[0xFA] is None


def test_a_board_that_nothing_is_like_is_called_unknown() -> None:
    facts = {
        "tail_bytes": 16, "counter_words": 11, "chip_type": 3, "parameters": "served",
        "zero_checksum_refusal": True, "closed_setting": 0x83,
    }  # fmt: skip
    snapshot = made(firmware="0x21", version="0x99", facts=facts)
    assert closest(0x99, traits_of(snapshot.frames)) is None


class Bent:
    """A link to a unit that answers one register with other data, well framed."""

    def __init__(self, link: EmbeddedLink, register: int, data: bytes) -> None:
        self.name, self.clock = link.name, link.clock
        self.write, self.reconnect, self.close = link.write, link.reconnect, link.close
        self._link, self._register, self._data = link, register, data
        self._decoder = ResponseDecoder()

    def read(self, until_s: float) -> bytes:
        events = self._decoder.receive(self._link.read(until_s))
        return b"".join(
            (Response(e.register, 0, self._data) if e.register == self._register else e).to_wire()
            for e in events
            if isinstance(e, Response)
        )


@pytest.mark.parametrize(
    ("register", "data"),
    [
        (0xAA, b""),
        (0xAA, bytes(26)),
        (0xAA, bytes(250)),
        (0xFA, b"\xff\xff\x02\x00\x01\x00\x02"),
        (0xFA, b"\x00"),
        (0x04, b"\x0c"),
        (0x05, b"\xff" * 60),
        (0x24, b"\x01"),
        (0xA1, b"\x40MINE"),
    ],
)
def test_odd_answers_cost_neither_the_file_nor_the_twin(register: int, data: bytes) -> None:
    link = EmbeddedLink(Unit(unit_from_table({"firmware": "0x25"})), "odd")
    try:
        snapshot = take_snapshot(BmsClient(Bent(link, register, data)), factory=True)
    finally:
        link.close()
    assert Snapshot.from_toml(snapshot.to_toml()) == snapshot
    assert twin_of(snapshot).info.version == 0x25
