"""Plays the lockout: a client on firmware 2.1, a clear by another, the client again, controls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ._leave import ALL_LEAVES, PASSWORD, LeaveGuard, WriteRefused
from ._link import LinkError
from ._lockout_controls import CONTROLS, target_like
from ._lockout_criteria import Logs
from ._matrix import clear_by_another_client
from .clients import ClientModel, Log, User
from .transports import DEFAULT_TARGET, open_target, parse_target

if TYPE_CHECKING:
    from ._link import Link

PIN_STEPS = ("silence", "bad-checksum", "0x83", "0x81")
"""What 06 may be made to answer instead of a firmware's own answer, to see it is told apart."""


def with_pin_step(target: str, answer: str) -> str:
    """Return the target with another answer to 06.

    Raises:
        LinkError: only the embedded emulator can be told what to answer.
    """
    found = parse_target(target)
    if not found.embedded:
        raise LinkError(f"target {target!r}: another answer to 06 needs an emulator: target")
    return found.with_option("answer_06", answer).text


def open_guarded(target: str, leaves: frozenset[str] | None = None) -> Link:
    """Return a link to a target that writes no more than it has leave for.

    A board that is not emulated is put back when the link is closed.

    Args:
        target: what :func:`open_target` takes.
        leaves: None is all on the embedded emulator and none on anything else.
    Raises:
        WriteRefused: no leave for 06 and 09, without which there is nothing to play.
        NotRestored: an earlier run left the board changed.
        LinkError: the target cannot be opened.
    """
    embedded = parse_target(target).embedded
    if leaves is None:
        leaves = ALL_LEAVES if embedded else frozenset()
    if PASSWORD not in leaves:
        raise WriteRefused(0x06, PASSWORD, target)
    if embedded:
        link = open_target(target)
        return link if leaves >= ALL_LEAVES else LeaveGuard(link, leaves)
    from .safety import open_safely

    return open_safely(target, leaves, "jbd-bench lockout")


def play(link: Link, model: ClientModel, user: User | None = None) -> tuple[Log, Log, Log]:
    """Play the lockout on one board.

    Returns:
        The client's session, another client's clear, and the same session again.
    Raises:
        LinkError: the link failed.
    """
    first = model.run(link, user).log
    link.reconnect()
    clear = clear_by_another_client(link)
    return first, clear, model.run(link, user).log


def play_controls(model: ClientModel, target: str = DEFAULT_TARGET) -> Mapping[str, Log]:
    """Play the same client on the boards of the controls, each a fresh embedded emulator.

    Args:
        model: the client.
        target: the board under test: where that is behind a Bluetooth module, so are these.
    Returns:
        The client's log, by the control's id.
    """
    logs: dict[str, Log] = {}
    under_test = parse_target(target)
    for name, control in CONTROLS.items():
        link = open_target(target_like(control.target, under_test))
        try:
            if control.cleared:
                clear_by_another_client(link)
            user = User(pins=control.pins, opens_parameters=False)
            logs[name] = model.run(link, user).log
        finally:
            link.close()
    return logs


def play_lockout(
    target: str,
    model: ClientModel,
    *,
    user: User | None = None,
    leaves: frozenset[str] | None = None,
    controls: bool = True,
) -> Logs:
    """Play the whole of CLIENTS.md section 11 and return its logs, to be judged.

    Args:
        target: the board under test; an emulated 0x21, or a real one.
        model: the client.
        user: what the person does, the same both times.
        leaves: what may be changed on the target; None as in :func:`open_guarded`.
        controls: also play the boards on which the client must work; always embedded.
    Raises:
        LinkError: a link failed, or the target cannot be opened.
        WriteRefused: no leave to write on the target.
    """
    link = open_guarded(target, leaves)
    try:
        first, clear, repeat = play(link, model, user)
    finally:
        link.close()
    return Logs(
        client=model.id,
        first=first,
        clear=clear,
        repeat=repeat,
        controls=play_controls(model, target) if controls else {},
    )
