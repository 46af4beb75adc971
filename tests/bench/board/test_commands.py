"""``jbd-bench identify`` and ``snapshot``: what they say, what they write, and to whom."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from jbd_bench import BmsClient, LeaveGuard, Snapshot, Tap, open_target
from jbd_bench.__main__ import main
from jbd_bench.board._identify import identify, page
from jbd_bench.board._module import module_clues, module_lines
from jbd_bench.transports._embedded import EmbeddedLink
from jbd_emulator import FIRMWARE, GENERATIONS, Unit, unit_from_table
from jbd_protocol import SETTINGS, TEXT_SETTINGS, parse_fig

if TYPE_CHECKING:
    from tests.conftest import Served

Shown = Callable[..., str]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    def shown(*arguments: object) -> str:
        assert main([*map(str, arguments)]) == 0
        return capsys.readouterr().out

    return shown


# -- identify ------------------------------------------------------------------------------------


def test_a_person_sees_the_board_and_why_it_is_that_firmware(shown: Shown) -> None:
    text = shown("identify", "--target", "emulator:0x21?board=8s")
    for said in (
        "JBD-SP10S009-L8S-100A-B-K, firmware 2.1, 8 cells, 100 Ah",
        "Lengths   03 27, 04 16, AA 24 bytes; 2 NTCs",
        "served: 03..05, AA",
        "silence: 00",
        "0x80 no such command: 9F, F6, FA",
        "10..47, A0..A2",
        "no password function (by the row of 0x21, captured)",
        "Firmware  0x21, 2.1 (May 2022)",
        "for     version byte 0x21",
    ):
        assert said in text
    assert "against" not in text


@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_json_names_every_register_and_profile(shown: Shown, version: int) -> None:
    document = json.loads(shown("identify", "--target", f"emulator:0x{version:02X}", "--json"))
    assert document["closest"] == document["firmware"] == f"0x{version:02X}"
    assert len(document["registers"]) == len(SETTINGS) + 8
    assert document["registers"]["0x24"]["status"] == "0x81"
    assert document["payload_bytes"]["0x04"] == 8
    assert document["module"] is None
    assert len(document["profiles"]) == len(FIRMWARE)
    assert document["profiles"][0]["against"] == []
    grades = {clue["grade"] for row in document["profiles"] for clue in row["for"]}
    assert "captured" in grades


@pytest.mark.parametrize("target", ["emulator:0x21", "emulator:0x25", "emulator:0x17?pin=123456"])
def test_identify_never_writes(target: str) -> None:
    tap = Tap(open_target(target))
    identify(BmsClient(LeaveGuard(tap, frozenset())))
    assert len(tap.traffic) > 2 * len(SETTINGS)
    assert not [p for p in tap.traffic.pieces if p.direction == ">" and p.data[1:2] == b"\x5a"]
    tap.close()


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("emulator:0x21", "no password function"),
        ("emulator:0x17", "whether a PIN is set reading does not tell"),
        ("emulator:0x25", "parameters by number are open: no PIN in the way"),
        ("emulator:0x25?pin=123456", "a PIN is set and was not presented"),
        ("emulator:0x21?answer_10=0x00", "settings are open without factory mode"),
    ],
)
def test_the_password_is_told_as_far_as_reading_goes(shown: Shown, target: str, said: str) -> None:
    assert said in shown("identify", "--target", target)


def test_a_board_that_nothing_is_like_is_unknown_with_the_nearest_and_why() -> None:
    facts = {
        "tail_bytes": 16, "counter_words": 11, "chip_type": 3, "parameters": "served",
        "zero_checksum_refusal": True, "closed_setting": 0x83,
    }  # fmt: skip
    table = {"firmware": "0x21", "version": "0x99", "facts": facts}
    link = EmbeddedLink(Unit(unit_from_table(table)), "made")
    findings = identify(BmsClient(link))
    link.close()
    assert findings.closest is None
    assert findings.to_json()["closest"] is None
    text = "\n".join(page(findings))
    assert "Firmware  unknown" in text
    assert "against version byte 0x99, the profile has" in text
    assert "against refusals carry checksum 0000, the profile has" in text


class Radio:
    """What a Bluetooth link knows of a module of one generation."""

    ask_mtu: int | None = None
    login: str | None = None
    name, mtu, subscribed_s = "xiaoxiang BMS", 23, 0.0
    writes: frozenset[str] = frozenset()
    unasked: tuple[bytes, ...] | None = None

    def __init__(self, key: str, prefix: bytes | None = None) -> None:
        row = GENERATIONS[key]
        names = {0x02: "read", 0x04: "write-without-response", 0x08: "write", 0x10: "notify"}
        names[0x20] = "indicate"
        self.address = (row.prefix.value if prefix is None else prefix) + b"\x01\x02\x03"
        self.gatt = {
            one.uuid: frozenset(name for bit, name in names.items() if one.properties & bit)
            for service in row.services.value
            for one in service.characteristics
        }


class OverTheAir:
    """A link to an emulated unit that also knows a module."""

    def __init__(self, radio: Radio) -> None:
        self._link = open_target("emulator:0x21")
        self.name, self.clock, self.radio = self._link.name, self._link.clock, radio
        self.write, self.read = self._link.write, self._link.read
        self.reconnect, self.close = self._link.reconnect, self._link.close


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ("older", ("older",)),
        ("telink", ("telink", "clone")),
        ("telink-login", ("telink-login",)),
        ("fa00-login", ("fa00-login",)),
        ("key-login", ("key-login",)),
        ("passkey", ("passkey",)),
        ("fff0", ("fff0",)),
    ],
)
def test_the_generation_of_a_module_is_told_by_what_the_link_knows(
    key: str, named: tuple[str, ...]
) -> None:
    link = OverTheAir(Radio(key))
    clues = module_clues(link)
    link.close()
    assert clues is not None
    assert clues.generations == named
    assert not clues.against
    assert GENERATIONS[key].title in "\n".join(module_lines(clues))
    assert clues.to_json()["generations"] == list(named)


def test_an_address_of_another_generation_speaks_against() -> None:
    link = OverTheAir(Radio("fff0", prefix=b"\xa4\xc1\x37"))
    clues = module_clues(link)
    link.close()
    assert clues is not None
    assert clues.generations == ("fff0",)
    assert clues.against[0].startswith("addresses that begin with AA:C2:37")


def test_a_wire_has_no_module() -> None:
    link = open_target("emulator:0x21")
    assert module_clues(link) is None
    assert list(module_lines(None)) == []
    link.close()


# -- snapshot ------------------------------------------------------------------------------------


def test_a_snapshot_is_written_for_people_tools_and_the_emulator(
    shown: Shown, tmp_path: Path
) -> None:
    toml, fig = tmp_path / "unit.toml", tmp_path / "unit.fig"
    text = shown("snapshot", "--target", "emulator:0x21?board=8s", "--out", toml, "--out", fig)
    assert "59 settings" in text
    assert f"jbd-emulator serve --config {toml}" in text
    snapshot = Snapshot.from_toml(toml.read_text())
    assert set(snapshot.settings) == set(SETTINGS)
    [table] = tomllib.loads(toml.read_text())["unit"]
    assert Unit(unit_from_table(table)).device.board.cells == 8
    settings = parse_fig(fig.read_bytes().decode("latin-1")).settings
    assert settings == {
        a: raw[1:] if a in TEXT_SETTINGS else raw for a, raw in snapshot.settings.items()
    }


def test_the_comments_say_settings_in_units(shown: Shown, tmp_path: Path) -> None:
    shown("snapshot", "--out", tmp_path / "unit.toml")
    text = (tmp_path / "unit.toml").read_text()
    assert '"0x24" = "0E 42"  # cell over-voltage: 3650 mV' in text
    assert '"0x18" = "0D 35"  # charge over-temperature: 65.0 degC' in text


def test_json_has_everything_raw(shown: Shown, tmp_path: Path) -> None:
    out = tmp_path / "unit.toml"
    document = json.loads(shown("snapshot", "--target", "emulator:0x15", "--json", "--out", out))
    assert document["settings"]["0x24"] == "0e42"
    assert document["refused"]["0x42"] == "0x80"
    assert document["identity"]["counter_bytes"] == 22
    assert (document["notes"], document["files"]) == ([], [str(out)])


def test_without_leave_a_note_says_what_helps(shown: Shown) -> None:
    text = shown("snapshot", "--allow", "none")
    assert "0 settings" in text
    assert "--allow settings" in text


def test_a_pin_opens_what_it_locks(shown: Shown) -> None:
    locked = ("snapshot", "--target", "emulator:0x17?pin=123456")
    assert "a PIN is set" in shown(*locked)
    assert "53 settings" in shown(*locked, "--pin", "123456")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("identify", "--target", "serial:/dev/ttyNOTHERE"), "no such port"),
        (("identify", "--target", "emulator:0x21?answer_03=silence"), "no answer to 3 requests"),
        (("identify", "--timeout", "0"), "timeout_s 0.0: must be above 0"),
        (("snapshot", "--out", "unit.xml"), "out unit.xml: must end in .toml or .fig"),
        (("snapshot", "--out", "/nowhere/unit.toml"), "out /nowhere/unit.toml: no such folder"),
        (("snapshot", "--out", "/proc/unit.toml"), "/proc/unit.toml"),
        (("snapshot", "--allow", "everything"), "allow 'everything'"),
        (("snapshot", "--pin", "12"), "must be 6 digits"),
        (("snapshot", "--target", "emulator:0x17?pin=123456", "--pin", "000001"), "0x06 refused"),
        (("diff", "emulator:0x21", "serial:/dev/ttyNOTHERE"), "no such port"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments]) == 2
    out, err = capsys.readouterr()
    [line] = err.splitlines()
    assert out == ""
    assert line.startswith(f"jbd-bench {arguments[0]}: ")
    assert said in line


def test_a_fig_of_settings_that_were_not_read_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["snapshot", "--allow", "none", "--out", str(tmp_path / "unit.fig")]) == 2
    assert "no settings to write" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_polite_end_leaves_factory_mode(
    tmp_path: Path, serve: Callable[..., Served], number: signal.Signals
) -> None:
    port, log = tmp_path / "port", tmp_path / "log.jsonl"
    # In factory mode the bench waits for a setting that will not come.
    serve("--serial", port, "--log", log, "--answer", "12=silence")
    command = ["snapshot", "--target", f"serial:{port}", "--allow", "settings", "--timeout", "60"]
    bench = subprocess.Popen(
        [sys.executable, "-m", "jbd_bench", *command], stderr=subprocess.PIPE, text=True
    )
    try:
        give_up_s = time.monotonic() + 60
        while "dda512" not in log.read_text():
            assert time.monotonic() < give_up_s
            assert bench.poll() is None
        bench.send_signal(number)
        assert bench.communicate(timeout=60)[1] == ""
    finally:
        bench.kill()
        bench.communicate()
    assert bench.returncode == 128 + number
    heard = log.read_text()
    assert heard.count("dd5a0002") == heard.count("dd5a01020000") == 1


def test_an_endless_timeout_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", "--timeout", "inf"]) == 2
    assert capsys.readouterr().err == (
        "jbd-bench identify: timeout inf: must be up to 3600 seconds\n"
    )


def test_a_snapshot_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "unit.toml"
    path.write_text("the one before")

    def full(self: Path, data: bytes) -> NoReturn:
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert main(["snapshot", "--out", str(path)]) == 2
    assert "space left on device" in capsys.readouterr().err
    assert path.read_text() == "the one before"
    assert [*tmp_path.iterdir()] == [path]
