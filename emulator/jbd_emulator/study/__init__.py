"""The charge study: four chargers on one pack under one load, and what comes of each."""

from ._books import Balance, open_books
from ._chargers import CHARGERS, Charger, StudyPlan
from ._result import FullCharge, Result, Trace
from ._run import run_charger, run_study
from ._table import results_json, table_text

__all__ = [
    "CHARGERS",
    "Balance",
    "Charger",
    "FullCharge",
    "Result",
    "StudyPlan",
    "Trace",
    "open_books",
    "results_json",
    "run_charger",
    "run_study",
    "table_text",
]
