"""What a run leaves behind: traffic logs and reports."""

from ._enrich import enrich, is_recorded
from ._measurements import Measurement, Measurements
from ._report import Recorder, TestRecord
from ._summary import failure_lines, skip_lines, summary_lines, table
from ._traffic import Direction, Explainer, Piece, Traffic, row_of

__all__ = [
    "Direction",
    "Explainer",
    "Measurement",
    "Measurements",
    "Piece",
    "Recorder",
    "TestRecord",
    "Traffic",
    "enrich",
    "failure_lines",
    "is_recorded",
    "row_of",
    "skip_lines",
    "summary_lines",
    "table",
]
