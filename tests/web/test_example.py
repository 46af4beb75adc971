"""The example in another language runs, and says what it promises."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "examples" / "drive.sh"


@pytest.mark.slow
def test_a_shell_starts_breaks_reads_and_checks() -> None:
    missing = [name for name in ("bash", "curl", "jq") if shutil.which(name) is None]
    if missing:
        why = f"needs {', '.join(missing)}"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    environment = os.environ | {"JBD_EMULATOR": f"{sys.executable} -m jbd_emulator"}
    done = subprocess.run(
        ["bash", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "all as expected"
    good, damaged, again = lines[:3]
    assert good == again != damaged
    assert '"charge_fet":false' in lines[3]
