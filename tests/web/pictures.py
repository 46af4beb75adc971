"""Take the pictures of the page that are in docs/images: ``python -m tests.web.pictures``.

Not a test. A unit with a weak balance is charged, one cell is ahead, a client polls, faults strike.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from jbd_emulator.console._api import Api
from jbd_emulator.console._screen import Console

from . import browser

IMAGES = Path(__file__).parents[2] / "docs" / "images"
REQUESTS = [
    bytes.fromhex(text)
    for text in (
        "dda50300fffd77", "dda50400fffc77", "dd5a00025678ff3077", "dd5a060706010203040506ffd877",
        "dd5a00025678ff3077", "dda52400ffdc77", "dd5a01020000fffd77", "dda5aa00ff5677",
    )
]  # fmt: skip


def poll(where: str, stop: threading.Event) -> None:
    """Be a client: one request after another."""
    host, port = where.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.settimeout(0.5)
        for number in range(10_000):
            if stop.wait(0.45):
                return
            wire.sendall(REQUESTS[number % len(REQUESTS)])
            try:
                wire.recv(300)
            except TimeoutError:
                continue


def ask(api: str, method: str, path: str, body: object) -> None:
    """Make one request."""
    data = json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(api + path, data, headers, method=method)
    urllib.request.urlopen(request, timeout=20).close()


def prepare(api: str) -> None:
    """Give the page something to show."""
    unit = "/units/van"
    ask(api, "PATCH", f"{unit}/cells/3", {"soc": 97.2})
    ask(api, "PATCH", f"{unit}/cells/7", {"soc": 71})
    ask(api, "PATCH", f"{unit}/settings", {"balance_en": True})
    ask(api, "PUT", f"{unit}/charger", {"voltage_mv": 28_400, "current_ma": 24_000})
    ask(api, "PUT", f"{unit}/load", {"current_ma": 6_000})
    ask(api, "POST", f"{unit}/faults", {"kind": "split", "register": "0x03", "gap_s": 0.06})
    ask(api, "POST", f"{unit}/faults", {"kind": "wrong_checksum", "register": "0xAA", "p": 0.5})
    ask(api, "PUT", f"{unit}/speed", {"speed": 20})


async def terminal(api: str) -> None:
    """Take the picture of the console."""
    console = Console(Api.at(api.removesuffix("/api/v1"), None))
    async with console.run_test(size=(124, 44)) as pilot:
        await pilot.pause(6)
        (IMAGES / "console.svg").write_text(console.export_screenshot(title="jbd-emulator console"))


def main() -> None:
    """Serve, prepare, take the pictures."""
    config = Path(tempfile.mkdtemp()) / "units.toml"
    config.write_text(
        '[[unit]]\nname = "van"\nfirmware = "0x25"\nboard = "8s"\npin = "123456"\n'
        'soc_percent = 86\ntcp = "127.0.0.1:0"\n[[unit]]\nname = "spare"\n'
    )
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--json", "--config", str(config),
               "--control", "127.0.0.1:0"]  # fmt: skip
    stop = threading.Event()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        ready = json.loads(server.stdout.readline())
        try:
            threading.Thread(
                target=poll, args=(ready["units"][0]["tcp"], stop), daemon=True
            ).start()
            prepare(ready["control"]["api"])
            for name, size, dark in (
                ("control-desktop", (1440, 1330), False),
                ("control-dark", (1440, 1330), True),
                ("control-phone", browser.PHONE, False),
            ):
                driver = browser.start(Path(tempfile.mkdtemp()), size, dark=dark)
                driver.get(ready["control"]["page"])
                time.sleep(16)
                browser.picture(driver, IMAGES / f"{name}.png", whole=size == browser.PHONE)
                driver.quit()
            asyncio.run(terminal(ready["control"]["api"]))
        finally:
            stop.set()
            server.terminate()


if __name__ == "__main__":
    main()
