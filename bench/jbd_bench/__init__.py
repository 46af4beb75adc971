"""The bench: links to boards, a client, suites, client models, reports.

>>> from jbd_bench import BmsClient, open_target
>>> client = BmsClient(open_target("emulator:0x21?board=4s"))
>>> client.basic_info().version_text
'2.1'
"""

# Names load on first use: the pytest plugin stands in every test run of its environment, and
# `--help` should not pay for what it does not show.

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._client import BmsClient
    from ._expect import Expectation, Expectations, read, write
    from ._leave import ALL_LEAVES, LeaveGuard, WriteRefused
    from ._link import Clock, Link, LinkError, RadioEnd, RealClock, radio_of
    from ._tap import Tap
    from .board import BoardIdentity, Snapshot, read_identity, take_snapshot
    from .records import Traffic
    from .transports import open_target

__all__ = [
    "ALL_LEAVES",
    "BmsClient",
    "BoardIdentity",
    "Clock",
    "Expectation",
    "Expectations",
    "LeaveGuard",
    "Link",
    "LinkError",
    "RadioEnd",
    "RealClock",
    "Snapshot",
    "Tap",
    "Traffic",
    "WriteRefused",
    "open_target",
    "radio_of",
    "read",
    "read_identity",
    "take_snapshot",
    "write",
]

_HOMES = {
    "ALL_LEAVES": "._leave",
    "BmsClient": "._client",
    "BoardIdentity": ".board",
    "Clock": "._link",
    "Expectation": "._expect",
    "Expectations": "._expect",
    "LeaveGuard": "._leave",
    "Link": "._link",
    "LinkError": "._link",
    "RadioEnd": "._link",
    "RealClock": "._link",
    "Snapshot": ".board",
    "Tap": "._tap",
    "Traffic": ".records",
    "WriteRefused": "._leave",
    "open_target": ".transports",
    "radio_of": "._link",
    "read": "._expect",
    "read_identity": ".board",
    "take_snapshot": ".board",
    "write": "._expect",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(home, __name__), name)
