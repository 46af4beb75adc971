"""Several boards in one run: under pytest-xdist every board belongs to one worker.

A worker is told its own targets and knows of no other, so no test can ever reach a board from two
processes. Every worker runs all it has collected; a board whose worker died gets one new worker,
which goes on behind the test that was running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest

from ._boards import boards_of, shares

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

_INPUT: Final = "jbd"
"""Under this key a worker finds what the controller tells it."""


def told(config: pytest.Config) -> dict[str, Any] | None:  # Any: what execnet carries
    """Return what the controller told this worker, None where this is no worker of ours."""
    found: dict[str, Any] | None = getattr(config, "workerinput", {}).get(_INPUT)
    return found


def own_targets(config: pytest.Config) -> list[str]:
    """Return the targets that this process may open, of those that ``--target`` named."""
    mine = told(config)
    named: list[str] = config.getoption("jbd_target", None) or []
    return named if mine is None or not mine["targets"] else mine["targets"]


def distribute(config: pytest.Config, *, boards: bool, recorded: bool) -> None:
    """Take over the distribution of tests, where there is one and boards are under test.

    Without boards, with emulated units alone, pytest-xdist deals tests out as it likes: every
    test has a unit of its own.

    Args:
        config: of the controller or of a worker.
        boards: whether a target is not embedded.
        recorded: whether somebody reads the traffic of the tests.
    """
    if (mine := told(config)) is not None:
        config.pluginmanager.register(_Worker(mine), "jbd-worker")
        return
    if not config.getoption("tx", None) or config.getoption("dist", "no") == "no":
        return
    rest = {"recorded": recorded, "tracebacks": config.getoption("tbstyle", None)}
    if not boards:
        config.pluginmanager.register(_Controller((), rest), "jbd-controller")
        return
    from xdist.workermanage import parse_tx_spec_config

    named = config.getoption("jbd_target")
    # A worker without a board would have nothing to do.
    config.option.tx = parse_tx_spec_config(config)[: len(boards_of(named))]
    config.pluginmanager.register(_BoardController(named, rest), "jbd-controller")


class _Controller:
    """Tells every worker what it cannot know; a plugin of the process that runs no test."""

    def __init__(self, targets: Sequence[str], rest: dict[str, object]) -> None:
        self._targets, self._rest = targets, rest
        self._specs: list[object] = []

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:  # Any: pytest-xdist has no types
        """Give a new worker its share, or that of the dead worker whose place it takes."""
        # Specifications are equal where their text is; the one of a dead worker is handed on.
        spec = node.gateway.spec
        place = next((n for n, other in enumerate(self._specs) if other is spec), None)
        if place is None:
            place = len(self._specs)
            self._specs.append(spec)
        dealt = shares(self._targets, node.workerinput["workercount"])
        node.workerinput[_INPUT] = {
            "targets": dealt[place],
            "runs_the_rest": place == 0 or not self._targets,
            **self._rest,
        }


class _BoardController(_Controller):
    """Deals the boards out."""

    def __init__(self, targets: Sequence[str], rest: dict[str, object]) -> None:
        super().__init__(targets, rest)
        self._collected = 0

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Return the scheduler that leaves every worker what it has collected."""
        from ._board_scheduler import BoardScheduling

        return BoardScheduling(config, log)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        """Count what all workers have collected."""
        self._collected += len(ids)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, object, object]:
        """Run, and count the tests of all workers; pytest-xdist keeps the count of one."""
        done = yield
        session.testscollected = self._collected
        return done


class _Worker:
    """Keeps of the collected tests those that are this worker's to run."""

    def __init__(self, mine: dict[str, Any]) -> None:
        self._mine = mine

    def pytest_configure(self, config: pytest.Config) -> None:
        """Show failures as the controller does."""
        if self._mine["tracebacks"] is not None:
            config.option.tbstyle = self._mine["tracebacks"]

    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Drop tests that look at no board in all workers but one."""
        if self._mine["runs_the_rest"]:
            return
        rest = [item for item in items if "jbd_target" not in getattr(item, "fixturenames", ())]
        config.hook.pytest_deselected(items=rest)
        items[:] = [item for item in items if "jbd_target" in getattr(item, "fixturenames", ())]
