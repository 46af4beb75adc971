"""A real labgrid on loopback: coordinator, exporter, places with a serial port of an emulator."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from jbd_bench import BmsClient, LinkError, open_target

pytestmark = pytest.mark.slow
_DEADLINE_S: Final = 60.0


def tool(name: str) -> str:
    """Return a program of labgrid; skips where it is absent, fails where it is required."""
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None and os.environ.get("JBD_REQUIRE_LABGRID"):
        pytest.fail(f"{name} is not installed, and JBD_REQUIRE_LABGRID is set")
    if found is None:
        pytest.skip(f"needs {name}: pip install 'jbd-bench[labgrid]'")
    return found


@contextlib.contextmanager
def running(*command: str, log: Path) -> Iterator[None]:
    # labgrid's coordinator keeps its places in the folder it is started in.
    with (
        log.open("wb") as out,
        subprocess.Popen(command, stdout=out, stderr=out, cwd=log.parent) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


class Lab:
    """A coordinator and an exporter of two serial ports, and labgrid's own client."""

    def __init__(self, address: str, log: Path) -> None:
        self.address, self._log = address, log

    def client(self, place: str, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            [tool("labgrid-client"), "-x", self.address, "-p", place, *command],
            capture_output=True, text=True, timeout=_DEADLINE_S,
        )  # fmt: skip
        assert not check or done.returncode == 0, done.stderr + self._log.read_text()
        return done.stdout + done.stderr

    def target(self, place: str) -> str:
        return f"labgrid:{place}?coordinator={self.address}"

    def acquired(self, place: str) -> bool:
        return "acquired: None" not in self.client(place, "show").partition("acquired res")[0]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def until(check: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + _DEADLINE_S
    while not check():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)


@pytest.fixture(scope="module")
def unit() -> Iterator[dict[str, Any]]:
    """An emulated unit in a process of its own, on TCP and RFC 2217."""
    command = [sys.executable, "-m", "jbd_emulator", "serve", "--json", "--firmware", "0x21"]
    ports = ["--rfc2217", "127.0.0.1:0", "--tcp", "127.0.0.1:0"]
    with subprocess.Popen([*command, *ports], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["units"][0]
        process.terminate()


@pytest.fixture(scope="module")
def lab(unit: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    folder = tmp_path_factory.mktemp("labgrid")
    config, log = folder / "exporter.yaml", folder / "coordinator.log"
    rows = []
    for kind, protocol in (("rfc2217", "rfc2217"), ("tcp", "raw")):
        host, _, port = unit[kind].rpartition(":")
        port_of = {"host": host, "port": int(port), "speed": 9600, "protocol": protocol}
        rows.append(f"{kind}:\n  NetworkSerialPort: {json.dumps(port_of)}\n")
    config.write_text("".join(rows))
    address = f"127.0.0.1:{free_port()}"
    exporter = (
        tool("labgrid-exporter"), "-c", address, "-n", "bench", "--hostname", "127.0.0.1",
        str(config),
    )  # fmt: skip
    with running(tool("labgrid-coordinator"), "-l", address, log=log):
        found = Lab(address, log)
        until(lambda: listens(address), "the coordinator does not listen")
        with running(*exporter, log=folder / "exporter.log"):
            for kind in ("rfc2217", "tcp"):
                found.client(kind, "create")
                found.client(kind, "add-match", f"bench/{kind}/*")
            until(
                lambda: "bench/tcp/" in found.client("tcp", "resources", check=False),
                "the exporter's resources do not appear",
            )
            yield found


def listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return True
    return False


def test_a_place_is_a_target_and_locking_is_labgrids(lab: Lab) -> None:
    for kind in ("rfc2217", "tcp"):
        link = open_target(lab.target(kind))
        client = BmsClient(link, timeout_s=2.0)
        assert client.basic_info().version == 0x21
        assert lab.acquired(kind)
        link.close()
        assert not lab.acquired(kind)


def test_a_place_that_we_have_is_used_and_kept(lab: Lab) -> None:
    lab.client("tcp", "acquire")
    link = open_target(lab.target("tcp"))
    assert BmsClient(link, timeout_s=2.0).basic_info().version == 0x21
    link.close()
    assert lab.acquired("tcp")
    lab.client("tcp", "release")


def test_a_place_that_is_not_there_is_refused_in_labgrids_words(lab: Lab) -> None:
    with pytest.raises(LinkError, match="labgrid: place pattern nowhere matches nothing"):
        open_target(lab.target("nowhere"))


def test_somebody_elses_place_is_refused_and_not_touched(lab: Lab) -> None:
    environment = os.environ | {"LG_USERNAME": "ann", "LG_HOSTNAME": "elsewhere"}
    subprocess.run(
        [tool("labgrid-client"), "-x", lab.address, "-p", "tcp", "acquire"],
        env=environment, check=True, capture_output=True, timeout=_DEADLINE_S,
    )  # fmt: skip
    with pytest.raises(LinkError, match="elsewhere/ann"):
        open_target(lab.target("tcp"))
    assert lab.acquired("tcp")
    lab.client("tcp", "release", "--kick")


def test_a_suite_runs_on_a_place_and_leaves_it_free(lab: Lab, tmp_path: Path) -> None:
    target = lab.target("rfc2217")
    done = subprocess.run(
        [sys.executable, "-m", "jbd_bench", "run", "--suite", "password", "--target", target,
         "--report", str(tmp_path / "out")],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert {row["target"] for row in report["summary"]} == {target}
    assert any(test["traffic"] for test in report["tests"])
    assert not lab.acquired("rfc2217")
