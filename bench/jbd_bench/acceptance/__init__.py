"""Firmware acceptance: a catalogue of requirements, a baseline, a verdict and its report.

A unit is held to every requirement of the suites that fits its firmware. It is refused for what it
fails and its baseline does not, and accepted when nothing that could be judged was left out.
``decisions/0013-what-accepted-means.md`` says why.
"""

from .._leave import Tier
from ._baseline import Baseline, BaselineError, baseline_of_firmware, load_baseline
from ._catalogue import AREAS, Entry, catalogue
from ._judge import judge
from ._result import Case, Change, Result, Row, UnitResult, Verdict

__all__ = [
    "AREAS",
    "Baseline",
    "BaselineError",
    "Case",
    "Change",
    "Entry",
    "Result",
    "Row",
    "Tier",
    "UnitResult",
    "Verdict",
    "baseline_of_firmware",
    "catalogue",
    "judge",
    "load_baseline",
]
