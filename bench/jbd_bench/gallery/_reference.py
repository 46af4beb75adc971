"""The bench's own client, which other programs can take as it is."""

from __future__ import annotations

from typing import Final

from jbd_protocol import JbdError, RequestRefused

from .._client import BmsClient
from .._link import Link
from ._careful import POINT, SOME_SETTINGS
from ._client import GalleryClient, drive_steps
from ._entry import CAPACITY, CHARGE, MONITOR, SETTINGS, WRITE
from ._look import Look

_POINT_MV: Final = 3330


class _Reference:
    """:class:`BmsClient`, its errors as words."""

    def __init__(self, link: Link) -> None:
        self.client = BmsClient(link)

    def look(self) -> Look:
        client = self.client
        try:
            info, cells = client.basic_info(), client.cell_voltages()
        except JbdError as error:
            return Look(at_s=client.link.clock.now_s(), error=str(error))
        return Look(
            at_s=client.link.clock.now_s(),
            pack_mv=info.pack_mv,
            cell_mv=cells,
            rsoc_percent=info.rsoc_percent,
            remaining_mah=info.remaining_mah,
            nominal_mah=info.nominal_mah,
        )

    def read_settings(self) -> str:
        try:
            with self.client.factory_mode():
                for register in SOME_SETTINGS:
                    self.client.setting(register)
        except JbdError as error:
            return str(error)
        return ""

    def write_setting(self) -> str:
        client = self.client
        try:
            with client.factory_mode(save=True):
                client.write(POINT, _POINT_MV.to_bytes(2, "big"))
            with client.factory_mode():
                held = client.read(POINT)
        except RequestRefused as error:
            return f"not held: {error}"
        return "" if int.from_bytes(held, "big") == _POINT_MV else "not held"


def reference() -> GalleryClient:
    """Return it."""
    return GalleryClient(
        id="jbd-bench",
        title="BmsClient of this package",
        can=frozenset({MONITOR, SETTINGS, WRITE, CAPACITY, CHARGE}),
        drive=drive_steps(_Reference),
    )
