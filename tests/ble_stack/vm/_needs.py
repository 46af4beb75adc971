"""What the machine needs from Debian: found where it is, fetched where it is not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

CACHE_VARIABLE: Final = "JBD_VM_CACHE"
"""Folder that keeps a kernel that was fetched; without it a folder of the user's cache."""
_SBIN: Final = ("/usr/sbin", "/sbin", "/usr/libexec/bluetooth", "/usr/lib/bluetooth")
_PROGRAMS: Final[Mapping[str, str]] = {
    "qemu-system-x86_64": "qemu-system-x86",
    "dbus-daemon": "dbus",
    "dbus-send": "dbus",
    "bluetoothd": "bluez",
    "busybox": "busybox-static",
    "modprobe": "kmod",
    "setpriv": "util-linux",
}
"""Debian package by the program that is looked for."""
_KERNEL: Final = "linux-image-amd64"
_FETCH_S: Final = 300


class MachineError(Exception):
    """The machine cannot be made, does not come up, or is gone; one line says why."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A kernel with the driver of the virtual adapter.

    Attributes:
        version: as ``uname -r`` has it.
        image: the kernel itself.
        root: folder whose ``lib/modules`` holds its modules.
    """

    version: str
    image: Path
    root: Path


@dataclass(frozen=True, slots=True)
class Needs:
    """All of it: programs by name, and the kernel."""

    programs: Mapping[str, Path]
    kernel: Kernel


def cache_folder() -> Path:
    """Return where what was fetched is kept, made where it is missing."""
    named = os.environ.get(CACHE_VARIABLE)
    folder = Path(named) if named else Path.home() / ".cache" / "jbd-bench-vm"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def provide(say: Callable[[str], None]) -> Needs:
    """Return what is needed; what is missing is installed, the kernel only unpacked.

    Args:
        say: told, in one line, what is being fetched.
    Raises:
        MachineError: something is missing and cannot be fetched.
    """
    found = _programs()
    missing = sorted({_PROGRAMS[name] for name in _PROGRAMS if name not in found})
    if missing:
        say(f"installing {' '.join(missing)}")
        _apt("update")
        _apt("install", "-y", "--no-install-recommends", *missing)
        found = _programs()
        still = sorted({_PROGRAMS[name] for name in _PROGRAMS if name not in found})
        if still:
            raise MachineError(f"missing after apt-get install: {' '.join(still)}")
    kernel = find_kernel()
    if kernel is None:
        say(f"fetching {_KERNEL}")
        _fetch_kernel(cache_folder())
        kernel = find_kernel()
    if kernel is None:
        raise MachineError(f"{_KERNEL} brought no kernel with hci_vhci")
    return Needs(found, kernel)


def find_kernel() -> Kernel | None:
    """Return the newest kernel with ``hci_vhci``: of the system, else one that was unpacked."""
    for root in (Path("/"), cache_folder() / "kernel"):
        for modules in sorted(root.glob("lib/modules/*"), key=_by_number, reverse=True):
            image = root / "boot" / f"vmlinuz-{modules.name}"
            drivers = modules / "kernel" / "drivers" / "bluetooth"
            if os.access(image, os.R_OK) and any(drivers.glob("hci_vhci.ko*")):
                return Kernel(modules.name, image, root)
    return None


def _programs() -> dict[str, Path]:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SBIN])
    found = {name: shutil.which(name, path=path) for name in _PROGRAMS}
    held = {name: Path(place) for name, place in found.items() if place is not None}
    # It runs before there is any library.
    if "busybox" in held and b"/ld-linux" in held["busybox"].read_bytes()[:4096]:
        del held["busybox"]
    return held


def _apt(*arguments: str) -> str:
    command = ["apt-get", "-q", *arguments]
    if arguments[0] != "download" and os.geteuid() != 0:
        command.insert(0, "sudo")
    return _run(command)


def _run(command: list[str], folder: Path | None = None) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_FETCH_S
        )
    except FileNotFoundError:
        raise MachineError(
            f"no {command[0]} here: the machine is made from Debian's packages"
        ) from None
    except subprocess.TimeoutExpired:
        raise MachineError(f"{' '.join(command)}: not done within {_FETCH_S} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise MachineError(f"{' '.join(command)}: {said[-1]}")
    return done.stdout


def _fetch_kernel(cache: Path) -> None:
    """Unpack the kernel's package; installed it would be entered into the boot loader."""
    depends = _run(["apt-cache", "depends", _KERNEL])
    package = re.search(r"Depends: (linux-image-\d\S+)", depends)
    if package is None:
        _apt("update")
        package = re.search(
            r"Depends: (linux-image-\d\S+)", _run(["apt-cache", "depends", _KERNEL])
        )
    if package is None:
        raise MachineError(f"no {_KERNEL} in the package lists: this is made for Debian on amd64")
    place = cache / "kernel"
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        _run(["apt-get", "-q", "download", package[1]], Path(folder))
        [archive] = Path(folder).glob("*.deb")
        _run(["dpkg", "-x", str(archive), str(place)])
    if not (place / "lib").exists():
        (place / "lib").symlink_to("usr/lib")
    for modules in place.glob("lib/modules/*"):
        _run(
            [
                str(_programs().get("modprobe", Path("depmod")).with_name("depmod")),
                "-b",
                str(place),
                modules.name,
            ]
        )


def _by_number(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", folder.name)]
