"""``labgrid:PLACE``: a serial port of a labgrid place, on whatever machine it is.

Resources, reservations and locks are labgrid's. All that is asked of it is asked through its
command line, which is what it documents: the place is acquired where it is not ours already and
released again, and its serial port is opened as any other. So labgrid may live in an environment
of its own, and has to where its build of pyserial must not take the place of pyserial's.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from .._link import Clock, Link, LinkError
from ._target import Target

_CLIENT: Final = "labgrid-client"
_TIMEOUT_S: Final = 30.0
_BAUD: Final = 9600
"""Where labgrid does not say; what JBD boards have."""
_PREFIX: Final = re.compile(r"^(labgrid-client: )?(server )?(error: )+", re.IGNORECASE)
Resource = Mapping[str, Any]  # Any: labgrid's YAML, checked where it is used


class LabgridLink:
    """A link to the serial port of a place.

    Options: ``coordinator=host:port`` (default: ``LG_COORDINATOR``), ``name=`` of the resource
    where the place has several serial ports, ``baud=`` where labgrid's speed is not the board's.
    ``labgrid:+`` and ``labgrid:+TOKEN`` are what labgrid takes them for: the place of a
    reservation.
    """

    def __init__(self, target: Target) -> None:
        target.check_options("coordinator", "name", "baud", "pin")
        self.name = target.text
        self._lab = _Lab(target.address, target.options.get("coordinator"), target.text)
        try:
            self._lab.acquire()
            self._inner = _open(target, _serial_port(target, self._lab.resources()))
        except BaseException:
            self._lab.release()
            raise
        self.clock: Clock = self._inner.clock

    @classmethod
    def open(cls, target: Target) -> LabgridLink:
        """Return a link to the serial port of a place.

        Raises:
            LinkError: labgrid is not there or refuses, the place has no serial port, or the port
                cannot be opened.
        """
        return cls(target)

    def write(self, data: bytes) -> None:
        """Send bytes; raises LinkError where the port is gone."""
        self._inner.write(data)

    def read(self, until_s: float) -> bytes:
        """Return the next bytes that arrive, or nothing at ``until_s``; raises LinkError."""
        return self._inner.read(until_s)

    def reconnect(self) -> None:
        """Close the port and open it again; the place stays acquired."""
        self._inner.reconnect()

    def close(self) -> None:
        """Close the port, and release the place if this link acquired it."""
        try:
            self._inner.close()
        finally:
            self._lab.release()


class _Lab:
    """One place, through labgrid's own client."""

    def __init__(self, place: str, coordinator: str | None, target: str) -> None:
        found = shutil.which(_CLIENT) or shutil.which(
            _CLIENT, path=str(Path(sys.executable).parent)
        )
        if found is None:
            raise LinkError(
                f"target {target!r}: needs labgrid: pip install 'jbd-bench[labgrid]', or "
                f"{_CLIENT} of another environment in PATH"
            )
        self._command = [found, *(["-x", coordinator] if coordinator else []), "-p", place]
        self._target = target
        self._acquired = False
        self._environment = ""

    def acquire(self) -> None:
        """Make sure the place is ours.

        Raises:
            LinkError: it is somebody else's, does not exist, or no coordinator answers.
        """
        status, refusal = self._run("acquire")
        self._acquired = not status
        # A place that cannot be acquired may still be ours: acquired before, or we are allowed in.
        status, self._environment = self._run("env")
        if status:
            raise self._refusal(self._environment if self._acquired else refusal)

    def resources(self) -> list[tuple[str, Resource]]:
        """Return class and arguments of every resource of the place."""
        try:
            import yaml
        except ModuleNotFoundError:
            raise LinkError(f"target {self._target!r}: needs PyYAML: pip install pyyaml") from None
        try:
            targets = yaml.safe_load(self._environment)["targets"]
            return [
                (str(cls), dict(arguments or {}))
                for place in targets.values()
                for resource in place["resources"]
                for cls, arguments in resource.items()
            ]
        except (yaml.YAMLError, AttributeError, KeyError, TypeError, ValueError):
            raise LinkError(
                f"target {self._target!r}: labgrid says what nobody understands: "
                f"{self._environment[:80]!r}"
            ) from None

    def release(self) -> None:
        """Give the place back if it was acquired here; a second call does nothing."""
        if self._acquired:
            self._acquired = False
            with contextlib.suppress(LinkError):
                self._run("release")

    def _run(self, command: str) -> tuple[int, str]:
        try:
            done = subprocess.run(  # noqa: S603  # arguments are a list, there is no shell
                [*self._command, command],
                capture_output=True, text=True, timeout=_TIMEOUT_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise LinkError(
                f"target {self._target!r}: no answer of labgrid within {_TIMEOUT_S:g} s"
            ) from None
        except OSError as error:
            raise LinkError(f"target {self._target!r}: {_CLIENT}: {error.strerror}") from None
        return done.returncode, done.stderr if done.returncode else done.stdout

    def _refusal(self, text: str) -> LinkError:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = _PREFIX.sub("", lines[-1]) if lines else "no reason given"
        return LinkError(f"target {self._target!r}: labgrid: {said}")


def _serial_port(target: Target, resources: list[tuple[str, Resource]]) -> tuple[str, Resource]:
    """Return the one serial port that is meant."""
    ports = [(cls, arguments) for cls, arguments in resources if cls in _OPENERS]
    wanted = target.options.get("name")
    named = [(cls, r) for cls, r in ports if wanted is None or r.get("name", cls) == wanted]
    if len(named) == 1:
        return named[0]
    there = ", ".join(str(arguments.get("name", cls)) for cls, arguments in ports) or "none"
    if wanted is not None:
        raise LinkError(f"target {target.text!r}: name {wanted!r}: serial ports are: {there}")
    if not ports:
        raise LinkError(
            f"target {target.text!r}: no serial port in the place; it has: "
            f"{', '.join(cls for cls, _ in resources) or 'nothing'}"
        )
    raise LinkError(f"target {target.text!r}: several serial ports, choose by name=: {there}")


def _open(target: Target, port: tuple[str, Resource]) -> Link:
    from . import open_target

    cls, arguments = port
    baud = target.integer("baud", int(arguments.get("speed", _BAUD)), 50, 4_000_000)
    try:
        text = _OPENERS[cls](arguments, baud)
    except KeyError as error:
        raise LinkError(f"target {target.text!r}: {cls} without {error.args[0]}") from None
    return open_target(text)


def _network(arguments: Resource, baud: int) -> str:
    where = f"{arguments['host']}:{arguments['port']}"
    if arguments.get("protocol", "rfc2217") == "raw":
        return f"socket://{where}"
    return f"rfc2217://{where}?baud={baud}"


def _raw(arguments: Resource, baud: int) -> str:
    return f"serial:{arguments['port']}?baud={baud}"


_OPENERS: Final[Mapping[str, Callable[[Resource, int], str]]] = {
    "NetworkSerialPort": _network,
    "RawSerialPort": _raw,
}
