"""The suites that ship with the bench.

They are ordinary pytest files on the fixtures of the plugin and run unchanged against the
emulator and a board. ``jbd-bench run`` runs them; so does ``pytest --pyargs jbd_bench.suites``.
"""

from ._requirements import Requirement, requirement

SUITES = (
    "conformance",
    "password",
    "clients",
    "module",
    "timing",
    "compatibility",
    "protections",
    "measurements",
    "robustness",
)
"""Folders of this package, in the order in which they run."""

__all__ = ["SUITES", "Requirement", "requirement"]
