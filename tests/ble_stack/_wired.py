"""bleak on a Bumble central that hangs on the air of the machine, for what bleak on BlueZ cannot.

A peripheral of BlueZ cannot be reached by a client of the same BlueZ: the host has one adapter
and does not hear itself. ``python -m`` this module runs ``jbd-bench`` with such a central.
"""

from __future__ import annotations

import os
import sys
from typing import Final

from bumble import hci
from bumble.device import Device
from bumble.host import Host
from bumble.transport import open_transport
from bumble.transport.common import Transport

from jbd_bench.bleak_bumble import VirtualBleak
from jbd_emulator import VirtualRadio

DOOR_VARIABLE: Final = "JBD_STACK_AIR"
"""The unix socket of the air."""
_ADDRESS: Final = "C2:00:00:{:02X}:{:02X}:{:02X}"


class WiredRadio(VirtualRadio):
    """A virtual radio whose centrals drive controllers in another process."""

    def __init__(self, door: str) -> None:
        super().__init__()
        self._door = door
        self._wires: dict[Device, Transport] = {}

    async def central(self, address: hci.Address | None = None) -> Device:
        """Return a central, powered; give it back with :meth:`remove`."""
        wire = await open_transport(f"unix:{self._door}")
        address = address or hci.Address(_ADDRESS.format(*os.urandom(3)))
        device = Device(name="wired", address=address, host=Host(wire.source, wire.sink))
        await device.power_on()
        self._wires[device] = wire
        return device

    def remove(self, central: Device) -> None:
        """Cut its wire; a peer it is connected to misses it at once."""
        wire = self._wires.pop(central, None)
        if wire is not None:
            # Bumble's own close is a coroutine that does no more than this.
            wire.sink.close()  # type: ignore[attr-defined]  # not part of its protocol


def wired_bleak(door: str) -> VirtualBleak:
    """Return bleak's backends on such a radio."""
    air = VirtualBleak()
    air.radio = WiredRadio(door)
    return air


if __name__ == "__main__":
    from jbd_bench.__main__ import main

    with wired_bleak(os.environ[DOOR_VARIABLE]).selected():
        sys.exit(main(sys.argv[1:]))
