"""The pytest plugin: ``--target`` names a board, fixtures hand it to tests.

It stands in every pytest run of its environment, so it imports pytest alone; all else loads with
the first test that asks for it.

==============  =====================================================================
``jbd_client``  a :class:`~jbd_bench.BmsClient` of the board under test
``jbd_link``    the byte pipe to it, guarded and recorded
``jbd_clock``   the time on that pipe; jumps on the emulator
``jbd_unit``    the emulated unit itself; skips on a board that is not one
``jbd_expect``  what a client will ask that unit, and what the unit does then
``jbd_bleak``   emulated units on a virtual radio, in reach of every library on bleak
``jbd_measure`` notes a number with unit and limits, and fails beyond them
``jbd_target``  what is under test, one parameter for each ``--target``
==============  =====================================================================
"""

from __future__ import annotations

from argparse import ArgumentError
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ._client import BmsClient
    from ._expect import Expectations
    from ._link import Clock, Link
    from ._under_test import EmulatedUnit, TargetUnderTest
    from .bleak_bumble import VirtualBleak
    from .records import Measurements, Traffic
    from .safety import SafetyOptions

_MARKERS = (
    "jbd(writes=..., firmware=..., pin=..., embedded=...): what a test needs of the board: leave "
    "to write ('settings', 'fets', 'balance', 'password', 'capacity', 'calibration', 'reset', or "
    "several), a firmware version byte (or several), a PIN that is set (True) or not (False), the "
    "emulator; over='line' or 'module': what is about the serial line, or about the Bluetooth "
    "module",
    "jbd_requirement(id, text, source, grade): what a test of the shipped suites shows",
)
_TRAFFIC: pytest.StashKey[Traffic] = pytest.StashKey()
_MEASURED: pytest.StashKey[Measurements] = pytest.StashKey()
_PLANNED: pytest.StashKey[list[TargetUnderTest]] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the bench."""
    group = parser.getgroup("jbd", "JBD battery management systems")
    _add(group, "--jbd-target", "--target", action="append", metavar="TARGET",
         help="what is under test, repeatable: emulator:0x21?board=4s (default), "
              "serial:/dev/ttyUSB0, rfc2217://host:port, socket://host:port, "
              "ble:ADDRESS, ble:name=NAME, emulator-ble:0x21?module=telink")  # fmt: skip
    _add(group, "--jbd-allow", "--allow", metavar="LIST",
         help="what tests may change on it, a comma list: settings, fets, balance (reversible); "
              "password, capacity, calibration, reset (destructive); or reversible, all, none. "
              "Default: all on the embedded emulator, none on anything else")  # fmt: skip
    _add(group, "--jbd-judge-as", None, metavar="VERSION",
         help="judge it as this firmware, 0x21, whatever register 03 says")  # fmt: skip
    _add(group, "--jbd-report", None, metavar="FILE", help="write a JSON report with all traffic")
    _add(group, "--jbd-journal", "--journal", metavar="DIR",
         help="where what is about to be written to a board is noted first, so that it can be put "
              "back; default: jbd-bench/journals in the XDG state folder")  # fmt: skip
    _add(group, "--jbd-limit", "--limit", action="append", metavar="NAME=LOW:HIGH",
         help="end the run when a board's cell_mv, pack_mv, temp_c or current_ma leaves this "
              "range, repeatable; its own thresholds count once they were read")  # fmt: skip
    _add(group, "--jbd-replug", "--replug", metavar="S",
         help="seconds that a board which is gone is waited for (default 30)")  # fmt: skip


def _add(group: pytest.OptionGroup, name: str, alias: str | None, **rest: Any) -> None:
    rest.setdefault("default", None)
    dest = name.removeprefix("--").replace("-", "_")
    try:
        group.addoption(name, *([alias] if alias else []), dest=dest, **rest)
    except (ValueError, ArgumentError):
        # Another plugin of the environment has the short name; ours stays with the long one.
        group.addoption(name, dest=dest, **rest)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the hooks that a lab's plugin may answer."""
    from . import _hooks

    pluginmanager.add_hookspecs(_hooks)


def pytest_configure(config: pytest.Config) -> None:
    """Register markers and, where one is asked for, the report."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.getoption("jbd_target", None) or config.getoption("jbd_allow", None):
        # A typing mistake is told before anything is collected.
        _targets(config)
    if path := config.getoption("jbd_report", None):
        from .records import Recorder

        # A worker of pytest-xdist reports to the controller, which writes the file.
        if not hasattr(config, "workerinput"):
            config.pluginmanager.register(Recorder(path), "jbd-report")
    if config.getoption("tx", None) or hasattr(config, "workerinput"):
        _distribute(config)


def _distribute(config: pytest.Config) -> None:
    from ._scheduling import distribute
    from .records import is_recorded

    named = config.getoption("jbd_target", None)
    boards = bool(named) and any(not target.embedded for target in _targets(config))
    distribute(config, boards=boards, recorded=is_recorded(config))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Close the links of the session."""
    for target in config.stash.get(_PLANNED, []):
        target.close()


def _targets(config: pytest.Config) -> list[TargetUnderTest]:
    """Return what is under test, made once a session."""
    if _PLANNED not in config.stash:
        from ._boards import check_boards
        from ._leave import parse_leaves
        from ._scheduling import own_targets
        from ._under_test import TargetUnderTest
        from .transports import DEFAULT_TARGET, parse_target

        try:
            allow = config.getoption("jbd_allow", None)
            leaves = None if allow is None else parse_leaves(allow)
            texts = own_targets(config) or [DEFAULT_TARGET]
            check_boards(texts)
            targets = [*map(parse_target, texts)]
            safety = None if all(one.embedded for one in targets) else _safety(config)
            planned = [TargetUnderTest(one, leaves, safety) for one in targets]
            judged_as = _version(config.getoption("jbd_judge_as", None))
            for target in planned:
                target.check()
                if judged_as is not None:
                    target.judge_as(judged_as)
        except (OSError, ValueError) as error:
            raise pytest.UsageError(str(error)) from None
        config.stash[_PLANNED] = planned
        if (guards := config.pluginmanager.getplugin("jbd-safety")) is not None:
            guards.guard(planned)
    return config.stash[_PLANNED]


def _version(text: str | None) -> int | None:
    """Return the version byte of an option."""
    if text is None:
        return None
    try:
        return bytes((int(text, 16),))[0]
    except ValueError:
        raise ValueError(f"judge-as {text!r}: must be a version byte such as 0x21") from None


def _safety(config: pytest.Config) -> SafetyOptions:
    """Return how boards are guarded, and let the plugin in that sees to it."""
    from dataclasses import replace

    from .safety._plugin import SafetyPlugin, safety_options

    options = safety_options(
        config.getoption("jbd_journal", None),
        config.getoption("jbd_limit", None) or (),
        config.getoption("jbd_replug", None),
    )
    guards = SafetyPlugin(config)
    config.pluginmanager.register(guards, "jbd-safety")
    options = replace(options, say=guards.say)
    for plugin in config.pluginmanager.get_plugins():
        if (rehearse := getattr(plugin, "jbd_rehearse", None)) is not None:
            options = rehearse(options)
    return options


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give every test that looks at the board one run for each target it is meant for."""
    if "jbd_target" not in metafunc.fixturenames:
        return
    from ._needs import needs_of

    targets = _targets(metafunc.config)
    needs = needs_of(metafunc.definition)
    meant = [target for target in targets if needs.unmet_by_name(target) is None]
    if meant:
        params: list[Any] = list(meant)
    else:
        why = needs.unmet_by_name(targets[0])
        params = [pytest.param(targets[0], marks=pytest.mark.skip(reason=str(why)))]
    ids = [target.name for target in meant or targets[:1]]
    metafunc.parametrize("jbd_target", params, indirect=True, ids=ids, scope="session")


@pytest.fixture(scope="session")
def jbd_target(request: pytest.FixtureRequest) -> TargetUnderTest:
    """What is under test: its name, its leaves, its firmware version."""
    target: TargetUnderTest = request.param
    return target


@pytest.fixture
def jbd_unit(request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> Iterator[EmulatedUnit]:
    """A fresh emulated unit, this test's own; skips where the target is a board."""
    from ._under_test import EmulatedUnit

    if not jbd_target.embedded:
        pytest.skip(f"needs the embedded emulator, not {jbd_target.name}: --target emulator:0x21")
    unit = EmulatedUnit(jbd_target.target)
    yield unit
    unit.close()


@pytest.fixture
def jbd_expect(jbd_unit: EmulatedUnit) -> Iterator[Expectations]:
    """What the client of the emulated unit will ask; what was not asked fails the test."""
    expect = jbd_unit.expect
    yield expect
    expect.check()


@pytest.fixture
def jbd_link(request: pytest.FixtureRequest, jbd_target: TargetUnderTest) -> Iterator[Link]:
    """The byte pipe to the board under test; what passes is recorded, writes need leave.

    What a test changes on a board is put back, and read back, when it is over.
    """
    from ._needs import needs_of
    from .records import Traffic

    needs = needs_of(request.node)
    if (why := needs.unmet(jbd_target)) is not None:
        pytest.skip(why)
    traffic = request.node.stash[_TRAFFIC] = Traffic()
    if jbd_target.embedded:
        from ._leave import LeaveGuard
        from ._tap import Tap

        unit = request.getfixturevalue("jbd_unit")
        tap = Tap(unit.link(), traffic)
        unit.unit.on_fault.append(lambda now_s, hit: tap.note_later(now_s, str(hit)))
        yield LeaveGuard(tap, jbd_target.leaves)
        return
    board = jbd_target.board
    link = board.link(traffic)
    board.begin_test(request.node.nodeid, link, writes=bool(needs.writes))
    yield link
    board.end_test(link)


@pytest.fixture
def jbd_clock(jbd_link: Link) -> Clock:
    """The time on the link: real on a board, jumping on the emulator."""
    return jbd_link.clock


@pytest.fixture
def jbd_client(jbd_link: Link) -> BmsClient:
    """A client of the board under test."""
    from ._client import BmsClient

    return BmsClient(jbd_link)


@pytest.fixture
def jbd_measure(request: pytest.FixtureRequest) -> Measurements:
    """Call it with name, value, unit and limits: the report shows them, beyond them it fails."""
    from .records import Measurements

    measurements = request.node.stash[_MEASURED] = Measurements()
    return measurements


@pytest.fixture
def jbd_bleak(monkeypatch: pytest.MonkeyPatch) -> VirtualBleak:
    """A virtual radio that every bleak client and scanner of the test uses; put units on it."""
    try:
        from .bleak_bumble import VirtualBleak
    except ModuleNotFoundError as error:
        pytest.skip(f"needs {error.name}: pip install 'jbd-bench[ble]'")
    radio = VirtualBleak()
    radio.select(monkeypatch.setattr)
    return radio


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the traffic with the board, and what the test shows, into every report."""
    about = None
    if call.when == "call" or call.excinfo is not None:
        from .records import enrich

        params = getattr(item, "callspec", None)
        target = params.params.get("jbd_target") if params is not None else None
        name = None if target is None else target.name
        measured = item.stash.get(_MEASURED, None)
        rows = () if measured is None else measured.rows
        about = enrich(item, call, name, item.stash.get(_TRAFFIC, None), rows)
    report = yield
    if about is not None:
        # An attribute of the report travels with it, also from a worker of pytest-xdist.
        setattr(report, "jbd", about)  # noqa: B010  # reports have no such attribute of their own
    return report
