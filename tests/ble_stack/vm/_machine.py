"""One boot of the machine: QEMU, the relay into it, and the watch over both."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from . import _initramfs
from ._needs import MachineError, Needs, provide

LIMIT_VARIABLE: Final = "JBD_VM_MINUTES"
"""Minutes after which the machine is ended, whatever it does; 20 where it is not set."""
FOLDER_VARIABLE: Final = "JBD_VM_FOLDER"
"""Folder of a machine that is up already, which ``python -m tests.ble_stack.vm`` keeps."""
ACCEL_VARIABLE: Final = "JBD_VM_ACCEL"
"""What QEMU runs on: ``tcg`` where it is not set; ``kvm`` where that works."""
_HERE: Final = Path(__file__).parent
_SERVICES: Final = ("dbus", "hci", "ping", "run")
_GUEST_PORT: Final = 1
_BOOT_S: Final = 180.0
_PING_S: Final = 30.0
_TAIL: Final = 12


class Machine:
    """A machine that is up, with BlueZ on its bus.

    Attributes:
        bus: its system bus, for ``DBUS_SYSTEM_BUS_ADDRESS``.
        folder: its files on this side; gone when it is stopped.
        hci: unix socket; whoever connects is the controller (H4) of a new adapter of the guest.
        versions: of the kernel, BlueZ and QEMU, by name.
    """

    def __init__(self, needs: Needs, say: Callable[[str], None]) -> None:
        self._needs, self._say = needs, say
        kept = os.environ.get(FOLDER_VARIABLE)
        self._kept = kept is not None
        self.folder = Path(kept or tempfile.mkdtemp(prefix="jbd-vm-"))
        self._processes: list[subprocess.Popen[str]] = []
        self._why = ""
        self.bus = f"unix:path={self.folder / 'dbus'}"
        self.hci = self.folder / "hci"
        self.versions = {
            "kernel": needs.kernel.version,
            "BlueZ": _first_line([needs.programs["bluetoothd"], "-v"]),
            "QEMU": _first_line([needs.programs["qemu-system-x86_64"], "--version"]),
        }
        self._watch = threading.Timer(_limit_s(), self._end_of_time)
        self._watch.daemon = True

    @classmethod
    def start(cls, say: Callable[[str], None]) -> Machine:
        """Boot.

        Args:
            say: told what is going on, a line at a time.
        Raises:
            MachineError: something is missing, or it does not come up.
        """
        machine = cls(provide(say), say)
        try:
            if machine._kept:
                machine.check()
            else:
                machine._boot()
        except BaseException:
            machine.stop()
            raise
        return machine

    def check(self) -> None:
        """Return if the guest lives.

        Raises:
            MachineError: it ended, or does not answer; with the end of its console.
        """
        if not self._why:
            with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as end:
                end.settimeout(_PING_S)
                end.connect(str(self.folder / "ping"))
                if end.recv(16):
                    return
            self._why = f"the machine does not answer within {_PING_S:g} s"
        raise MachineError(f"{self._why}\n{self._console()}")

    def run(self, arguments: Sequence[object], **environment: str) -> GuestProcess:
        """Start a program in the guest; it sees this computer's files, read only."""
        return GuestProcess(self.folder / "run", [str(part) for part in arguments], environment)

    def stop(self) -> None:
        """End everything; a second call does nothing."""
        self._watch.cancel()
        for process in self._processes:
            process.kill()
            process.communicate()
        self._processes.clear()
        if not self._kept:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _boot(self) -> None:
        began_s = time.monotonic()
        self._say(f"booting Linux {self.versions['kernel']} in {self.versions['QEMU']}")
        port = _free_port()
        (self.folder / "token").write_text(secrets.token_hex(16))
        (self.folder / "token").chmod(0o600)
        shutil.copy(_HERE / "bluez.conf", self.folder)
        shutil.copytree(_HERE / "relay", self.folder / "relay")
        (self.folder / "start").write_text(self._start_script())
        archive = self.folder / "initramfs"
        archive.write_bytes(_initramfs.build(self._needs))
        qemu = self._start(self._qemu(archive, port))
        self._watch.start()
        while not (self.folder / "ready").exists():
            if qemu.poll() is not None:
                raise MachineError(f"the machine ended at start\n{self._console()}")
            if time.monotonic() - began_s > _BOOT_S:
                raise MachineError(f"the machine is not up in {_BOOT_S:g} s\n{self._console()}")
            time.sleep(0.05)
        relay = [sys.executable, "-S", "-m", "relay.outside", self.folder, port, *_SERVICES]
        outside = self._start(relay)
        assert outside.stdout is not None
        for _ in _SERVICES:
            outside.stdout.readline()
        self.check()
        self._say(f"BlueZ {self.versions['BlueZ']} is up after {time.monotonic() - began_s:.0f} s")

    def _start(self, command: Sequence[object]) -> subprocess.Popen[str]:
        # Nothing of it outlives this process, however that ends.
        bound = [self._needs.programs["setpriv"], "--pdeathsig", "KILL", *command]
        with (self.folder / "errors").open("a") as errors:
            process = subprocess.Popen(
                [str(part) for part in bound],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._processes.append(process)
        return process

    def _start_script(self) -> str:
        python = [getattr(sys, "_base_executable", sys.executable), "-S", "-m", "relay.guest"]
        python.append(str(self._needs.programs["bluetoothd"]))
        return "\n".join(
            (
                "export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run",
                "exec >/dev/ttyS0 2>&1",
                "mount -t tmpfs none /var/lib/bluetooth",
                "cd /run/vm",
                shlex.join(python),
                "/run/bin/busybox poweroff -f",
                "",
            )
        )

    def _qemu(self, archive: Path, port: int) -> list[object]:
        accel = os.environ.get(ACCEL_VARIABLE, "tcg")
        # No AVX: code for it is dear to emulate.
        cpu = "host" if accel == "kvm" else "Nehalem,+rdrand"
        threads = ",thread=multi" if accel == "tcg" else ""
        boot = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr audit=0 apparmor=0"
        boot += " cryptomgr.notests tsc=reliable 8250.nr_uarts=1"
        shared = "security_model=none,multidevs=remap"
        return [
            self._needs.programs["qemu-system-x86_64"],
            # q35 for its timer (HPET): without one, a busy host upsets the guest's clock.
            "-M", "q35,sata=off,usb=off,vmport=off,smbus=off,i8042=off,graphics=off",
            "-accel", accel + threads, "-cpu", cpu, "-smp", min(2, os.cpu_count() or 1),
            "-m", "1G", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.folder / 'console'}",
            "-kernel", self._needs.kernel.image, "-initrd", archive, "-append", boot,
            "-fsdev", f"local,id=host,path=/,readonly=on,{shared}",
            "-device", "virtio-9p-pci,fsdev=host,mount_tag=host",
            "-fsdev", f"local,id=vm,path={self.folder},{shared}",
            "-device", "virtio-9p-pci,fsdev=vm,mount_tag=vm",
            "-netdev",
            f"user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:{_GUEST_PORT}",
            "-device", "virtio-net-pci,netdev=net,romfile=",
        ]  # fmt: skip

    def _end_of_time(self) -> None:
        self._why = f"the machine was ended after {_limit_s() / 60:g} minutes ({LIMIT_VARIABLE})"
        self._say(self._why)
        for process in self._processes:
            process.send_signal(signal.SIGKILL)

    def _console(self) -> str:
        lines: list[str] = []
        for name in ("errors", "console", "bluez.log"):
            with contextlib.suppress(OSError):
                text = (self.folder / name).read_text(errors="replace")
                lines += [f"  {name}: {line}" for line in text.splitlines()[-_TAIL:]]
        return "\n".join(lines)


class GuestProcess:
    """A program that runs in the guest; its output comes line by line."""

    def __init__(self, door: Path, arguments: list[str], environment: Mapping[str, str]) -> None:
        self._end = socket.socket(socket.AF_UNIX)
        self._end.connect(str(door))
        order = {"arguments": arguments, "environment": environment}
        self._end.sendall(json.dumps(order).encode() + b"\n")
        self._lines = self._end.makefile("r", encoding="utf-8", errors="replace")

    def line(self, timeout_s: float) -> str:
        """Return the next line of output.

        Raises:
            TimeoutError: none came.
            EOFError: there is none any more.
        """
        self._end.settimeout(timeout_s)
        line = self._lines.readline()
        if not line:
            raise EOFError("the program in the guest has ended")
        return line

    def stop(self, timeout_s: float = 60.0) -> tuple[int, list[str]]:
        """Ask it to end; return its exit status and what it still said."""
        self._end.settimeout(timeout_s)
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            self._end.sendall(b"\n")
        *said, last = self._lines.read().splitlines()
        self._end.close()
        return int(last.removeprefix("status ")), said


def _first_line(command: Sequence[object]) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    return done.stdout.partition("\n")[0].strip()


def _limit_s() -> float:
    text = os.environ.get(LIMIT_VARIABLE, "20")
    if not text.isdigit() or not 1 <= int(text) <= 600:
        raise MachineError(f"{LIMIT_VARIABLE} {text!r}: must be 1 to 600")
    return 60.0 * int(text)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
