"""What the README promises is there: its examples, its paths, its commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parent.parent
README = (TOP / "README.md").read_text(encoding="utf-8")
COMMANDS = sorted(set(re.findall(r"^\$ (jbd-(?:bench|emulator)) ([a-z-]+)", README, re.MULTILINE)))


def test_the_example_is_the_file_that_is_tested() -> None:
    example = (TOP / "docs/examples/test_my_app.py").read_text(encoding="utf-8")
    assert f"```python\n{example}```" in README


def test_every_path_it_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]
    assert len(links) > 10
    assert [link for link in links if not (TOP / link).exists()] == []


def test_every_path_that_another_document_links_to_exists() -> None:
    lost = [
        f"{page.relative_to(TOP)}: {link}"
        for folder in ("docs", "decisions", "benchmarks")
        for page in sorted((TOP / folder).glob("*.md"))
        for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text(encoding="utf-8"))
        if "://" not in link and not (page.parent / link).exists()
    ]
    assert lost == []


def test_there_is_one_command_for_the_main_job_and_one_for_the_tests() -> None:
    commands = re.findall(r"^\$ (python3 -m venv .*)$", README, re.MULTILINE)
    assert len(commands) == 2
    assert commands[0].split("&&")[-1].split()[:2] == [".venv/bin/jbd-bench", "run"]
    assert commands[1].split("&&")[-1].strip() == ".venv/bin/tox"


@pytest.mark.parametrize(("program", "command"), COMMANDS)
def test_every_command_it_shows_knows_its_options(program: str, command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", program.replace("-", "_"), command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    shown = re.findall(rf"^\$ {program} {command}(.*)$", README, re.MULTILINE)
    for option in re.findall(r"--[a-z0-9-]+", " ".join(line.split("#")[0] for line in shown)):
        assert option in done.stdout
