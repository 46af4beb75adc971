"""What asyncio alone costs: ``add_reader`` on a pseudo-terminal and a constant answer."""

from __future__ import annotations

import asyncio
import os
import sys
import tty

_READ = 4096


async def serve(answer: bytes) -> None:
    """Answer a constant to whatever arrives, until the process is ended."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)

    def on_readable() -> None:
        if os.read(master, _READ):
            os.write(master, answer)

    asyncio.get_running_loop().add_reader(master, on_readable)
    sys.stdout.write(os.ttyname(slave) + "\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(bytes.fromhex(sys.argv[1])))
