"""Which extra brings a package that is not installed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

_EXTRAS: Final = MappingProxyType(
    {
        "allure": ("allure-pytest", "bench"),
        "allure_commons": ("allure-pytest", "bench"),
        "bleak": ("bleak", "ble"),
        "bumble": ("bumble", "ble"),
        "matplotlib": ("matplotlib", "bench"),
        "pytest": ("pytest", "bench"),
        "rich": ("rich", "bench"),
        "serial": ("pyserial", "serial"),
        "xdist": ("pytest-xdist", "bench"),
    }
)
"""Package and extra by the module whose absence is noticed."""


def remedy(error: ModuleNotFoundError, *, whole: bool = False) -> str | None:
    """Return what is missing and which extra brings it; None for a module of no extra.

    Args:
        error: of the import.
        whole: name the extra that brings what else a command of the bench needs, where pyserial
            alone would not do.
    """
    # A package inside another, bleak.backends, lacks as a whole what its first name says.
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    if extra is None:
        return None
    package, name = extra
    name = "bench" if whole and name == "serial" else name
    return f"needs {package}; pip install 'jbd-bench[{name}]'"
