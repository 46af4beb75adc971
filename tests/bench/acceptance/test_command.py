"""``jbd-bench accept`` from outside: verdict, exit status, and everything it leaves behind."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import jbd_bench.acceptance
from jbd_bench.acceptance import Verdict
from jbd_bench.commands.accept import _check_plugins
from jbd_emulator import FIRMWARE
from jbd_protocol import LocalError

pytestmark = pytest.mark.slow
Done = subprocess.CompletedProcess[str]
SCHEMA = json.loads(
    (Path(jbd_bench.acceptance.__file__).parent / "acceptance.schema.json").read_text()
)
GOOD, OTHER = "emulator:0x21?board=4s", "emulator:0x25?board=4s"


def accept(*arguments: object) -> Done:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "jbd_bench", "accept", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


class Page(HTMLParser):
    """What a page asks for from elsewhere, and what it says."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.outside: list[str] = []
        self.open: list[str] = []
        self.said: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe"):
            self.outside.append(tag)
        self.outside += [str(v) for k, v in attrs if k in ("src", "href") and str(v)[:1] != "#"]
        if tag not in ("meta", "line", "circle", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle", "rect"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Done, Path]:
    """One good unit and one of another firmware, judged together."""
    folder = tmp_path_factory.mktemp("two")
    return accept("--target", GOOD, "--target", OTHER, "--baseline=0x21", "--out", folder), folder


def result_of(folder: Path) -> dict[str, Any]:
    """Return the result, checked against the published schema."""
    document: dict[str, Any] = json.loads((folder / "acceptance.json").read_text())
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def test_two_units_are_two_units_in_every_report(two: tuple[Done, Path]) -> None:
    done, folder = two
    assert (done.returncode, done.stderr) == (1, "")
    assert f"ACCEPTED  {GOOD}" in done.stdout
    assert f"REFUSED  {OTHER}" in done.stdout
    units = {unit["target"]: unit["verdict"] for unit in result_of(folder)["units"]}
    assert units == {GOOD: "accepted", OTHER: "refused"}
    root = ElementTree.parse(folder / "junit.xml").getroot()
    assert {suite.get("name") for suite in root} == {GOOD, OTHER}
    assert int(root.get("tests", "0")) == sum(int(suite.get("tests", "0")) for suite in root)
    allure = [json.loads(p.read_text()) for p in (folder / "allure-results").glob("*-result.json")]
    targets = {p["value"] for row in allure for p in row["parameters"] if p["name"] == "jbd_target"}
    assert len(targets) == 2
    assert len(allure) == len(root.findall(".//testcase"))
    page = (folder / "acceptance.html").read_text()
    assert page.count('<section class="unit"') == 2


def test_the_page_is_one_file_with_the_verdict_first(two: tuple[Done, Path]) -> None:
    text = (two[1] / "acceptance.html").read_text()
    page = Page(text)
    assert page.outside == []
    assert page.open == []
    assert not re.findall(r"url\(|@import|https?://", text)
    said = " ".join(page.said)
    refused = said[said.index("Refused", said.index("Every requirement")) :]
    order = ["Refused", "What changed", "What it is refused for", "Every requirement"]
    places = [refused.index(text) for text in order]
    assert places == sorted(places)
    assert said.index("Accepted", said.index("side by side")) < said.index("What changed")
    for unit in result_of(two[1])["units"]:
        judged = [row for row in unit["requirements"] if row["outcome"] != "not applicable"]
        assert all(row["id"] in said for row in judged)


def test_a_refusal_names_requirement_frames_and_source(two: tuple[Done, Path]) -> None:
    unit = result_of(two[1])["units"][1]
    row = next(row for row in unit["requirements"] if row["id"] == "PWD-21-01")
    assert (row["outcome"], row["baseline"], row["effect"]) == ("failed", "passed", "refuses")
    assert "xiaoxiangBMS" in row["source"]
    [case] = row["cases"]
    assert [piece["hex"] for piece in case["traffic"]] == [
        "DD 5A 06 07 06 00 00 00 00 00 00 FF ED 77",
        "DD 06 00 00 00 00 77",
    ]
    assert ("identity", "version") in {(c["kind"], c["subject"]) for c in unit["changes"]}


def test_the_schema_refuses_what_is_no_result(two: tuple[Done, Path]) -> None:
    document = result_of(two[1])
    validator = jsonschema.Draft202012Validator(SCHEMA)
    validator.check_schema(SCHEMA)
    for broken in (
        {**document, "verdict": "maybe"},
        {**document, "units": []},
        {**document, "extra": 1},
        {**document, "kind": "jbd-bench baseline"},
    ):
        assert list(validator.iter_errors(broken))


def test_the_schema_in_the_docs_is_the_one_in_the_package() -> None:
    docs = Path(__file__).parents[3] / "docs" / "acceptance.schema.json"
    assert json.loads(docs.read_text()) == SCHEMA


@pytest.mark.parametrize("version", FIRMWARE, ids="0x{:02X}".format)
def test_every_firmware_is_accepted_by_its_own_baseline(version: int) -> None:
    done = accept(
        "--target", f"emulator:0x{version:02X}", "--baseline", f"0x{version:02X}", "--json"
    )
    result = json.loads(done.stdout)
    assert (done.returncode, result["verdict"]) == (0, "accepted"), result["units"][0]["why"]
    assert result["units"][0]["counts"]["not_judged"] == 0


def test_a_baseline_that_was_written_is_a_baseline(tmp_path: Path) -> None:
    path = tmp_path / "base.json"
    area = ("--area", "compatibility")
    first = accept("--target", OTHER, "--baseline=0x25", *area, "--write-baseline", path)
    assert first.returncode == 0
    jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(path.read_text()))
    # 2.5 lets Android 3.1.1026 in, 2.1 does not: against what was measured that is a loss.
    second = accept("--target", GOOD, "--baseline", path, *area, "--json")
    unit = json.loads(second.stdout)["units"][0]
    refused = {row["id"] for row in unit["requirements"] if row["effect"] == "refuses"}
    assert second.returncode == 1
    assert "COMPAT-A31-01" in refused


def test_without_leave_there_is_no_acceptance_and_a_tier_says_how_far(tmp_path: Path) -> None:
    base = ("--target", GOOD, "--baseline=0x21", "--allow=none", "--json")
    whole = accept(*base)
    assert whole.returncode == 1
    [unit] = json.loads(whole.stdout)["units"]
    assert unit["verdict"] == Verdict.INCOMPLETE
    assert any("--allow settings" in why for why in unit["why"])
    part = accept(*base, "--tier=read-only")
    assert part.returncode == 0
    [unit] = json.loads(part.stdout)["units"]
    assert {row["tier"] for row in unit["requirements"]} == {"read-only"}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), "target: none given"),
        (("--target", GOOD), "baseline: none given"),
        (("--target", GOOD, "--baseline=0x99"), "baseline 0x99"),
        (("--target", GOOD, "--baseline=nothing.json"), "nothing.json"),
        (("--target", "serial:/dev/nothing", "--baseline=0x21"), "no such port"),
        (("--target", "nothing:x", "--baseline=0x21"), "unknown scheme"),
        (("--target", GOOD, "--target", GOOD, "--baseline=0x21"), "given twice"),
        (("--target", GOOD, "--baseline=0x21", "--allow=fire"), "allow 'fire'"),
        (("--target", GOOD, "--baseline=0x21", "--area=moon"), "area 'moon'"),
        (("--target", GOOD, "--baseline=0x21", "--area=compatibility", "--tier=read-only"),
         "nothing to judge"),
        (("--target", GOOD, "--target", OTHER, "--baseline=0x21", "--write-baseline=x"),
         "write-baseline: 2 targets"),
        (("--target", GOOD, "--baseline=0x21", "--limit=cell_mv=5"), "limit 'cell_mv=5'"),
        (("--target", GOOD, "--baseline=0x21", "--plugin=no_lab"), "plugin 'no_lab'"),
        (("--target", GOOD, "--baseline=0x21", "--write-baseline=/nothing/x"),
         "write-baseline /nothing/x: no such file"),
        (("--target", GOOD, "--baseline=0x21", "--out=/proc/nothing"),
         "out /proc/nothing: no such"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_status_2(arguments: tuple[str, ...], names: str) -> None:
    done = accept(*arguments)
    assert done.returncode == 2
    assert names in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_plugin_is_found_where_the_run_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here_is_a_lab.py").touch()
    monkeypatch.chdir(tmp_path)
    # As for the script of an installation, whose path begins with its own folder.
    monkeypatch.setattr(sys, "path", [entry for entry in sys.path if entry])
    _check_plugins(["here_is_a_lab", "jbd_bench.pytest_plugin", "xdist"])
    with pytest.raises(LocalError, match="plugin 'there_is_none'"):
        _check_plugins(["here_is_a_lab", "there_is_none"])


def test_the_catalogue_can_be_listed() -> None:
    rows = json.loads(accept("--list", "--json").stdout)
    assert len(rows) >= 140
    assert {"id", "text", "source", "grade", "area", "tier", "needs", "leaves"} <= set(rows[0])
    shown = accept("--list", "--area=timing").stdout
    assert "TIME-SLEEP-01" in shown
    assert "CONF-FRAME-01" not in shown
