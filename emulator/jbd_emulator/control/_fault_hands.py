"""What may be done about faults: they are added by their table, as in TOML, and healed by id."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from .._config import ConfigError
from ._hands import Conflict, NotThere

if TYPE_CHECKING:
    from ..frontends._server import ServedUnit

Table = dict[str, Any]  # Any: values of a JSON object


def _add(served: ServedUnit, given: Mapping[str, object], now_s: float) -> Table:
    from ..faults import fault_from_table

    try:
        fault = fault_from_table(given)
    except ConfigError as error:
        # "fault split byte 5: must be ...": what a person reads; the field is its third word.
        raise ValueError(_without_kind(error, given)) from None
    try:
        return {"added": served.unit.faults.add(fault, now_s).as_dict()}
    except ConfigError as error:
        raise Conflict(_without_kind(error, given)) from None  # right, but not on this unit


def _without_kind(error: ConfigError, given: Mapping[str, object]) -> str:
    return str(error).removeprefix(f"fault {given.get('kind')} ")


def _remove(served: ServedUnit, given: Mapping[str, object], now_s: float) -> Table:
    name = str(given.get("id"))
    try:
        served.unit.faults.remove(name)
    except KeyError:
        raise NotThere(f"fault {name!r}: there is none that is active") from None
    return {}


def _clear(served: ServedUnit, given: Mapping[str, object], now_s: float) -> Table:
    served.unit.faults.clear()
    return {}


FAULT_HANDS: Final[Mapping[str, Callable[[ServedUnit, Mapping[str, object], float], Table]]] = (
    MappingProxyType({"add_fault": _add, "remove_fault": _remove, "clear_faults": _clear})
)
"""What the desk takes, by name; what comes back joins the state."""
