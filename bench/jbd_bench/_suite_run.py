"""Runs the shipped suites in this process, by pytest, on its own settings alone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ._boards import check_boards
from ._leave import parse_leaves
from ._link import LinkError
from ._under_test import TargetUnderTest
from .records import Recorder
from .transports import parse_target

if TYPE_CHECKING:
    import pytest

_HERE: Final = Path(__file__).parent / "suites"
_FOREIGN: Final = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")

ALL_PROFILES: Final = (
    "emulator:0x15?board=4s",
    "emulator:0x16?board=8s",
    "emulator:0x17?board=4s",
    "emulator:0x17?board=4s&pin=123456",
    "emulator:0x17?board=4s&pin=123456&pin_encoding=ascii",
    "emulator:0x20?board=16s",
    "emulator:0x21?board=4s",
    "emulator:0x21?board=8s",
    "emulator:0x21?board=16s",
    "emulator:0x25?board=4s",
    "emulator:0x44?board=4s",
    "emulator:0x80?board=4s",
)
"""What ``jbd-bench run`` tests when it is not told: every firmware profile, every board kit."""
AIR_PROFILES: Final = (
    "emulator-ble:0x21?board=4s&module=telink&about=module",
    "emulator-ble:0x44?board=4s&module=telink-login&login=123456&about=module",
)
"""And behind a virtual radio, for what is about the module: without a login and with one. Pairing
anew for every test would take as long as both."""
AIR_MISSING: Final = "the Bluetooth module is left out: pip install 'jbd-bench[ble]'"


def default_profiles() -> tuple[str, ...]:
    """Return what is tested where no target is named; the radio's only where its stack is there."""
    has_stack = all(find_spec(name) is not None for name in ("bleak", "bumble"))
    return (*ALL_PROFILES, *(AIR_PROFILES if has_stack else ()))


def need_pytest() -> None:
    """Refuse to go on without pytest.

    Raises:
        LinkError: it is not installed.
    """
    if find_spec("pytest") is None:
        raise LinkError("the suites need pytest: pip install 'jbd-bench[bench]'")


@dataclass(frozen=True, slots=True)
class Guarding:
    """How a run guards its boards, as the options of a command line have it.

    Attributes:
        journal: folder of the journals, None for the usual one.
        limits: of the watchdog, ``cell_mv=2800:3600``.
        replug: seconds that a board which is gone is waited for, None for the usual time.
    """

    journal: str | None = None
    limits: Sequence[str] = ()
    replug: str | None = None

    def arguments(self) -> list[str]:
        """Return them as the pytest plugin takes them."""
        found = [f"--jbd-limit={limit}" for limit in self.limits]
        found += [] if self.journal is None else [f"--jbd-journal={self.journal}"]
        return found + ([] if self.replug is None else [f"--jbd-replug={self.replug}"])


def check_targets(
    texts: Sequence[str], allow: str | None, guarding: Guarding | None = None
) -> None:
    """Refuse targets that cannot be tested, before any test runs.

    What a killed run left on a board is put back here.

    Raises:
        LinkError, ConfigError: a target that cannot be opened, or the same board twice.
        NotRestored: a board is not as it was found, and cannot be put back.
        LocalError: an unknown leave, a bad limit or time.
        JournalError: leave to write, and no place for the journal.
        ReplyTimeout, RequestRefused: a board that does not serve register 0x03.
    """
    leaves = None if allow is None else parse_leaves(allow)
    check_boards(texts)
    safety = None
    if guarding is not None:
        from .safety._journal import check_folder
        from .safety._plugin import safety_options

        safety = safety_options(guarding.journal, guarding.limits, guarding.replug)
        if all(parse_target(text).embedded for text in texts):
            safety = None
        elif leaves:
            check_folder(safety.folder)
    for text in texts:
        target = TargetUnderTest(parse_target(text), leaves, safety)
        target.check()
        try:
            target.version()
        finally:
            target.close()


def run_suites(
    targets: Sequence[str],
    suites: Sequence[str],
    *,
    recorder: Recorder,
    allow: str | None = None,
    judge_as: str | None = None,
    load: Sequence[str] = (),
    report: Path | None = None,
    plugins: Sequence[object] = (),
    workers: int = 1,
    guarding: Guarding | None = None,
) -> int:
    """Run suites on targets.

    Args:
        targets: target strings.
        suites: names out of ``SUITES``.
        recorder: keeps what became of every test.
        allow: what tests may change, as ``--allow`` takes it.
        judge_as: the firmware to judge by, ``0x21``, whatever register 03 says.
        load: pytest plugins of the lab, by module name.
        report: folder for ``junit.xml`` and ``allure-results``, made where it is missing.
        plugins: pytest plugins, to show progress.
        workers: how many processes share the boards; see ``_boards.workers_for``.
        guarding: journal, limits and patience; None for the usual ones.
    Returns:
        The exit status of pytest.
    Raises:
        LinkError: pytest is not installed.
        OSError: the report folder cannot be made.
    """
    need_pytest()
    import pytest

    arguments = ["-c", str(_HERE / "pytest.ini"), f"--rootdir={_HERE}", "--capture=no"]
    arguments += ["-p", "no:terminal", "-p", "no:cacheprovider", "-p", "jbd_bench.pytest_plugin"]
    arguments += [f"--jbd-target={target}" for target in targets]
    if allow is not None:
        arguments.append(f"--jbd-allow={allow}")
    if judge_as is not None:
        arguments.append(f"--jbd-judge-as={judge_as}")
    for name in load:
        arguments += ["-p", name]
    if guarding is not None:
        arguments += guarding.arguments()
    if report is not None:
        arguments += _reports(report)
    if workers > 1:
        arguments += ["-p", "xdist.plugin", f"--numprocesses={workers}"]
    arguments += [str(_HERE / suite) for suite in suites]
    with _own_environment():
        return int(pytest.main(arguments, plugins=[_ShortFailures(), recorder, *plugins]))


def board_lines(recorder: Recorder) -> list[str]:
    """Return what was put back on each board, in a line each."""
    lines = []
    rows: list[dict[str, Any]] = recorder.extra.get("safety", [])  # type: ignore[assignment]  # made by the safety plugin
    for row in rows:
        outcomes = row["restored"]
        restored = sum(len(one["restored"]) for one in outcomes)
        lasting = list(dict.fromkeys(line for one in outcomes for line in one["lasting"]))
        if row["journal"] is not None:
            what = f"{restored} changes put back and read back" if restored else "left as it was"
            lines.append(f"{row['target']}: {what}")
        lines += [f"{row['target']}: cannot be put back: {line}" for line in lasting]
        if row["stopped"] is not None:
            lines.append(f"ENDED: {row['stopped']}")
    return lines


def _reports(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    arguments = [f"--junitxml={folder / 'junit.xml'}", "-o", "junit_logging=system-out"]
    arguments += ["-o", "junit_suite_name=jbd-bench"]
    if find_spec("allure_pytest") is not None:
        results = folder / "allure-results"
        # Not --clean-alluredir: a worker that starts late would take away what others have written.
        shutil.rmtree(results, ignore_errors=True)
        arguments += ["-p", "allure_pytest.plugin", f"--alluredir={results}"]
    return arguments


class _ShortFailures:
    """pytest's own reporter is off, and its option for the length of tracebacks with it."""

    def pytest_configure(self, config: pytest.Config) -> None:
        """Ask for short ones."""
        config.option.tbstyle = "short"


@contextmanager
def _own_environment() -> Iterator[None]:
    """Keep the plugins and options of the surrounding project out of the run."""
    saved = {name: os.environ.pop(name) for name in _FOREIGN if name in os.environ}
    before = os.environ.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    try:
        yield
    finally:
        os.environ.update(saved)
        if before is None:
            del os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"]
        else:
            os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = before
