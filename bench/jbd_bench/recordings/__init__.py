"""Recordings of a board's traffic: made, read, played again."""

from ._read import RecordingError, read_recording
from ._recording import Delayed, Exchange, Recording
from ._replay import PIECE_GAP_S, Replay, ReplayReport

__all__ = [
    "PIECE_GAP_S",
    "Delayed",
    "Exchange",
    "Recording",
    "RecordingError",
    "Replay",
    "ReplayReport",
    "read_recording",
]
