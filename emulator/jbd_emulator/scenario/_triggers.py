"""What a client may do that an event waits for, as a table: one row per deed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, NamedTuple

from jbd_protocol import EXIT_SAVE, ReadRequest, Request, Response, WriteRequest

from ..plant._limits import only, table, text, whole

_ENTER, _EXIT, _USE, _SET, _CLEAR = 0x00, 0x01, 0x06, 0x07, 0x09


@dataclass(frozen=True, slots=True)
class Deed:
    """One row: what it is called in the table, and how it is told from a request and its answer.

    Attributes:
        about: what the client did.
        means: whether a request and its answer are it; None for what is not a request.
        takes_register: whether it may name one.
    """

    about: str
    means: Callable[[Request, Response | None], bool] | None
    takes_register: bool = False


def _writes(register: int, *, accepted: bool | None = None) -> Callable[..., bool]:
    def means(request: Request, answer: Response | None) -> bool:
        if not isinstance(request, WriteRequest) or request.register != register:
            return False
        return accepted is None or (answer is not None and (answer.status == 0) is accepted)

    return means


def _saves(request: Request, answer: Response | None) -> bool:
    return _writes(_EXIT)(request, answer) and request.data == EXIT_SAVE


DEEDS: Final[Mapping[str, Deed]] = MappingProxyType(
    {
        "asks": Deed("read or wrote a register", lambda request, answer: True, True),
        "reads": Deed(
            "read a register", lambda request, answer: isinstance(request, ReadRequest), True
        ),
        "writes": Deed(
            "wrote a register", lambda request, answer: isinstance(request, WriteRequest), True
        ),
        "is_refused": Deed(
            "got a status that is not 00",
            lambda request, answer: answer is not None and answer.status != 0,
            True,
        ),
        "is_left_silent": Deed(
            "got no answer from the board", lambda request, answer: answer is None, True
        ),
        "enters_factory": Deed("entered factory mode", _writes(_ENTER, accepted=True)),
        "leaves_factory": Deed("left factory mode, saving or not", _writes(_EXIT, accepted=True)),
        "saves": Deed("left factory mode and saved", _saves),
        "presents_pin": Deed("presented a PIN, right or wrong", _writes(_USE)),
        "pin_accepted": Deed("presented the right PIN", _writes(_USE, accepted=True)),
        "pin_refused": Deed("presented a wrong PIN", _writes(_USE, accepted=False)),
        "sets_pin": Deed("set or changed the PIN", _writes(_SET, accepted=True)),
        "clears_pin": Deed("cleared the PIN", _writes(_CLEAR, accepted=True)),
        "connects": Deed("connected, over TCP or Bluetooth", None),
        "disconnects": Deed("left, over TCP or Bluetooth", None),
        "logs_in": Deed("logged in to the Bluetooth module with its password", None),
    }
)
"""Every deed by the name that ``client`` takes."""


class Trigger(NamedTuple):
    """Something that a client does.

    Attributes:
        client: key of ``DEEDS``.
        register: of the exchange, None for any.
        nth: the how manieth time since the event began to wait.
    """

    client: str
    register: int | None = None
    nth: int = 1

    def means(self, deed: str, request: Request | None, answer: Response | None) -> bool:
        """Whether this is it, whatever its number.

        Args:
            deed: ``asks`` for any request, or the key of a deed that is none.
            request, answer: what was asked and what the board said.
        """
        row = DEEDS[self.client]
        if row.means is None:
            return deed == self.client
        if request is None:
            return False
        return (self.register is None or self.register == request.register) and row.means(
            request, answer
        )


def trigger_from(field: str, value: object) -> Trigger:
    """Return what ``"presents_pin"`` or ``{ client = "reads", register = 0x03, nth = 2 }`` mean.

    Raises:
        ValueError: it is neither; the field is named.
    """
    if isinstance(value, str):
        return Trigger(text(field, value, tuple(DEEDS)))
    given = table(field, value)
    only(f"{field} ", given, ("client", "register", "nth"))
    client = text(f"{field} client", given.get("client"), tuple(DEEDS))
    register: int | None = None
    if "register" in given:
        if not DEEDS[client].takes_register:
            raise ValueError(f"{field} register: {client} has none")
        register = _register(f"{field} register", given["register"])
    return Trigger(client, register, whole(f"{field} nth", given.get("nth", 1), 1, 1_000_000))


def _register(field: str, value: object) -> int:
    if isinstance(value, str):  # as a fault takes it: "0x03"
        try:
            value = int(value, 0)
        except ValueError:
            raise ValueError(f"{field}: {value!r} must be a register such as 0x03") from None
    return whole(field, value, 0, 0xFF)
