"""The matrix: the facts the field states must come out of running the models."""

from __future__ import annotations

import json

import pytest

from jbd_bench.__main__ import main
from jbd_bench._matrix import TARGETS, Cell, run_cell, run_matrix
from jbd_bench.clients import CLIENTS, CONDITIONS, EXPECTED, condition_of
from jbd_protocol import LocalError

KEYS = {"client", "condition", "monitoring", "parameters", "symptom", "grade"}


@pytest.fixture(scope="module")
def cells() -> dict[tuple[str, str], Cell]:
    return {(cell.client, cell.condition): cell for cell in run_matrix()}


def reached(cell: Cell) -> tuple[bool, bool]:
    return cell.monitoring, cell.parameters


def test_there_is_a_cell_for_every_client_and_condition(
    cells: dict[tuple[str, str], Cell],
) -> None:
    assert set(cells) == {(client, name) for client in CLIENTS for name in TARGETS}
    assert tuple(TARGETS) == CONDITIONS


@pytest.mark.parametrize(("client", "condition", "wanted"), [
    ("android-3.1.1026", "0x21", (False, False)),
    ("android-3.1.1026", "0x21 after clear", (False, False)),
    ("android-3.1.1026", "0x17 unknown PIN", (False, False)),
    ("android-3.1.1026", "0x17 after clear", (True, True)),
    ("android-3.1.1015", "0x21", (True, True)),
    ("ios-fixed", "0x21", (True, True)),
    ("jbdtools-2021", "0x21", (True, True)),
    ("ios-before-fix", "0x17 unknown PIN", (True, False)),
    ("ios-fixed", "0x17 unknown PIN", (True, False)),
    ("jbdtools-2021", "0x17 unknown PIN", (True, False)),
    ("ios-before-fix", "0x21", (True, False)),
    ("android-3.2", "0x17 unknown PIN", (True, True)),
    ("bms-tools-1.2.0", "0x21", (True, False)),
    ("bms-tools-1.2.0", "0x17 unknown PIN", (True, False)),
    ("bms-tools-1.2.0", "0x16", (True, False)),
    ("bms-tools-1.1.4", "0x21", (True, True)),
])  # fmt: skip
def test_what_the_field_states_comes_out(
    client: str, condition: str, wanted: tuple[bool, bool], cells: dict[tuple[str, str], Cell]
) -> None:
    assert reached(cells[client, condition]) == wanted


def test_every_cell_is_as_the_descriptions_say(cells: dict[tuple[str, str], Cell]) -> None:
    wanted = {key: (row.monitoring, row.parameters) for key, row in EXPECTED.items()}
    assert {key: reached(cell) for key, cell in cells.items()} == wanted


def test_symptoms_are_in_the_words_of_the_client(cells: dict[tuple[str, str], Cell]) -> None:
    assert "bad password" in cells["bms-tools-1.2.0", "0x21"].symptom
    assert "Error reading parameter" in cells["jbdtools-2021", "0x17 unknown PIN"].symptom
    assert "cleared unasked" in cells["android-3.2", "0x17 unknown PIN"].symptom
    assert "no data" in cells["android-3.1.1026", "0x21"].symptom


def test_what_nobody_reported_is_graded_as_assumed(cells: dict[tuple[str, str], Cell]) -> None:
    assert cells["android-3.1.1026", "0x21"].grade == "reported"
    assert cells["android-3.1.1026", "0x16"].grade == "assumed"
    assert cells["android-3.1.1015", "0x25"].grade == "assumed"
    assert cells["fixed-app", "0x21"].grade == "assumed"
    assert cells["bms-tools-1.2.0", "0x21"].grade == "captured"


def test_the_same_cell_runs_the_same_way_twice() -> None:
    assert run_cell("android-3.2", "0x25") == run_cell("android-3.2", "0x25")


def test_the_json_is_a_list_of_cells(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["matrix", "--json", "--client", "ios-fixed", "--client", "fixed-app"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 2 * len(CONDITIONS)
    for row in rows:
        assert set(row) == KEYS
        assert isinstance(row["monitoring"], bool)
        assert isinstance(row["parameters"], bool)


def test_the_table_has_a_row_a_client_and_says_what_users_see(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["matrix", "--condition", "0x21"]) == 0
    out = capsys.readouterr().out
    assert all(client in out for client in CLIENTS)
    assert "asks for a PIN and accepts none" in out


@pytest.mark.parametrize("arguments", [["--client", "nobody"], ["--condition", "0x99"]])
def test_unknown_names_are_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["matrix", *arguments]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_cell_of_an_unknown_condition_is_refused() -> None:
    with pytest.raises(LocalError):
        run_cell("fixed-app", "0x99")


@pytest.mark.parametrize(("version", "pin", "condition"), [
    (0x15, False, "0x16"), (0x16, True, "0x16"), (0x17, False, "0x17 without PIN"),
    (0x20, True, "0x17 unknown PIN"), (0x21, True, "0x21"), (0x80, False, "0x25"),
    (0x25, True, "0x17 unknown PIN"), (0x67, False, None),
])  # fmt: skip
def test_a_unit_is_in_the_condition_its_version_and_pin_say(
    version: int, pin: bool, condition: str | None
) -> None:
    assert condition_of(version, pin_is_set=pin) == condition
