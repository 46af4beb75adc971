"""The control plane: a desk in the board's process, an HTTP API and a page in one of their own.

``jbd-emulator serve --control`` starts the second process and hands it one end of a socket pair.
What it asks for, the :class:`Desk` does between two turns of the board's loop; it can neither keep
the board from answering nor take it down.

This package needs the standard library alone up to ``_port``; the rest is loaded by the second
process and needs the extra ``web``.
"""

from ._desk import Desk, Refused
from ._recorder import Recorder

__all__ = ["Desk", "Recorder", "Refused"]
