"""Copying between two sockets."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from typing import Final

CHUNK: Final = 65536


def join(left: socket.socket, right: socket.socket) -> None:
    """Copy both ways until one side ends; then both are closed."""
    back = threading.Thread(target=_copy, args=(right, left), daemon=True)
    back.start()
    _copy(left, right)
    back.join()


def shut(end: socket.socket) -> None:
    """End a connection, also for a thread that waits for its bytes."""
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


def at_once(end: socket.socket) -> None:
    """Send small messages when they come; else each waits for the last one's acknowledgement."""
    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def serve_for_ever(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    """Serve every connection in a thread of its own."""
    while True:
        end, _ = server.accept()
        threading.Thread(target=_serve, args=(end, serve), daemon=True).start()


def _serve(end: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    try:
        serve(end)
    except OSError as error:
        sys.stderr.write(f"relay: {error}\n")
    finally:
        shut(end)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(CHUNK):
            sink.sendall(data)
    except OSError:
        # The other direction has ended the connection.
        return
    finally:
        shut(sink)
        shut(source)
