"""The gallery of field bugs: what the field reported about clients, one scenario and judge each.

>>> from jbd_bench.gallery import ENTRIES, clients, run_entry
>>> run_entry(ENTRIES["ghost-cells"], clients()["jbd-bench"]).result
'passed'
"""

from ._client import GalleryClient, StepClient, drive_steps
from ._entries import ENTRIES
from ._entry import Entry, Judge
from ._look import Look, Truth, Use
from ._markdown import in_document, markdown
from ._run import (
    FAILED,
    NOT_FOR,
    PASSED,
    Outcome,
    bad_client,
    clients,
    prove,
    run_entry,
    run_gallery,
)
from ._stage import Stage

__all__ = [
    "ENTRIES",
    "FAILED",
    "NOT_FOR",
    "PASSED",
    "Entry",
    "GalleryClient",
    "Judge",
    "Look",
    "Outcome",
    "Stage",
    "StepClient",
    "Truth",
    "Use",
    "bad_client",
    "clients",
    "drive_steps",
    "in_document",
    "markdown",
    "prove",
    "run_entry",
    "run_gallery",
]
