"""Without the reference data the tests skip and say what to set; where it must be, they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
@pytest.mark.parametrize("required_by", [None, "CI", "JBD_REQUIRE_SHARED"])
def test_absent_reference_data_skip_and_fail_where_they_are_required(
    tmp_path: Path, required_by: str | None
) -> None:
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CI", "JBD_REQUIRE_SHARED") and not name.startswith(("COV_", "PYTEST_"))
    }
    environment["JBD_SHARED"] = str(tmp_path / "absent")
    if required_by:
        environment[required_by] = "1"
    vectors = Path(__file__).with_name("test_vectors.py")
    options = ["-p", "no:cacheprovider", "-p", "no:jbd_bench", "--no-header", "-rsE"]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, str(vectors)],
        cwd=vectors.parents[2],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert "set JBD_SHARED to the folder that holds it" in run.stdout
    if required_by:
        assert (run.returncode, "2 errors" in run.stdout) == (1, True)
    else:
        assert (run.returncode, "2 skipped" in run.stdout) == (0, True)
