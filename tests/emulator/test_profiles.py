"""Firmware rows: every cell of the table of answers, its grade, and how much is assumed."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

import jbd_emulator
from jbd_emulator import BOARDS, FIRMWARE, Fact, FirmwareProfile, Rule, Unit, parse_unit
from jbd_protocol import ENTER_FACTORY, Grade, Status, parse_request, parse_response

CAPTURED, VENDOR, REPORTED, ASSUMED = Grade
"""Best first, as the enumeration is defined."""

COLUMNS = {
    "0x15": ("0x15", 0),
    "0x16": ("0x16", 0),
    "0x17 PIN unset": ("0x17", 1),
    "0x17 unknown PIN": ("0x17?pin=482915", 2),
    "0x21": ("0x21", 3),
    "0x25": ("0x25", 4),
    "0x80": ("0x80", 4),
}
"""What is asked, and which column of the notes' table it stands in."""
RIGHT_PIN = {"0x17 unknown PIN": "dd 5a 06 07 06 04 08 02 09 01 05 ff d0 77"}
"""Elsewhere none is set, and the blank PIN is the right one."""
P0 = "dd 5a 06 07 06 00 00 00 00 00 00 ff ed 77"
CH = "dd 5a 07 0d 0c 07 06 05 08 02 08 01 02 03 04 05 06 ff a7 77"
CLR = "dd 5a 09 07 06 4a 31 42 32 44 34 fe 83 77"
FE = "dd 5a 00 02 56 78 ff 30 77"
READ_42 = "dd a5 42 00 ff be 77"
WRITE_42 = "dd 5a 42 02 0d 34 ff 7b 77"

DONE_06, DONE_07, DONE_09 = (f"dd {c} 00 00 00 00 77" for c in ("06", "07", "09"))
NO_06, NO_07, NO_09 = (f"dd {c} 80 00 ff 80 77" for c in ("06", "07", "09"))
WRONG_06, WRONG_07 = (f"dd {c} 83 00 ff 7d 77" for c in ("06", "07"))
ENTERED, LOCKED = "dd 00 00 00 00 00 77", "dd 00 81 00 ff 7f 77"


class Cell(NamedTuple):
    answer: str
    """The whole frame, or its beginning and an ellipsis where the pack decides what follows."""
    grade: Grade


def row(*cells: tuple[str, Grade]) -> dict[str, Cell]:
    return dict(zip(COLUMNS, (Cell(*cell) for cell in cells), strict=True))


SERVED = (CAPTURED, CAPTURED, CAPTURED, REPORTED, CAPTURED, CAPTURED, CAPTURED)
TABLE = {
    "R03 R04 R05": {
        "dd a5 03 00 ff fd 77": row(
            *((f"dd 03 00 {'24' if n == 5 else '1b'} …", grade) for n, grade in enumerate(SERVED))
        ),
        "dd a5 04 00 ff fc 77": row(*(("dd 04 00 08 …", grade) for grade in SERVED)),
        "dd a5 05 00 ff fb 77": row(
            *(
                (
                    "dd 05 00 1b 4a 42 44 2d 53 50 30 34 53 30 32 30 2d 4c 34 53 2d 31 32 30 41 "
                    "2d 42 2d 55 2d 4b f9 92 77",
                    grade,
                )
                for grade in SERVED
            )
        ),
    },
    "P0": {
        P0: row(
            (NO_06, ASSUMED), (NO_06, ASSUMED), (DONE_06, ASSUMED), (WRONG_06, VENDOR),
            (NO_06, CAPTURED), (DONE_06, CAPTURED), (DONE_06, CAPTURED),
        )
    },
    "right PIN": {
        "right PIN": row(
            (NO_06, ASSUMED), (NO_06, ASSUMED), (DONE_06, ASSUMED), (DONE_06, REPORTED),
            (NO_06, CAPTURED), (DONE_06, CAPTURED), (DONE_06, CAPTURED),
        )
    },
    "FE before pairing": {
        FE: row(
            (ENTERED, ASSUMED), (ENTERED, ASSUMED), (ENTERED, ASSUMED), (LOCKED, REPORTED),
            (ENTERED, REPORTED), (ENTERED, CAPTURED), (ENTERED, CAPTURED),
        )
    },
    "register 10..3F, no FE": {
        f"dd a5 {register} 00 {check} 77": row(
            *((f"dd {register} 81 00 ff 7f 77", ASSUMED) for _ in COLUMNS)
        )
        for register, check in (("10", "ff f0"), ("24", "ff dc"), ("3f", "ff c1"))
    },
    "CH": {
        CH: row(
            (NO_07, ASSUMED), (NO_07, ASSUMED), (DONE_07, ASSUMED), (WRONG_07, VENDOR),
            (NO_07, ASSUMED), (DONE_07, ASSUMED), (DONE_07, ASSUMED),
        )
    },
    "CLR": {
        CLR: row(
            (NO_09, ASSUMED), (NO_09, ASSUMED), (DONE_09, REPORTED), (DONE_09, REPORTED),
            (NO_09, ASSUMED), (DONE_09, REPORTED), (DONE_09, REPORTED),
        )
    },
    "read 42": {
        READ_42: row(
            ("dd 42 80 00 ff 80 77", CAPTURED), ("dd 42 80 00 ff 80 77", CAPTURED),
            ("dd 42 80 00 ff 80 77", ASSUMED), ("dd 42 81 00 ff 7f 77", ASSUMED),
            ("dd 42 00 02 0d 2f ff c2 77", CAPTURED), ("dd 42 00 02 0d 2f ff c2 77", CAPTURED),
            ("dd 42 00 02 0d 2f ff c2 77", CAPTURED),
        )
    },
}  # fmt: skip
"""CLIENTS.md section 10: row by name, request, column, answer."""

POSTED = "posted bytes count as captured; PROTOCOL 2.3 says so of XI 195"
BETTER_KNOWN = {
    ("R03 R04 R05", "0x15"): "the capacity-register notes are of boards with 0x15",
    ("R03 R04 R05", "0x16"): "PROTOCOL 3.2: captured basic info has version byte 16",
    ("R03 R04 R05", "0x17 PIN unset"): "PROTOCOL 3.2: captured basic info has version byte 17",
    ("R03 R04 R05", "0x21"): "the capacity-register notes are of boards with 0x21",
    ("P0", "0x21"): POSTED,
    ("right PIN", "0x21"): POSTED,
    ("right PIN", "0x25"): "none is set, so it is P0",
    ("right PIN", "0x80"): "none is set, so it is P0",
    ("CH", "0x17 unknown PIN"): "PROTOCOL 2.1: vendor V11 lists 00 and 83 as answers to 07",
    ("CLR", "0x17 PIN unset"): "the field's word that a reset needs no PIN holds here too",
    ("read 42", "0x15"): "PROTOCOL 1.3: captured for the capacity-register notes",
    ("read 42", "0x16"): "PROTOCOL 1.3: captured for the capacity-register notes",
    ("read 42", "0x21"): "PROTOCOL 3.6: captured for the capacity-register notes",
    ("read 42", "0x25"): "a board option in the table; in factory mode a setting as any other",
    ("read 42", "0x80"): "a board option in the table; in factory mode a setting as any other",
}
"""Cells whose grade is better than the table of section 10 prints, each with the reason."""


def cells() -> Iterator[tuple[str, str, str, Cell]]:
    for name, requests in TABLE.items():
        for request, columns in requests.items():
            for column, cell in columns.items():
                yield name, RIGHT_PIN.get(column, P0) if request == name else request, column, cell


def ask(unit: Unit, request: str) -> tuple[str, Rule]:
    """Return what a unit answers on the wire, and the rule a second, equal one gives for it."""
    twin = Unit(unit.config)
    frames = [bytes.fromhex(request)]
    if request == READ_42:
        # Inside factory mode, where it can be entered: the table asks whether it exists.
        frames.insert(0, ENTER_FACTORY.to_wire())
    answer = ""
    for frame in frames:
        outcome = twin.device.handle(parse_request(frame), 0.0)
        answer = unit.receive(frame, 0.0).hex(" ")
        assert answer == (
            "" if outcome.response is None else twin.to_wire(outcome.response).hex(" ")
        )
    return answer, outcome.rule


@pytest.mark.parametrize(
    ("name", "request_", "column", "cell"),
    [pytest.param(*row, id=f"{row[2]}-{row[1][6:8]}-{row[0]}") for row in cells()],
)
def test_a_firmware_answers_what_its_row_says_and_on_that_evidence(
    name: str, request_: str, column: str, cell: Cell
) -> None:
    answer, rule = ask(Unit(parse_unit(COLUMNS[column][0])), request_)
    wanted, more, _ = cell.answer.partition(" …")
    assert answer.startswith(wanted) if more else answer == wanted
    assert parse_response(bytes.fromhex(answer)).to_wire().hex(" ") == answer
    assert rule.evidence.grade is cell.grade, str(rule)
    assert rule.text
    assert rule.evidence.source


@pytest.mark.shared
def test_the_table_is_the_one_of_the_notes_and_better_grades_have_a_reason(
    shared_dir: Path,
) -> None:
    text = (shared_dir / "protocol" / "CLIENTS.md").read_text("utf-8")
    section = text.split("## 10. Emulator answers per firmware profile")[1].split("\n## ")[0]
    printed = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("| ")
    ]
    assert [row[0] for row in printed[1:]] == list(TABLE)
    better = set()
    for name, *columns in printed[1:]:
        for _, request, column, cell in (item for item in cells() if item[0] == name):
            said = columns[COLUMNS[column][1]]
            status = re.match(r"\**([0-9A-F]{2})\b", said)
            if status is None:
                assert said == "not seen", said
            elif said.startswith("80 or 00"):
                assert cell.answer[6:8] in ("80", "00")
            else:
                assert cell.answer[6:8].upper() == status[1], (name, column, request)
            if rank(cell.grade) < claimed(said):
                better.add((name, column))
    assert better == set(BETTER_KNOWN)


def claimed(cell: str) -> int:
    words = {"CAPTURE": CAPTURED, "VENDOR-DOC": VENDOR, "ISSUE-REPORT": REPORTED, "SEED": REPORTED}
    return min((rank(g) for word, g in words.items() if word in cell), default=rank(ASSUMED))


def rank(grade: Grade) -> int:
    return list(Grade).index(grade)


@pytest.mark.parametrize("version", ["0x15", "0x16"])
def test_before_0x17_a_write_to_42_is_acknowledged_and_forgotten(version: str) -> None:
    unit = Unit(parse_unit(version))
    for request in (FE, WRITE_42):
        assert unit.receive(bytes.fromhex(request), 0.0)[2] == Status.OK
    for register in range(0x43, 0x48):
        frame = bytes((0xDD, 0x5A, register, 2, 0x0D, 0x34))
        check = (-sum(frame[2:]) & 0xFFFF).to_bytes(2, "big")
        answer = unit.receive(frame + check + b"\x77", 0.0)
        assert answer == bytes((0xDD, register, 0, 0, 0, 0, 0x77))
    refused, _ = ask(unit, READ_42)
    assert refused == "dd 42 80 00 ff 80 77"


def test_every_profile_and_board_names_its_source() -> None:
    assert set(FIRMWARE) == {0x15, 0x16, 0x17, 0x20, 0x21, 0x25, 0x44, 0x80}
    assert set(BOARDS) == {"4s", "8s", "16s"}
    for version, profile in FIRMWARE.items():
        assert profile.version == version
        assert profile.title
        assert len(dict(profile.facts())) == len(FACTS)
        for name, fact in profile.facts():
            assert isinstance(fact, Fact)
            assert fact.evidence.source.strip(), f"0x{version:02X} {name}"
        for command, evidence in profile.command_evidence.items():
            assert evidence.source.strip(), f"0x{version:02X} command {command:02X}"
    assert all(kit.evidence.source.strip() for kit in BOARDS.values())


FACTS = [name for name, _ in FIRMWARE[0x15].facts()]

ASSUMED_FACTS = {
    0x15: "06 07 09 blank_accepted pairing_ends open_entry closed_setting parameters new_commands",
    0x16: "06 07 09 password blank_accepted pairing_ends open_entry closed_setting parameters "
    "new_commands",
    0x17: "blank_accepted pairing_ends open_entry closed_setting capacity_points parameters "
    "new_commands",
    0x20: "blank_accepted pairing_ends open_entry closed_setting parameters new_commands",
    0x21: "07 09 blank_accepted pairing_ends closed_setting parameters new_commands",
    0x25: "pairing_ends closed_setting capacity_points new_commands",
    0x44: "blank_accepted pairing_ends capacity_points new_commands",
    0x80: "pairing_ends closed_setting capacity_points parameters new_commands",
}
"""And on every row that refusals have a valid checksum."""


@pytest.mark.parametrize("version", FIRMWARE)
def test_what_a_firmware_row_assumes_is_pinned(version: int) -> None:
    profile: FirmwareProfile = FIRMWARE[version]
    found = {name for name, fact in profile.facts() if fact.evidence.grade is ASSUMED}
    found |= {
        f"{command:02X}"
        for command, evidence in profile.command_evidence.items()
        if evidence.grade is ASSUMED
    }
    assert found == {*ASSUMED_FACTS[version].split(), "zero_checksum_refusal"}


def test_the_number_of_assumed_rules_is_pinned() -> None:
    """A new assumption shows here, and in review."""
    found: dict[str, int] = {}
    for path in sorted(Path(jbd_emulator.__file__).parent.glob("*.py")):
        calls = [
            node
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "assumed"
        ]
        if calls:
            found[path.name] = len(calls)
    assert found == {"_answers.py": 6, "_password.py": 2}


@pytest.mark.shared
def test_a_new_board_of_a_kit_holds_the_kit_s_settings_file(shared_dir: Path) -> None:
    document = json.loads((shared_dir / "protocol" / "registers.json").read_text("utf-8"))
    checked = 0
    for kit in BOARDS.values():
        for entry in document["registers"]:
            default = (entry.get("defaults_raw") or {}).get(kit.key.upper())
            if default is None:
                continue
            held = kit.settings[int(entry["address"], 16)]
            if isinstance(default, str):
                assert held == bytes((len(default),)) + default.encode("ascii"), entry["name"]
            else:
                assert held == (default & 0xFFFF).to_bytes(2, "big"), entry["name"]
            checked += 1
    assert checked == 159
    names = {kit.key: (kit.cells, kit.ntcs, kit.capacity_mah) for kit in BOARDS.values()}
    assert names == {"4s": (4, 2, 100_000), "8s": (8, 2, 100_000), "16s": (16, 3, 100_000)}


@pytest.mark.parametrize("key", ["4s", "8s", "16s"])
def test_a_kit_says_on_the_wire_what_it_is(key: str) -> None:
    unit, kit = Unit(parse_unit(f"0x20?board={key}")), BOARDS[key]
    info = parse_response(unit.receive(bytes.fromhex("dda50300fffd77"), 0.0)).data
    assert (info[18], info[21], info[22]) == (0x20, kit.cells, kit.ntcs)
    assert len(info) == 23 + 2 * kit.ntcs
    cell_mv = parse_response(unit.receive(bytes.fromhex("dda50400fffc77"), 0.0)).data
    assert len(cell_mv) == 2 * kit.cells
    name = parse_response(unit.receive(bytes.fromhex("dda50500fffb77"), 0.0)).data
    assert name.decode("ascii") == kit.name
