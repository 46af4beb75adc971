"""``jbd-emulator`` with a pack that does not live; what the model costs is the difference."""

from __future__ import annotations

import sys

from jbd_emulator import Device
from jbd_emulator.__main__ import main


def _stand_still(device: Device, now_s: float) -> None:
    # As many ticks pass as time does; what a tick does is left out.
    device._ticked_s = now_s


if __name__ == "__main__":
    Device.advance_to = _stand_still  # type: ignore[assignment]  # that is what this is for
    sys.exit(main())
