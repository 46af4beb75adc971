"""The first files of the guest: busybox, drivers, and a script that goes on to the host's files."""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ._needs import Kernel, MachineError, Needs

DRIVERS: Final = (
    "virtio_pci", "virtio_net", "9p", "9pnet_virtio", "hci_vhci", "uhid",
    "ecb", "cmac", "ccm", "algif_hash", "algif_skcipher",
)  # fmt: skip
"""Disk and network of the guest, the virtual adapter, and the ciphers that pairing asks for."""
_INIT: Final = Path(__file__).with_name("init.sh")
_FOLDERS: Final = ("bin", "modules", "proc", "sys", "dev", "host")


def build(needs: Needs) -> bytes:
    """Return the archive that the kernel unpacks before anything else.

    Raises:
        MachineError: the kernel lacks a driver, or packs it as this cannot unpack.
    """
    archive = _Archive()
    for folder in _FOLDERS:
        archive.folder(folder)
    archive.file("init", _INIT.read_bytes())
    archive.file("bin/busybox", needs.programs["busybox"].read_bytes())
    names = []
    for path in _driver_files(needs.kernel, needs.programs["modprobe"]):
        name = path.name.partition(".ko")[0]
        archive.file(f"modules/{name}", _unpacked(path))
        names.append(name)
    archive.file("modules/order", "".join(f"{name}\n" for name in names).encode())
    return archive.finish()


class _Archive:
    """A cpio archive in the format that the kernel reads (``newc``)."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._count = 0

    def folder(self, name: str) -> None:
        self._add(name, stat.S_IFDIR | 0o755, b"")

    def file(self, name: str, data: bytes) -> None:
        self._add(name, stat.S_IFREG | 0o755, data)

    def finish(self) -> bytes:
        self._add("TRAILER!!!", 0, b"")
        return b"".join(self._parts)

    def _add(self, name: str, mode: int, data: bytes) -> None:
        self._count += 1
        raw = name.encode() + b"\0"
        # inode, mode, uid, gid, links, time, size, two devices, length of the name, checksum
        numbers = (self._count, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + "".join(f"{number:08X}" for number in numbers).encode()
        self._parts += [_padded(head + raw), _padded(data)]


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _driver_files(kernel: Kernel, modprobe: Path) -> Iterator[Path]:
    """Yield the drivers and what they depend on, each once, in the order of loading."""
    seen: set[str] = set()
    for driver in DRIVERS:
        done = subprocess.run(
            [modprobe, "-d", kernel.root, "-S", kernel.version, "--show-depends", driver],
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
        )
        if done.returncode:
            raise MachineError(f"kernel {kernel.version}: no driver {driver}")
        for line in done.stdout.splitlines():
            kind, _, path = line.strip().partition(" ")
            if kind == "insmod" and path not in seen:
                seen.add(path)
                yield Path(path.strip())


def _unpacked(path: Path) -> bytes:
    data = path.read_bytes()
    match path.suffix:
        case ".ko":
            return data
        case ".xz":
            return lzma.decompress(data)
        case ".gz":
            return gzip.decompress(data)
    raise MachineError(f"{path}: packed in a way that is not known here")
