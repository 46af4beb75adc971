"""Fifty clients that poll over TCP, five pages that watch, and the API under its rate limit.

    python benchmarks/control_load.py TCP_HOST:PORT API_URL UNIT SECONDS

Prints one JSON object: exchanges asked and answered, the longest wait, events read, API requests
made and refused.
"""

from __future__ import annotations

import http.client
import json
import selectors
import socket
import sys
import threading
import time
from typing import Any

CLIENTS, PAGES = 50, 5
POLLS_PER_S = 2.0
API_PER_S = 90
"""Of the hundred that are let through."""
_LAST_S = 2.0
_REQUEST = bytes.fromhex("dda50300fffd77")


class Poller:
    """One client: asks when it is time and has its answer, counts what it waited."""

    def __init__(self, where: tuple[str, int], first_s: float) -> None:
        self.wire = socket.create_connection(where, timeout=10)
        self.wire.setblocking(False)
        self.next_s, self.asked_s = first_s, 0.0
        self.asked = self.answered = 0
        self.longest_s = 0.0
        self._heard = b""

    def ask(self, now_s: float) -> None:
        if not self.asked_s and now_s >= self.next_s:
            self.wire.send(_REQUEST)
            self.asked_s, self.next_s, self.asked = now_s, now_s + 1 / POLLS_PER_S, self.asked + 1

    def hear(self, now_s: float) -> None:
        self._heard += self.wire.recv(4096)
        if len(self._heard) >= 4 and len(self._heard) >= 7 + self._heard[3]:
            assert self._heard[:3] == b"\xdd\x03\x00", self._heard.hex()
            assert self._heard.endswith(b"\x77"), self._heard.hex()
            self.answered += 1
            self.longest_s = max(self.longest_s, now_s - self.asked_s)
            self._heard, self.asked_s = b"", 0.0


def page(host: str, unit: str) -> socket.socket:
    """Return a stream of events that is open."""
    name, port = host.rsplit(":", 1)
    stream = socket.create_connection((name, int(port)), timeout=10)
    stream.sendall(f"GET /api/v1/units/{unit}/events HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    stream.setblocking(False)
    return stream


def ask_api(host: str, unit: str, until_s: float, counts: dict[str, int]) -> None:
    """Ask the API as fast as it allows: state, traffic, and a change of the load."""
    connection = http.client.HTTPConnection(host, timeout=10)
    due_s = time.monotonic()
    while time.monotonic() < until_s:
        number = counts["requests"]
        method, path, body = (
            ("GET", "", None),
            ("GET", "/traffic?limit=50", None),
            ("PUT", "/load", json.dumps({"current_ma": number % 5000})),
        )[number % 3]
        connection.request(
            method, f"/api/v1/units/{unit}{path}", body, {"Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        answer.read()
        counts["requests"] += 1
        counts["refused"] += answer.status != 200
        due_s = max(due_s + 1 / API_PER_S, time.monotonic() - 0.1)
        time.sleep(max(0.0, due_s - time.monotonic()))


def main(tcp: str, api: str, unit: str, seconds: float) -> dict[str, Any]:
    """Put the load on for a while; return what came of it."""
    host = api.split("/")[2]
    name, port = tcp.rsplit(":", 1)
    began_s = time.monotonic()
    step_s = 1 / POLLS_PER_S / CLIENTS
    pollers = [Poller((name, int(port)), began_s + n * step_s) for n in range(CLIENTS)]
    pages = [page(host, unit) for _ in range(PAGES)]
    selector = selectors.DefaultSelector()
    for one in pollers:
        selector.register(one.wire, selectors.EVENT_READ, one)
    for stream in pages:
        selector.register(stream, selectors.EVENT_READ, None)
    counts = {"requests": 0, "refused": 0}
    thread = threading.Thread(target=ask_api, args=(host, unit, began_s + seconds, counts))
    thread.start()
    events = 0
    while (now_s := time.monotonic()) < began_s + seconds + _LAST_S:
        if now_s < began_s + seconds:
            for one in pollers:
                one.ask(now_s)
        elif not any(one.asked_s for one in pollers):
            break
        for key, _ in selector.select(step_s):
            if isinstance(key.data, Poller):
                key.data.hear(time.monotonic())
            else:
                events += key.fileobj.recv(1 << 16).count(b"event: ")  # type: ignore[union-attr]
    thread.join()
    return {
        "asked": sum(one.asked for one in pollers),
        "answered": sum(one.answered for one in pollers),
        "longest_ms": 1000 * max(one.longest_s for one in pollers),
        "events": events,
        **counts,
    }


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]))))
