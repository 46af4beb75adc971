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


def remedy(error: ModuleNotFoundError) -> str | None:
    """Return what is missing and which extra brings it; None for a module of no extra."""
    # A package inside another, bleak.backends, lacks as a whole what its first name says.
    extra = _EXTRAS.get((error.name or "").partition(".")[0])
    return None if extra is None else f"needs {extra[0]}; pip install 'jbd-bench[{extra[1]}]'"
