"""This computer's side: ``python -m relay.outside FOLDER PORT SERVICE...``."""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path

from .streams import at_once, join, serve_for_ever


def enter(folder: Path, port: int, service: str) -> socket.socket:
    """Return a connection to a service of the guest."""
    end = socket.create_connection(("127.0.0.1", port))
    at_once(end)
    end.sendall(f"{(folder / 'token').read_text()} {service}\n".encode())
    return end


def offer(folder: Path, port: int, service: str) -> None:
    """Serve one unix socket for ever."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / service))
    server.listen(64)
    print(service, flush=True)
    serve_for_ever(server, lambda end: join(end, enter(folder, port, service)))


if __name__ == "__main__":
    for name in sys.argv[3:]:
        place = (Path(sys.argv[1]), int(sys.argv[2]), name)
        threading.Thread(target=offer, args=place, daemon=True).start()
    threading.Event().wait()
