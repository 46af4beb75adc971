"""The control process: ``python -m jbd_emulator.control LINE LISTENER``, started by ``serve``.

Two descriptors are inherited: one end of a socket pair to the boards' process, and a socket that
listens. The first line from the boards says what is wanted: host, names, token, rate. The process
ends when the boards' process does, however that ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any, Final

import uvicorn

from ._app import make_app
from ._link import BoardLine, Boards

_NICENESS: Final = 5
"""Boards go first where there is one core for both."""
_MOST_HEAD: Final = 16 * 1024
_MOST_CONNECTIONS: Final = 128


class _Server(uvicorn.Server):
    """Says when it takes requests, and leaves signals to the boards' process."""

    def __init__(self, config: uvicorn.Config, line: BoardLine) -> None:
        super().__init__(config)
        self._line = line

    @contextlib.contextmanager
    def capture_signals(self) -> Any:  # Any: as the parent's
        """Do not: the process ends with the line."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and say so."""
        await super().startup(sockets)
        self._line.tell_ready()


async def serve(line_fd: int, listener_fd: int) -> None:
    """Serve until the boards' end of the line closes."""
    line, settings = await BoardLine.open(socket.socket(fileno=line_fd))
    app = make_app(
        Boards(line), names=_names(settings), token=settings["token"], rate=settings["rate"],
        started=settings["started"],
    )  # fmt: skip
    config = uvicorn.Config(
        app, http="h11", ws="none", log_config=None, access_log=False, server_header=False,
        timeout_keep_alive=5, limit_concurrency=_MOST_CONNECTIONS,
        h11_max_incomplete_event_size=_MOST_HEAD, lifespan="on", proxy_headers=False,
    )  # fmt: skip
    server = _Server(config, line)
    listening = asyncio.create_task(line.listen())
    serving = asyncio.create_task(server.serve(sockets=[socket.socket(fileno=listener_fd)]))
    await asyncio.wait((listening, serving), return_when=asyncio.FIRST_COMPLETED)
    # The boards are gone, and with them all there was to show: streams that would be waited for,
    # and nothing that could get lost.
    os._exit(0)


def _names(settings: dict[str, Any]) -> list[str]:  # Any: JSON's own
    names = [settings["host"], *settings["names"]]
    if settings["host"] in ("", "0.0.0.0", "::"):  # noqa: S104  # compared, not bound
        names.append(socket.gethostname())
    return names


def main(argv: Sequence[str]) -> int:
    """Run the process; return its status."""
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    asyncio.run(serve(int(argv[0]), int(argv[1])))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
