"""``jbd-bench read``: one look at a unit, without writing."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from jbd_bench import BmsClient, Tap, WriteRefused, open_target
from jbd_bench.__main__ import main
from jbd_bench._leave import LeaveGuard
from jbd_bench._reading import page, read_unit

Shown = Callable[..., str]


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    def shown(*arguments: str) -> str:
        assert main(["read", *arguments]) == 0
        return capsys.readouterr().out

    return shown


def test_a_person_sees_name_voltage_cells_and_states(shown: Shown) -> None:
    text = shown("--target", "emulator:0x21?board=8s&load_ma=5000")
    for said in (
        "JBD-SP10S009-L8S-100A-B-K   firmware 2.1",
        "-5.00 A",
        "discharging",
        "FETs     charge on, discharge on",
        "Trips    none",
        "25.0 degC",
        "Cell  8",
        "Counters all zero",
    ):
        assert said in text
    assert text.count("#") > 8 * 5


def test_json_has_values_with_units(shown: Shown) -> None:
    document = json.loads(shown("--json"))
    assert document["version"] == "2.1"
    assert document["basic_info"]["pack_voltage"]["unit"] == "mV"
    assert len(document["cells_mv"]) == 4
    assert document["error_counters"]["sc_err_cnt"] == 0
    assert document["parameters"] == {}


def test_nothing_is_written_unless_parameters_are_asked_for() -> None:
    link = Tap(open_target("emulator:0x21"))
    read_unit(BmsClient(LeaveGuard(link, frozenset())))
    assert not [p for p in link.traffic.pieces if p.data.startswith(b"\xdd\x5a")]
    with pytest.raises(WriteRefused):
        read_unit(BmsClient(LeaveGuard(link, frozenset())), parameters=True)
    link.close()


def test_parameters_are_read_in_factory_mode_which_is_left_with_0000() -> None:
    link = Tap(open_target("emulator:0x21"))
    reading = read_unit(BmsClient(link), parameters=True)
    writes = [p.data for p in link.traffic.pieces if p.data.startswith(b"\xdd\x5a")]
    assert [wire.hex() for wire in writes] == ["dd5a00025678ff3077", "dd5a01020000fffd77"]
    assert reading.parameters[0x24]["covp"] == (3650, "mV")
    assert "24  cell over-voltage                                3650 mV" in list(page(reading))
    link.close()


def test_a_locked_unit_shows_monitoring_and_says_what_opens_it(shown: Shown) -> None:
    locked = "emulator:0x17?pin=123456"
    text = shown("--target", locked, "--parameters")
    assert "Pack     " in text
    assert "a PIN is set: --pin" in text
    opened = json.loads(shown("--target", locked, "--parameters", "--pin", "123456", "--json"))
    assert opened["parameters"]["0x24"] == {"covp": {"value": 3650, "unit": "mV"}}
    assert "0x42" not in opened["parameters"]


def test_what_a_unit_does_not_serve_is_noted_and_the_rest_shown(shown: Shown) -> None:
    target = "emulator:0x21?answer_AA=0x80&answer_05=silence&answer_04=0x80"
    document = json.loads(shown("--target", target, "--json"))
    assert document["name"] is document["cells_mv"] is document["error_counters"] is None
    assert len(document["notes"]) == 3
    assert "Note     error counters: register 0xAA refused" in shown("--target", target)


def test_protections_and_locks_are_told_in_words() -> None:
    link = open_target("emulator:0x21")
    client = BmsClient(link)
    client.write(0xE1, b"\x00\x01")
    text = "\n".join(page(read_unit(client)))
    assert "charge OFF, discharge on" in text
    assert "software lock" in text
    link.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--target", "serial:/dev/ttyNOTHERE"), "no such port"),
        (("--target", "emulator:0x21?answer_03=silence"), "no answer to 3 requests"),
        (("--target", "emulator:0x21?answer_03=0x80"), "register 0x03 refused"),
        (("--pin", "123456"), "only --parameters needs one"),
        (("--parameters", "--pin", "12"), "must be 6 digits"),
        (("--timeout", "0"), "timeout_s 0.0: must be above 0"),
        (("--target", "emulator:0x21?board=9s"), "board '9s'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["read", *arguments]) == 2
    out, err = capsys.readouterr()
    [line] = err.splitlines()
    assert out == ""
    assert line.startswith("jbd-bench read: ")
    assert said in line
