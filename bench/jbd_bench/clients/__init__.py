"""The clients of the field, as models that a bench can drive at a board.

>>> from jbd_bench.clients import CLIENTS, client_model
>>> [model_id for model_id in CLIENTS][:2]
['android-3.1.1026', 'android-3.1.1015']
>>> client_model("android-3.1.1026", loop="B").title
'Xiaoxiang for Android 3.1.1026: shows nothing until 06 is answered 00'
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from jbd_protocol import LocalError

from ._android31 import Loop, android_3_1_1015, android_3_1_1026
from ._android32 import android_3_2
from ._bmstools import bms_tools_1_1_4, bms_tools_1_2_0
from ._expected import CONDITIONS, EXPECTED, Expectation, condition_of
from ._fixed import fixed_app
from ._ios import ios_before_fix, ios_fixed
from ._ios_vendor import ios_vendor
from ._jbdtools import jbdtools_2021
from ._log import LIVE_DATA, PARAMETERS, SUBSCRIBED, Direction, Entry, Log, parse_log
from ._model import Choice, ClientModel, Radio, Report, Step, Taken, User
from ._reception import Ends, Reception
from ._session import Session

CLIENTS: Final[Mapping[str, Callable[..., ClientModel]]] = MappingProxyType(
    {
        "android-3.1.1026": android_3_1_1026,
        "android-3.1.1015": android_3_1_1015,
        "android-3.2": android_3_2,
        "ios-before-fix": ios_before_fix,
        "ios-fixed": ios_fixed,
        "ios-vendor": ios_vendor,
        "jbdtools-2021": jbdtools_2021,
        "bms-tools-1.1.4": bms_tools_1_1_4,
        "bms-tools-1.2.0": bms_tools_1_2_0,
        "fixed-app": fixed_app,
    }
)
"""How to make each model, by its id."""


def client_model(client_id: str, **options: Any) -> ClientModel:  # Any: each model's own
    """Return a client model, with the parameters of what is not known about it.

    Args:
        client_id: one of :data:`CLIENTS`.
        options: the keyword arguments of that model's maker; ``loop`` may be its letter.
    Raises:
        LocalError: no such client, or it has no such option; one line that names both.
    """
    make = CLIENTS.get(client_id)
    if make is None:
        raise LocalError(f"client {client_id!r}: must be one of {', '.join(CLIENTS)}")
    known = inspect.signature(make).parameters
    for name in options:
        if name not in known:
            raise LocalError(f"client {client_id}: has no option {name}")
    if isinstance(options.get("loop"), str):
        try:
            options["loop"] = Loop(options["loop"])
        except ValueError as error:
            raise LocalError(f"loop {options['loop']!r}: must be A, B or C") from error
    return make(**options)


__all__ = [
    "CLIENTS",
    "CONDITIONS",
    "EXPECTED",
    "LIVE_DATA",
    "PARAMETERS",
    "SUBSCRIBED",
    "Choice",
    "ClientModel",
    "Direction",
    "Ends",
    "Entry",
    "Expectation",
    "Log",
    "Loop",
    "Radio",
    "Reception",
    "Report",
    "Session",
    "Step",
    "Taken",
    "User",
    "client_model",
    "condition_of",
    "parse_log",
]
