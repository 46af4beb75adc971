"""Puts into a pytest report what a reader of a red test needs: requirement, target, traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ._measurements import Measurement
from ._report import Recorder
from ._traffic import Traffic

if TYPE_CHECKING:
    import pytest

SECTION: Final = "stdout jbd traffic"
"""pytest puts "Captured" before it, and its junit writer copies what begins "Captured stdout"."""


def enrich(
    item: pytest.Item,
    call: pytest.CallInfo[None],
    target: str | None,
    traffic: Traffic | None,
    measured: Sequence[Measurement] = (),
) -> dict[str, object] | None:
    """Add target, requirements and traffic to a test, as far as somebody will read them.

    Returns:
        What a :class:`Recorder` keeps of them, None for a test that is not about a board.
    """
    # Plain text: a worker of pytest-xdist sends this to the controller, which takes no enumeration.
    requirements: list[dict[str, object]] = [
        {key: str(value) for key, value in marker.kwargs.items()}
        for marker in item.iter_markers("jbd_requirement")
    ]
    if target is None and not requirements:
        return None
    config = item.config
    junit = bool(config.getoption("xmlpath", None))
    allure = bool(config.getoption("allure_report_dir", None))
    if junit or allure:
        _add_properties(item, target, requirements, measured)
    if traffic is not None and len(traffic):
        if junit or call.excinfo is not None:
            item.add_report_section(call.when, SECTION, "\n".join(traffic.lines()) + "\n")
        if allure:
            _attach(traffic)
    return {
        "target": target,
        "requirements": requirements,
        "measurements": [one.row() for one in measured],
        "traffic": traffic.rows() if traffic is not None and is_recorded(config) else [],
    }


def is_recorded(config: pytest.Config) -> bool:
    """Return whether a :class:`Recorder` reads along, in this process or in the controller."""
    from .._scheduling import told

    if (mine := told(config)) is not None:
        return bool(mine["recorded"])
    return any(isinstance(plugin, Recorder) for plugin in config.pluginmanager.get_plugins())


def _add_properties(
    item: pytest.Item,
    target: str | None,
    requirements: list[dict[str, object]],
    measured: Sequence[Measurement],
) -> None:
    for requirement in requirements:
        item.user_properties.append(("requirement", str(requirement["id"])))
        item.user_properties.append(("grade", str(requirement["grade"])))
    if target is not None:
        item.user_properties.append(("target", target))
    for one in measured:
        item.user_properties.append(("measurement", str(one)))


def _attach(traffic: Traffic) -> None:
    try:
        import allure
    except ModuleNotFoundError:
        return
    allure.attach(
        "\n".join(traffic.lines()) + "\n",
        name="traffic with the board",
        attachment_type=allure.attachment_type.TEXT,
    )
