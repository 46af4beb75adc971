"""The guest's side: starts D-Bus and BlueZ, then serves the outside until the machine is ended."""

from __future__ import annotations

import json
import os
import re
import select
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from .streams import CHUNK, at_once, join, serve_for_ever, shut

SHARED: Final = Path("/run/vm")
PORT: Final = 1
_BUS: Final = "/run/dbus/system_bus_socket"
_READY_S: Final = 90.0
_UID: Final = re.compile(rb"AUTH EXTERNAL [0-9a-f]+\r\n")
_CREATE_ADAPTER: Final = b"\xff\x00"
_LENGTHS: Final[Mapping[int, tuple[int, int]]] = {
    1: (3, 4), 2: (3, 5), 3: (3, 4), 4: (2, 3), 5: (3, 5),
}  # fmt: skip
"""Where the length of an H4 packet stands, by its type: command, ACL, SCO, event, ISO."""


def start_bluez(bluetoothd: str) -> None:
    """Start dbus-daemon and bluetoothd; return when BlueZ is on the bus."""
    Path("/run/dbus").mkdir()
    log = (SHARED / "bluez.log").open("ab", buffering=0)
    subprocess.run(["dbus-daemon", "--system", "--fork", "--nopidfile"], check=True, stderr=log)
    daemon = subprocess.Popen(
        [bluetoothd, "-n", "-f", str(SHARED / "bluez.conf")], stdout=log, stderr=log
    )
    ask = ["dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus", "/"]
    ask += ["org.freedesktop.DBus.NameHasOwner", "string:org.bluez"]
    limit_s = time.monotonic() + _READY_S
    while b"true" not in subprocess.run(ask, capture_output=True, check=False).stdout:
        if daemon.poll() is not None or time.monotonic() > limit_s:
            raise SystemExit("bluetoothd is not on the bus")
        time.sleep(0.05)


def packets(held: bytearray) -> Iterator[bytes]:
    """Take whole H4 packets off what was received: the driver wants one with each write."""
    while held:
        start, body = _LENGTHS[held[0]]
        size = body + int.from_bytes(held[start:body], "little")
        if len(held) < max(body, size):
            return
        yield bytes(held[:size])
        del held[:size]


def serve_adapter(end: socket.socket) -> None:
    """Give the kernel an adapter whose controller is outside, as long as the connection lasts."""
    vhci = os.open("/dev/vhci", os.O_RDWR)
    try:
        os.write(vhci, _CREATE_ADAPTER)
        os.read(vhci, 64)
        held = bytearray()
        while True:
            # One thread: closing the device while another reads it would not remove the adapter.
            ready, _, _ = select.select([end.fileno(), vhci], [], [])
            if vhci in ready:
                end.sendall(os.read(vhci, 4096))
            if end.fileno() in ready:
                data = end.recv(CHUNK)
                if not data:
                    return
                held += data
                for packet in packets(held):
                    os.write(vhci, packet)
    finally:
        os.close(vhci)


def serve_bus(end: socket.socket) -> None:
    """Join a program outside and the system bus, where it is root whoever it is outside."""
    opening = b""
    while not (_UID.search(opening) or b"AUTH EXTERNAL\r\n" in opening):
        data = end.recv(CHUNK)
        if not data:
            return
        opening += data
    bus = socket.socket(socket.AF_UNIX)
    bus.connect(_BUS)
    bus.sendall(_UID.sub(b"AUTH EXTERNAL 30\r\n", opening))
    join(end, bus)


def serve_process(end: socket.socket) -> None:
    """Run a program, told in a line of JSON, with the connection as its output.

    It is asked to end when another byte comes, or the connection ends.
    """
    order = json.loads(_line(end))
    process = subprocess.Popen(
        order["arguments"],
        stdin=subprocess.DEVNULL,
        stdout=end.fileno(),
        stderr=end.fileno(),
        env={**os.environ, **order["environment"]},
    )

    def report() -> None:
        end.sendall(f"status {process.wait()}\n".encode())
        shut(end)

    reporter = threading.Thread(target=report, daemon=True)
    reporter.start()
    end.recv(CHUNK)
    process.terminate()
    process.wait()
    reporter.join()


def serve_ping(end: socket.socket) -> None:
    """Say that the guest lives."""
    end.sendall(b"here\n")


SERVICES: Final = {
    "dbus": serve_bus,
    "hci": serve_adapter,
    "ping": serve_ping,
    "run": serve_process,
}


def serve(end: socket.socket) -> None:
    """Serve one connection from outside."""
    at_once(end)
    token, _, service = _line(end).partition(" ")
    if token == (SHARED / "token").read_text():
        SERVICES[service](end)


def _line(end: socket.socket) -> str:
    line = b""
    while (byte := end.recv(1)) not in (b"", b"\n"):
        line += byte
    return line.decode()


if __name__ == "__main__":
    door = socket.create_server(("0.0.0.0", PORT))
    start_bluez(sys.argv[1])
    (SHARED / "ready").write_text(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.1f}")
    serve_for_ever(door, serve)
