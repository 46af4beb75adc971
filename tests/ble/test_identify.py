"""``jbd-bench identify`` through a Bluetooth module: the board, and the module it goes through."""

from __future__ import annotations

import json

import pytest

from jbd_bench.__main__ import main


@pytest.mark.parametrize(
    ("module", "named"),
    [
        ("older", ["older"]),
        ("telink", ["telink"]),
        ("telink-login&login=123456", ["telink-login"]),
        ("fff0", ["fff0"]),
    ],
)
def test_board_and_module_are_told_over_the_air(
    module: str, named: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    target = f"emulator-ble:0x44?board=8s&module={module}"
    assert main(["identify", "--target", target, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["closest"] == "0x44"
    assert document["module"]["generations"] == named
    assert document["module"]["against"] == []


@pytest.mark.parametrize("command", ["identify", "read"])
@pytest.mark.parametrize(
    ("module", "help_"),
    [
        ("telink-login", "telink-login, may demand a login: {}&login=PASSWORD"),
        ("passkey", "passkey, may want to be paired: {}&passkey=NUMBER"),
    ],
)
def test_a_module_that_lets_nobody_through_is_named_with_what_helps(
    capsys: pytest.CaptureFixture[str], command: str, module: str, help_: str
) -> None:
    target = f"emulator-ble:0x44?module={module}"
    assert main([command, "--target", target]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "register 0x03: no answer" in line
    assert help_.format(target) in line
