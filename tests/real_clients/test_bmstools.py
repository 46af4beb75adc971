"""bmstools 1.2.0, the library of BMS-Tools, against `jbd-emulator serve` on a pseudo-terminal.

What it does is asserted, what it gets wrong in the field included. Its pauses of 0.3 s between
two tries are taken out: nothing on our side depends on them.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeAlias

import bmstools.jbd.jbd as library
import pytest
import serial
from bmstools.jbd import JBD

from jbd_emulator import BOARDS, StateError
from jbd_emulator._state_file import StateFile
from jbd_protocol import TEXT_SETTINGS, parse_fig

Serve: TypeAlias = "Callable[..., tuple[subprocess.Popen[str], list[dict[str, Any]]]]"
# Any: values of a JSON object
Client: TypeAlias = Any  # bmstools publishes no types

KIT = BOARDS["4s"].settings
POINTS = range(0x42, 0x48)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library retry at once; its clock, and so its time limits, stay the real ones."""
    monkeypatch.setattr(library, "time", SimpleNamespace(time=time.time, sleep=lambda _: None))


@pytest.fixture
def connect(serve: Serve) -> Iterator[Callable[..., Client]]:
    """Start a unit and return a client of it."""
    ports: list[serial.Serial] = []

    def connector(*arguments: object) -> Client:
        _, [unit] = serve(*arguments)
        port = serial.Serial(unit["serial"], 9600)
        ports.append(port)
        return JBD(port)

    yield connector
    for port in ports:
        port.close()


def second(client: Client) -> Client:
    """Return another client at the same port, as after a restart of the program."""
    return JBD(serial.Serial(client.s.port, 9600))


@pytest.mark.parametrize("firmware", ["0x17", "0x21"])
def test_it_monitors(connect: Callable[..., Client], firmware: str) -> None:
    basic, cells, device = connect("--firmware", firmware).readInfo()
    assert (basic["version"], basic["cell_cnt"], basic["ntc_cnt"]) == (int(firmware, 16), 4, 2)
    assert basic["cap_pct"] == 70
    assert basic["full_cap"] == 100_000
    assert (basic["chg_fet_en"], basic["dsg_fet_en"]) == (True, True)
    assert (basic["year"], basic["month"], basic["day"]) == (2021, 5, 5)
    assert sum(cells.values()) == pytest.approx(basic["pack_mv"], abs=10)
    assert all(3_200 < mv < 3_400 for mv in cells.values())
    assert device == {"device_name": "JBD-SP04S020-L4S-120A-B-U-K"}


def test_it_reads_the_parameters(connect: Callable[..., Client]) -> None:
    values = connect("--firmware", "0x17").readEeprom()
    assert values["covp"] == 3650
    assert values["dsgoc"] == -130_000
    assert values["chgot"] == 65.0
    assert (values["switch"], values["balance_en"], values["led_en"]) == (True, True, False)
    assert values["sc"].value[0] == 89
    assert values["device_name"] == "JBD-SP04S020-L4S-120A-B-U-K"
    assert {name: n for name, n in values.items() if name.endswith("_err_cnt") and n} == {}


def test_it_saves_a_parameter_file_that_the_codec_reads_to_the_same_settings(
    connect: Callable[..., Client], tmp_path: Path
) -> None:
    client, path = connect("--firmware", "0x17"), tmp_path / "board.fig"
    values = client.readEeprom()
    client.saveEepromFile(str(path), values)
    held = {
        address: data[1:] if address in TEXT_SETTINGS else data
        for address, data in KIT.items()
        # It knows neither GPS nor the ten per cent points; 0x100 on is not reached by register.
        if address < 0x100 and address not in (0x40, 0x41, *POINTS)
    }
    parsed = parse_fig(path.read_text("latin-1"))
    assert parsed.settings == held
    assert parsed.unknown == {}
    loaded = client.loadEepromFile(str(path))
    assert loaded == {name: v for name, v in values.items() if not name.endswith("_err_cnt")}


def test_it_writes_parameters_for_good(connect: Callable[..., Client], tmp_path: Path) -> None:
    state = tmp_path / "bms.json"
    client = connect("--firmware", "0x17", "--state", state)
    client.writeEeprom({"covp": 3600, "povp": 14_400, "device_name": "Boat", "chgot": 50.0})
    again = second(client)
    with closing(again.s):
        values = again.readEeprom()
    assert (values["covp"], values["povp"], values["chgot"]) == (3600, 14_400, 50.0)
    assert values["device_name"] == "Boat"
    saved = settings_of(state)
    assert {a: raw for a, raw in saved.items() if a < 0x100} == {
        0x18: (2731 + 500).to_bytes(2, "big"),
        0x20: (1440).to_bytes(2, "big"),
        0x24: (3600).to_bytes(2, "big"),
        0xA1: b"\x04Boat",
    }


def settings_of(state: Path) -> dict[int, bytes]:
    """Return what the file holds once the unit has put it in place, moments after its answer."""
    deadline_s = time.monotonic() + 10.0
    while time.monotonic() < deadline_s:
        try:
            loaded = StateFile(state).load()
        except StateError as error:
            raise AssertionError(str(error)) from None
        if loaded is not None:
            return dict(loaded.settings)
    raise AssertionError("no state file")


def test_it_loads_a_file_into_a_board_and_changes_the_delays_it_confuses(
    connect: Callable[..., Client], tmp_path: Path
) -> None:
    """It reads the two delays of 0x39 exchanged and writes them in order, as in the field."""
    state, path = tmp_path / "bms.json", tmp_path / "board.fig"
    client = connect("--firmware", "0x17", "--state", state)
    values = client.readEeprom()
    wanted = values | {"covp": 3580, "barcode": "A-17"}
    client.saveEepromFile(str(path), wanted)
    client.writeEeprom(client.loadEepromFile(str(path)))
    confused = ("covp_high_delay", "cuvp_high_delay")
    found = client.readEeprom()
    assert {n for n in wanted if found[n] != wanted[n]} == set(confused)
    assert [found[name].value for name in confused] == [(8, 3), (8, 2)]
    saved = {a: raw for a, raw in settings_of(state).items() if a < 0x100}
    assert KIT[0x39] == b"\xb0\x05"
    assert saved == {0x24: (3580).to_bytes(2, "big"), 0x39: b"\xe0\x05", 0xA2: b"\x04A-17"}


def test_it_sets_a_password_is_refused_with_another_and_clears_it(
    connect: Callable[..., Client],
) -> None:
    client = connect("--firmware", "0x17")
    client.setPassword("123456")
    assert client.readReg("covp").get("covp") == 3650
    stranger = second(client)
    with closing(stranger.s):
        for wrong in (bytes(6), "654321", bytes((1, 2, 3, 4, 5, 6))):
            stranger.password = wrong
            with pytest.raises(library.BMSPasswordError, match="bad password"):
                stranger.readEeprom()
        # Monitoring needs none.
        assert stranger.readInfo()[0]["version"] == 0x17
        stranger.clearPassword()
        stranger.password = bytes(6)
        assert stranger.readReg("covp").get("covp") == 3650


def test_a_pin_it_was_not_given_keeps_it_out_until_cleared(connect: Callable[..., Client]) -> None:
    client = connect("--firmware", "0x17", "--pin", "123456")
    with pytest.raises(library.BMSPasswordError):
        client.readEeprom()
    # Text goes out as characters; this board was given its PIN by a vendor's app, as digits.
    client.password = "123456"
    with pytest.raises(library.BMSPasswordError):
        client.readEeprom()
    client.password = bytes((1, 2, 3, 4, 5, 6))
    assert client.readReg("covp").get("covp") == 3650


def test_on_0x21_it_monitors_and_never_reaches_parameters_as_in_the_field(
    connect: Callable[..., Client], tmp_path: Path
) -> None:
    log = tmp_path / "traffic.jsonl"
    client = connect("--firmware", "0x21", "--log", log)
    for use in (
        client.readEeprom,
        lambda: client.writeEeprom({"covp": 3600}),
        lambda: client.readReg("covp"),
        lambda: client.setPassword("123456"),
        client.clearErrors,
    ):
        with pytest.raises(library.BMSPasswordError, match="bad password"):
            use()
    # Refused as well, which it does not tell.
    client.clearPassword()
    assert client.readInfo()[0]["version"] == 0x21
    text = log.read_text("utf-8")
    blank, refused = "dd5a060706000000000000ffed77", "dd068000ff8077"
    assert text.count(blank) == text.count(refused) == 5 * 5
    # Factory mode was never asked for, though the board would have given it.
    assert "dd5a00025678ff3077" not in text


def test_it_switches_fets_and_sees_them_off(connect: Callable[..., Client]) -> None:
    client = connect("--firmware", "0x17")
    for charge, discharge in ((False, True), (True, False), (False, False), (True, True)):
        client.chgDsgEnable(charge, discharge)
        basic = client.readBasicInfo()
        assert (basic["chg_fet_en"], basic["dsg_fet_en"]) == (charge, discharge)
        assert basic["software_err"] == (not (charge and discharge))


def test_it_clears_the_error_counters(connect: Callable[..., Client]) -> None:
    client = connect("--firmware", "0x17")
    client.clearErrors()
    assert client.readReg("error_cnts").get("covp_err_cnt") == 0
