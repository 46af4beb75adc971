"""Knowing a board: what it is, everything it holds, and how two of them differ.

Nothing here changes a board. What needs factory mode says so, enters it on a link with leave for
``settings`` alone, and leaves it without saving.
"""

from ._identity import BoardIdentity, read_identity
from ._snapshot import Snapshot, take_snapshot

__all__ = ["BoardIdentity", "Snapshot", "read_identity", "take_snapshot"]
