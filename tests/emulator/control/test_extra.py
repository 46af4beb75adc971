"""Without the extra: one line that names it, and a `serve` that is as light as before."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from jbd_emulator.__main__ import main

HEAVY = ("asyncio", "fastapi", "jbd_emulator.control", "pydantic", "starlette", "subprocess",
         "uvicorn")  # fmt: skip


def test_a_missing_package_is_one_line_that_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["serve", "--control", "127.0.0.1:0"]) == 2
    assert capsys.readouterr().err == (
        "jbd-emulator serve: control: needs fastapi, install jbd-bench[web]\n"
    )


def test_serve_without_a_page_loads_nothing_of_it() -> None:
    code = (
        "import sys, jbd_emulator.commands.serve as serve\n"
        "from jbd_emulator.frontends._server import Server\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"


def test_the_desk_needs_the_standard_library_alone() -> None:
    code = (
        "import sys, jbd_emulator.control, jbd_emulator.control._start\n"
        "print([n for n in ('fastapi', 'pydantic', 'uvicorn') if n in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout == "[]\n"
