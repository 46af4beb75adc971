"""Two runs never talk to one local port, by whatever name they call it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jbd_bench import BmsClient, LinkError, open_target
from jbd_bench._port_lock import PortLock, lock_port, port_key

HOLD = (
    "import sys, time\n"
    "from pathlib import Path\n"
    "from jbd_bench._port_lock import PortLock\n"
    "lock = PortLock(sys.argv[1], Path(sys.argv[2]))\n"
    "print('held', flush=True)\n"
    "sys.stdin.read()\n"
)


def hold(port: Path, folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(port), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def port(tmp_path: Path) -> Path:
    path = tmp_path / "ttyUSB0"
    path.touch()
    return path


@pytest.mark.slow
def test_a_port_of_another_run_is_refused_and_the_holder_named(port: Path, tmp_path: Path) -> None:
    link = tmp_path / "by-id"
    link.symlink_to(port)
    with hold(port, tmp_path) as process:
        for name in (port, link):
            with pytest.raises(LinkError) as caught:
                PortLock(str(name), tmp_path)
            assert f"port is in use by process {process.pid} (-c {port} " in str(caught.value)
            assert ") since 20" in str(caught.value)
        process.communicate("")
    PortLock(str(link), tmp_path).release()


@pytest.mark.slow
def test_a_lock_of_a_killed_run_means_nothing(port: Path, tmp_path: Path) -> None:
    with hold(port, tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=10)
        lock = PortLock(str(port), tmp_path)
        assert f"process {os.getpid()} " in lock.file.read_text()
        lock.release()
        lock.release()
        assert lock.file.read_text() == ""


def test_a_link_where_the_lock_should_be_is_not_followed(port: Path, tmp_path: Path) -> None:
    lock = PortLock(str(port), tmp_path)
    lock.release()
    other = tmp_path / "precious"
    other.write_text("keep me")
    lock.file.unlink()
    lock.file.symlink_to(other)
    with pytest.raises(LinkError, match="lock of "):
        PortLock(str(port), tmp_path)
    assert other.read_text() == "keep me"


def test_the_name_of_a_port_is_where_its_links_end(port: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.symlink_to(port.name)
    second.symlink_to(first)
    assert {port_key(str(name)) for name in (port, first, second)} == {str(port)}
    (tmp_path / "folder").symlink_to(tmp_path)
    assert port_key(str(tmp_path / "folder" / "second")) == str(port)
    (tmp_path / "loop").symlink_to("loop")
    assert port_key(str(tmp_path / "loop")) == str(tmp_path / "loop")


def test_the_name_of_a_pseudo_terminal_is_the_link_to_it(tmp_path: Path) -> None:
    master, slave = os.openpty()
    try:
        first, second = tmp_path / "first", tmp_path / "second"
        first.symlink_to(os.ttyname(slave))
        second.symlink_to(first)
        assert port_key(str(second)) == port_key(str(first)) == str(first)
        # Its number alone is the next one's as soon as it is closed: nothing to hold.
        assert lock_port(os.ttyname(slave)) is None
    finally:
        os.close(master)
        os.close(slave)


@pytest.mark.slow
def test_a_serial_target_holds_its_port_over_a_reconnect(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    path, other = tmp_path / "unit", tmp_path / "other-name"
    serve("--firmware", "0x21", "--serial", path)
    other.symlink_to(path)
    link = open_target(f"serial:{path}")
    for again in (False, True):
        if again:
            link.reconnect()
        with pytest.raises(LinkError) as caught:
            open_target(f"serial:{other}")
        assert str(caught.value).startswith(
            f"serial:{other}: port is in use by process {os.getpid()} ("
        )
    link.close()
    second = open_target(f"serial:{other}")
    assert BmsClient(second).basic_info().version == 0x21
    second.close()
