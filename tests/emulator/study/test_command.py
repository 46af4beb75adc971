"""``jbd-emulator charge-study`` as a person meets it."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from jbd_emulator.__main__ import main
from jbd_emulator.study._progress import ProgressBar

SHORT = ["charge-study", "--days", "0.2"]


class Screen(io.StringIO):
    """A terminal that remembers."""

    def isatty(self) -> bool:
        return True


def test_it_prints_a_row_for_each_charger(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--cells", "8"]) == 0
    captured = capsys.readouterr()
    for title in ("supply 28.0 V", "supply 28.4 V", "supply 29.2 V", "float 26.4 V"):
        assert title in captured.out
    assert "8 cells of 100 Ah for 0.2 days" in captured.out
    assert captured.err == ""


def test_json_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*SHORT, "--capacity-ah", "50", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["capacity_ah"] == 50.0
    assert len(document["chargers"]) == 4
    assert all(abs(row["energy_error"]) < 1e-3 for row in document["chargers"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--cells", "2"], "cells 2: must be 3 to 32"),
        (["--cells", "four"], "cells 'four': must be a whole number"),
        (["--capacity-ah", "1e9"], "capacity_ah 1000000000.0: must be 5 to 600"),
        (["--days", "a week"], "days 'a week': must be a number"),
        (["--days", "nan"], "days nan: must be 0.1 to 365"),
    ],
)
def test_bad_input_is_one_line(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["charge-study", *options]) == 2
    assert capsys.readouterr().err == f"jbd-emulator charge-study: {message}\n"


@pytest.mark.slow
def test_the_pictures_are_png_and_svg_and_the_same_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    for name in ("one", "two"):
        assert main([*SHORT, "--out", str(tmp_path / name)]) == 0
    out = capsys.readouterr().out
    for stem in ("charge-study", "charge-study-soc"):
        png, svg = tmp_path / "one" / f"{stem}.png", tmp_path / "one" / f"{stem}.svg"
        assert png.read_bytes().startswith(b"\x89PNG")
        assert ElementTree.parse(svg).getroot().tag.endswith("svg")
        assert svg.read_bytes() == (tmp_path / "two" / svg.name).read_bytes()
        assert str(tmp_path / "two" / svg.name) in out
    document = json.loads((tmp_path / "one" / "charge-study.json").read_text())
    assert len(document["chargers"]) == 4


def test_a_folder_that_cannot_be_made_is_one_line_before_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("")
    assert main(["charge-study", "--days", "365", "--out", str(tmp_path / "file")]) == 2
    assert "exists" in capsys.readouterr().err


def test_without_matplotlib_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["charge-study", "--days", "365", "--out", str(tmp_path)]) == 2
    assert "out: needs matplotlib, install jbd-bench[plot]" in capsys.readouterr().err


def test_a_bar_is_drawn_on_a_terminal_and_wiped() -> None:
    screen = Screen()
    with ProgressBar("charge study", screen) as show:
        for share in (0.0, 0.5, 0.501, 1.0):
            show(share)
    assert screen.getvalue().count("\r") == 4
    assert " 50 %" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[K")


def test_no_bar_where_nobody_watches() -> None:
    pipe = io.StringIO()
    with ProgressBar("charge study", pipe) as show:
        show(0.5)
    assert pipe.getvalue() == ""


def test_help_loads_neither_study_nor_scenarios_nor_matplotlib() -> None:
    code = (
        "import sys; from jbd_emulator.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print([n for n in sys.modules if n.split('.')[0] in ('matplotlib', 'numpy')"
        " or n.startswith(('jbd_emulator.study', 'jbd_emulator.scenario'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
    assert "charge-study" in done.stdout


def test_the_study_imports_matplotlib_only_to_draw() -> None:
    code = (
        "import sys, jbd_emulator.commands.charge_study as c, jbd_emulator.study._plots\n"
        "print([n for n in sys.modules if n.split('.')[0] == 'matplotlib'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
