"""What the module says to the board when the power comes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from jbd_emulator.module import BleModule

Make = Callable[..., BleModule]

ENTER = "dd5a00025678ff3077"
CONVERSATION = [ENTER, "dda5a200ff5e77", "dd5a01020000fffd77", "dda50500fffb77"]


def watched(module: BleModule) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []
    module.unit.tap = lambda now_s, direction, data: heard.append((direction, data.hex()))
    return heard


@pytest.mark.shared
def test_the_conversation_is_the_captured_one(make: Make, shared_dir: Path) -> None:
    path = shared_dir / "captures" / "uart-sp04s060-btmodule-sniff.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()[:8]]
    captured = [("rx" if line["dir"] == "tx" else "tx", line["hex"]) for line in lines]
    module = make(unit="0x25")
    heard = watched(module)
    module.power_up(0.0)

    # The answer to 05 is the board's name, and this board has another.
    assert heard[:7] == captured[:7]
    assert [data for direction, data in heard if direction == "rx"] == CONVERSATION
    assert module.due_s is None


def test_the_module_takes_its_name_from_the_board(make: Make) -> None:
    module = make(unit="0x25")
    assert module.name == "xiaoxiang BMS"
    module.power_up(0.0)

    assert module.name == "JBD-SP04S020-L4S-120A-B-U-K"
    assert module.read("2a00") == b"JBD-SP04S020-L4S-120A-B-U-K"


def test_a_name_that_was_set_wins_over_the_boards(make: Make) -> None:
    module = make(unit="0x25", name="Garage")
    module.power_up(0.0)

    assert module.name == "Garage"


def test_a_sleeping_board_is_asked_again(make: Make) -> None:
    module = make(unit="0x25?sleep=1")
    heard = watched(module)
    module.power_up(0.0)
    assert [data for direction, data in heard] == [ENTER]
    assert module.due_s == pytest.approx(0.5)
    module.on_due(0.5)

    assert [data for direction, data in heard if direction == "rx"] == [ENTER, *CONVERSATION]
    assert module.due_s is None


def test_a_board_that_never_answers_is_asked_four_times(make: Make) -> None:
    module = make(unit="0x25?answer_00=silence")
    heard = watched(module)
    module.power_up(0.0)
    while (due_s := module.due_s) is not None:
        module.on_due(due_s)

    assert heard == [("rx", ENTER)] * 4
    assert module.name == "xiaoxiang BMS"


def test_a_refusal_counts_as_an_answer(make: Make) -> None:
    module = make(unit="0x25?pin=482915")
    heard = watched(module)
    module.power_up(0.0)

    assert [data for direction, data in heard if direction == "rx"] == CONVERSATION
    assert module.name.startswith("JBD-")


def test_a_damaged_answer_is_asked_for_again(make: Make) -> None:
    module = make(unit="0x25?answer_05=bad-checksum")
    heard = watched(module)
    module.power_up(0.0)
    while (due_s := module.due_s) is not None:
        module.on_due(due_s)

    asked = [data for direction, data in heard if direction == "rx"]
    assert asked == [*CONVERSATION[:3], *CONVERSATION[3:] * 4]


def test_a_late_answer_goes_to_the_module_and_not_to_the_central(make: Make) -> None:
    module = make("fa00-login", "0x25?answer_05=delay-0.2", password="")
    module.power_up(0.0)
    module.connected(0.1)
    module.subscribed(0.1)

    assert module.take(0.3) == []
    assert module.name.startswith("JBD-")


def test_a_central_is_served_during_the_conversation(make: Make) -> None:
    module = make("fa00-login", "0x25?answer_00=silence", password="")
    module.power_up(0.0)
    module.connected(0.1)
    module.subscribed(0.1)
    module.written(bytes.fromhex("dda50400fffc77"), 0.2)

    assert [len(piece) for piece in module.take(0.2)] == [15]


def test_the_board_is_left_outside_factory_mode(make: Make) -> None:
    module = make(unit="0x25")
    module.power_up(0.0)

    assert not module.unit.device.settings_open


def test_power_up_ends_the_link_and_forgets_it(make: Make) -> None:
    module = make(unit="0x25")
    module.connected(0.0)
    module.take(0.0)
    module.power_up(5.0)

    assert not module.busy
    module.connected(6.0)
    assert module.take(6.0) == [b"\x00"]


def test_the_clone_says_nothing_at_power_up(make: Make) -> None:
    module = make("clone", "0x25")
    heard = watched(module)
    module.power_up(0.0)

    assert heard == []
