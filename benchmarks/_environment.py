"""A virtual environment with the built wheel and the programs it is compared with."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def interpreter(wanted: str | None) -> str:
    """Return the Python to measure on: 3.12, for aiobmsble, where there is one.

    Raises:
        ValueError: the one that was asked for cannot be run, or is too old.
    """
    if wanted is None:
        newer = (name for name in ("python3.12", "python3.13") if _version(name) is not None)
        return next(newer, sys.executable)
    version = _version(wanted)
    if version is None or version < (3, 11):
        raise ValueError(f"python {wanted}: must be a Python 3.11 or later")
    return wanted


def prepare(python: str, *, say: bool) -> Path:
    """Return the interpreter of an environment that holds this checkout as a wheel.

    The environment is kept beside the benchmarks; the wheel is built anew each time.

    Raises:
        subprocess.CalledProcessError: pip failed; it has said why.
    """
    version = _version(python)
    assert version is not None
    folder = HERE / f".env-{version[0]}.{version[1]}"
    inside = folder / "bin" / "python"
    if not inside.exists():
        _tell(say, f"making {folder.name}")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([python, "-m", "venv", str(folder)], check=True)
    _tell(say, "installing the wheel and what it is compared with")
    pip = [str(inside), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    requirements = str(HERE / "requirements.txt")
    subprocess.run([*pip, "-r", requirements, f"{HERE.parent}[bench,ble,web]"], check=True)
    return inside


def _version(python: str) -> tuple[int, int] | None:
    with contextlib.suppress(OSError, subprocess.CalledProcessError, ValueError):
        show = "import sys; print(*sys.version_info[:2])"
        printed = subprocess.run(
            [python, "-c", show], check=True, capture_output=True, text=True
        ).stdout
        major, minor = map(int, printed.split())
        return major, minor
    return None


def _tell(say: bool, text: str) -> None:
    if say:
        sys.stderr.write(text + "\n")
