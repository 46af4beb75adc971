"""pymodbus' server with one device of holding registers, on a terminal or on TCP.

peer_pymodbus.py serial PATH | tcp PORT
"""

from __future__ import annotations

import asyncio
import sys

from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer
from pymodbus.server.base import ModbusBaseServer
from pymodbus.simulator import DataType, SimData, SimDevice


async def serve(kind: str, where: str) -> None:
    """Serve until the process is ended."""
    device = SimDevice(1, simdata=[SimData(0, count=100, values=17, datatype=DataType.REGISTERS)])
    server: ModbusBaseServer
    if kind == "serial":
        server = ModbusSerialServer(device, framer=FramerType.RTU, port=where, baudrate=115_200)
    else:
        server = ModbusTcpServer(device, address=("127.0.0.1", int(where)))
    await server.serve_forever(background=True)
    sys.stdout.write(where + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:3]))
