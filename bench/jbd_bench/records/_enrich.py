"""Puts into a pytest report what a reader of a red test needs: requirement, target, traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
) -> dict[str, object] | None:
    """Add target, requirements and traffic to a test, as far as somebody will read them.

    Returns:
        What a :class:`Recorder` keeps of them, None for a test that is not about a board.
    """
    requirements = [dict(marker.kwargs) for marker in item.iter_markers("jbd_requirement")]
    if target is None and not requirements:
        return None
    config = item.config
    plugins = config.pluginmanager.get_plugins()
    recorded = any(isinstance(plugin, Recorder) for plugin in plugins)
    junit = bool(config.getoption("xmlpath", None))
    allure = bool(config.getoption("allure_report_dir", None))
    if junit or allure:
        _add_properties(item, target, requirements)
    if traffic is not None and len(traffic):
        if junit or call.excinfo is not None:
            item.add_report_section(call.when, SECTION, "\n".join(traffic.lines()) + "\n")
        if allure:
            _attach(traffic)
    return {
        "target": target,
        "requirements": requirements,
        "traffic": traffic.rows() if recorded and traffic is not None else [],
    }


def _add_properties(
    item: pytest.Item, target: str | None, requirements: list[dict[str, object]]
) -> None:
    for requirement in requirements:
        item.user_properties.append(("requirement", str(requirement["id"])))
        item.user_properties.append(("grade", str(requirement["grade"])))
    if target is not None:
        item.user_properties.append(("target", target))


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
