"""From ``serve --control`` to a page that answers."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from .._config import ConfigError
from ._port import ControlPort, check_packages, listen

if TYPE_CHECKING:
    import asyncio

    from ..frontends._loop import EventLoop, Stop
    from ..frontends._server import ServedUnit

_START_S: Final = 30.0
_TOKEN_BYTES: Final = 32


class Control:
    """The control plane of one ``serve``: its address, its token, its process.

    Args:
        host, port: where it listens; port 0 takes a free one.
        names: names beside the address that it may be reached by.
        rate: requests a second that it takes.
    Raises:
        ConfigError: the extra is not installed, or the address cannot be had.
    """

    def __init__(self, host: str, port: int, *, names: Sequence[str] = (), rate: int) -> None:
        check_packages()
        self._listener: socket.socket | None = listen(host, port)
        self._host, self._names, self._rate = host, tuple(names), rate
        self._port: ControlPort | None = None
        bound = self._listener.getsockname()
        self._where = str(bound[0]), int(bound[1])
        self.token = None if is_loopback(self._where[0]) else _token()
        """What a request must carry; None on the loopback, which needs none."""

    async def start(
        self,
        loop: EventLoop,
        flag: Stop | asyncio.Event,
        units: Sequence[ServedUnit],
        complain: Callable[[str], None],
    ) -> dict[str, str]:
        """Start the process and wait until it accepts connections.

        Args:
            loop: of the boards, who go on answering meanwhile.
            flag: raised when there is something to see; not yet raised.
            units: what it shows.
            complain: called with one line when the process ends by itself.

        Returns:
            ``api`` and ``page``, and ``token`` where one is needed.

        Raises:
            ConfigError: it did not start.
        """
        from ._desk import Desk

        assert self._listener is not None
        started: list[ControlPort] = []

        def changed() -> None:
            flag.set()
            if started and started[0].ready and started[0].gone and self._port is not None:
                complain("control: its process has ended; the units go on without a page")

        port = ControlPort(
            loop, Desk(units, loop.time(), complain), self._listener,
            {"host": self._host, "names": self._names, "token": self.token, "rate": self._rate,
             "started": time.time()},
            changed,
        )  # fmt: skip
        self._listener, self._port = None, port
        started.append(port)
        alarm = loop.call_later(_START_S, flag.set)
        await flag.wait()
        alarm.cancel()
        if not port.ready or port.gone:
            raise ConfigError("control: its process did not start")
        return self.where()

    def where(self) -> dict[str, str]:
        """Return where page and API are."""
        host, number = self._where
        if ipaddress.ip_address(host).is_unspecified:
            host = socket.gethostname()
        base = f"http://[{host}]:{number}" if ":" in host else f"http://{host}:{number}"
        if self.token is None:
            return {"page": f"{base}/", "api": f"{base}/api/v1"}
        # Behind a #, a browser keeps it to itself: it stands in no log and no Referer.
        return {"page": f"{base}/#token={self.token}", "api": f"{base}/api/v1",
                "token": self.token}  # fmt: skip

    def close(self) -> None:
        """End the process, where there is one."""
        port, self._port = self._port, None
        if port is not None:
            port.close()
        if self._listener is not None:
            self._listener.close()
            self._listener = None


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    return ipaddress.ip_address(host.partition("%")[0]).is_loopback


def _token() -> str:
    import secrets

    return secrets.token_urlsafe(_TOKEN_BYTES)
