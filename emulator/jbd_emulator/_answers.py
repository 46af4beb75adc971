"""One short handler per command, one fallback each way. ``Device`` holds the tables of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jbd_protocol import (
    CAPACITY_POINTS,
    CONTROL_CODES,
    EXIT_SAVE,
    Access,
    Request,
    Response,
    Status,
    register,
)

from . import _parameters
from ._rules import Outcome, Rule, assumed, captured, reported, vendor
from .profiles import CapacityPoints, ParameterAccess

if TYPE_CHECKING:
    from ._device import Device

_MONITORING: Final = captured(
    "monitoring is served inside and outside factory mode",
    "app captures on 0x80 and 0x44, module sniff on 0x25, posted frames of older versions",
)
_MONITORING_LOCKED: Final = reported(
    "monitoring is served although a PIN is set and was not presented",
    "the field: iOS and desktop show it, without parameters",
)
_UNKNOWN: Final = captured(
    "the register does not exist", "capacity-register notes: reads of 42..47 on 0x15"
)
_UNKNOWN_WRITE: Final = captured(
    "the command does not exist", "jbdtool log: writes to E3 and 0A 1881"
)
_READ_ONLY: Final = captured("the register cannot be written", "write to 03 on a 24S board")
_WRITE_ONLY: Final = assumed("the register cannot be read", "as an unknown register")
_BAD_DATA: Final = assumed("the data is not what the register holds", "vendor meaning of 81")
_NOT_IN_FACTORY: Final = assumed(
    "the command needs factory mode", "BMS-Tools enters it first; 81 as for a closed setting"
)
_SETTING_READ: Final = captured("the setting, factory mode is on", "app captures, parameter page")
_SETTING_WRITTEN: Final = captured(
    "the setting is in force at once, permanent after an exit with 2828",
    "acknowledged in app captures; effect: clients that leave with 0000",
)
_LOCKED: Final = assumed(
    "settings are closed: a PIN is set and was not presented",
    "factory mode cannot be entered then; the field: parameters fail",
)
_FORGOTTEN: Final = captured("acknowledged and forgotten", "capacity-register notes, note 1")
_COUNTERS: Final = captured("readable outside factory mode", "app captures on 0x80")


def _ok(request: Request, rule: Rule, data: bytes = b"") -> Outcome:
    return Outcome(Response(request.register, Status.OK, data), rule)


def _reply(request: Request, status: int, rule: Rule) -> Outcome:
    return Outcome(Response(request.register, status), rule)


# -- reads -----------------------------------------------------------------------------------


def basic_info(device: Device, request: Request) -> Outcome:
    """03."""
    return device.basic_info_outcome()


def cell_voltages(device: Device, request: Request) -> Outcome:
    """04: two bytes per cell of the series count."""
    cells = b"".join(mv.to_bytes(2, "big") for mv in device.cell_mv())
    return _ok(request, monitoring(device), cells)


def board_name(device: Device, request: Request) -> Outcome:
    """05: text without a length byte."""
    return _ok(request, monitoring(device), _parameters.battery_model(device.settings))


def error_counters(device: Device, request: Request) -> Outcome:
    """AA: 11 or 12 words, by firmware."""
    words = device.monitor.counters[: device.firmware.counter_words.value]
    return _ok(request, _COUNTERS, b"".join(n.to_bytes(2, "big") for n in words))


def chip_type(device: Device, request: Request) -> Outcome:
    """00 read: the front-end chip, or silence."""
    fact = device.firmware.chip_type
    if fact.value is None:
        return Outcome(None, Rule("silence stands for the TI front end", fact.evidence))
    return _ok(request, Rule("the front-end chip", fact.evidence), bytes((0, fact.value)))


def read_setting(device: Device, request: Request) -> Outcome:
    """10..47, A0..A2: the value in factory mode, refused outside."""
    if not device.pin.locked and not _present(device, request.register):
        fact = device.firmware.capacity_points
        return _reply(request, Status.NO_SUCH_COMMAND, Rule(fact.value.value, fact.evidence))
    if not device.settings_open:
        return _closed(device, request)
    return _ok(request, _SETTING_READ, device.settings[request.register])


def read_parameters(device: Device, request: Request) -> Outcome:
    """FA read: words by parameter number."""
    refusal = _no_parameters(device, request)
    if refusal is not None:
        return refusal
    if device.pin.locked:
        return _closed(device, request)
    answer = _parameters.read(device.settings, request.data)
    if answer is None:
        return _reply(request, Status.INVALID, _BAD_DATA)
    return _ok(request, vendor("parameters by number", "V11 section 5; never captured"), answer)


def resistance(device: Device, request: Request) -> Outcome:
    """F6: the vendor's own document says it was not added yet."""
    return _reply(
        request, Status.NO_SUCH_COMMAND, vendor("the command was not added yet", "V11, V13")
    )


def unknown_read(device: Device, request: Request) -> Outcome:
    """Anything no handler is named for."""
    row = register(request.register, write=True)
    return _reply(request, Status.NO_SUCH_COMMAND, _WRITE_ONLY if row else _UNKNOWN)


# -- factory mode and passwords --------------------------------------------------------------


def enter_factory(device: Device, request: Request) -> Outcome:
    """00 5678."""
    if device.pin.locked:
        fact = device.firmware.locked_entry
        return _reply(
            request, fact.value, Rule("a PIN is set and was not presented", fact.evidence)
        )
    if request.data != device.factory_code:
        return _reply(request, Status.INVALID, assumed("wrong factory code", "vendor V13, 0F"))
    device.enter_factory()
    return _ok(request, Rule("factory mode is on", device.firmware.open_entry.evidence))


def exit_factory(device: Device, request: Request) -> Outcome:
    """01: 2828 saves, anything else only leaves."""
    save = request.data == EXIT_SAVE
    was_open = device.settings_open
    device.leave_factory(save=save)
    if not was_open:
        return _ok(request, captured("acknowledged without factory mode", "0x80 and 0x44"))
    if save:
        return _ok(
            request, reported("saved, counters zeroed", "register map; vendor V11 lists the code")
        )
    return _ok(request, captured("left; what was written holds until power-off", "app captures"))


def use_password(device: Device, request: Request) -> Outcome:
    """06."""
    status, rule = device.pin.present(request.data)
    return _reply(request, status, rule)


def set_password(device: Device, request: Request) -> Outcome:
    """07."""
    status, rule = device.pin.change(request.data)
    if status == Status.OK:
        device.changed()
    return _reply(request, status, rule)


def clear_password(device: Device, request: Request) -> Outcome:
    """09."""
    status, rule = device.pin.clear(request.data)
    if status == Status.OK:
        device.changed()
    return _reply(request, status, rule)


def change_factory_code(device: Device, request: Request) -> Outcome:
    """0F: old and new code."""
    absent = _new_line(device, request)
    if absent is not None:
        return absent
    if len(request.data) != 4 or request.data[:2] != device.factory_code:
        return _reply(request, Status.WRONG_PASSWORD, assumed("wrong factory code", "V13"))
    device.factory_code = request.data[2:]
    device.changed()
    return _ok(request, vendor("the factory code is changed", "V12, V13; never captured"))


# -- settings and commands -------------------------------------------------------------------


def write_setting(device: Device, request: Request) -> Outcome:
    """10..47, A0..A2."""
    address = request.register
    if not _present(device, address):
        fact = device.firmware.capacity_points
        if fact.value is CapacityPoints.FORGOTTEN:
            return _ok(request, _FORGOTTEN)
        return _reply(request, Status.NO_SUCH_COMMAND, Rule(fact.value.value, fact.evidence))
    if not device.settings_open:
        return _closed(device, request)
    try:
        device.settings.write(address, request.data)
    except ValueError:
        return _reply(request, Status.INVALID, _BAD_DATA)
    return _ok(request, _SETTING_WRITTEN)


def write_parameters(device: Device, request: Request) -> Outcome:
    """FA write: words by parameter number, in factory mode."""
    refusal = _no_parameters(device, request)
    if refusal is not None:
        return refusal
    if not device.settings_open:
        return _closed(device, request)
    if not _parameters.write(device.settings, request.data):
        return _reply(request, Status.INVALID, _BAD_DATA)
    return _ok(request, vendor("number and count come back", "V11 section 5"), request.data[:3])


def control(device: Device, request: Request) -> Outcome:
    """0A: see ``CONTROL_CODES``; codes with no effect here are acknowledged."""
    code = int.from_bytes(request.data, "big") if len(request.data) == 2 else -1
    name = CONTROL_CODES.get(code)
    if name is None or name == "factory_reset_old":
        return _reply(request, Status.NO_SUCH_COMMAND, _UNKNOWN_WRITE)
    monitor = device.monitor
    if name == "reset_capacity":
        monitor.estimate_from_voltage()
    elif name == "clear_history":
        monitor.clear_counters()
    elif name == "clear_protection":
        monitor.clear_protection()
    elif name == "auto_balance":
        monitor.bleed_override = None
    elif name == "restart":
        device.restart()
    elif name in ("sleep", "power_down", "storage"):
        device.sleep()
    return _ok(request, vendor(f"control: {name.replace('_', ' ')}", "V11 section 6; gate open"))


def clear_counters(device: Device, request: Request) -> Outcome:
    """0B 1881."""
    if request.data != b"\x18\x81":
        return _reply(request, Status.INVALID, _BAD_DATA)
    device.monitor.clear_counters()
    return _ok(request, vendor("error counters cleared", "V12, V13"))


def mos_control(device: Device, request: Request) -> Outcome:
    """E1: bit 0 turns the charge FET off, bit 1 the discharge FET."""
    if device.pin.locked:
        return _reply(
            request, Status.INVALID, reported("needs an open board or the PIN", "XI maintainer")
        )
    if len(request.data) != 2:
        return _reply(request, Status.INVALID, _BAD_DATA)
    device.monitor.fet_lock = request.data[1] & 3
    return _ok(request, captured("obeyed, also outside factory mode", "app capture on 0x80"))


def mos_control_new(device: Device, request: Request) -> Outcome:
    """FB: which FET, off or on."""
    absent = _new_line(device, request)
    if absent is not None:
        return absent
    if device.pin.locked:
        return _closed(device, request)
    mask = {0: 2, 1: 1, 3: 0, 10: 3}.get(request.data[0]) if len(request.data) == 2 else None
    if mask is None or request.data[1] > 1:
        return _reply(request, Status.INVALID, _BAD_DATA)
    if request.data[1]:
        device.monitor.fet_lock |= mask
    else:
        device.monitor.fet_lock &= ~mask
    return _ok(request, vendor("obeyed", "V11; never captured"))


def heating(device: Device, request: Request) -> Outcome:
    """FC: acknowledged where it exists; no board kit here has a heater."""
    absent = _new_line(device, request)
    if absent is not None:
        return absent
    if len(request.data) != 5 or request.data[0] not in (1, 2):
        return _reply(request, Status.INVALID, _BAD_DATA)
    return _ok(request, vendor("acknowledged", "V11; never captured"))


def balance_test(device: Device, request: Request) -> Outcome:
    """E2: 1 odd cells, 2 even cells, 3 all off; entering factory mode again ends it."""
    if not device.settings_open:
        return _reply(request, Status.INVALID, _NOT_IN_FACTORY)
    masks = {1: 0x55555555, 2: 0xAAAAAAAA, 3: 0}
    mode = int.from_bytes(request.data, "big") if len(request.data) == 2 else 0
    if mode not in masks:
        return _reply(request, Status.INVALID, _BAD_DATA)
    device.monitor.bleed_override = masks[mode] & (1 << device.board.cells) - 1
    return _ok(request, reported("balance test", "BMS-Tools"))


def calibrate(device: Device, request: Request) -> Outcome:
    """AD..D7 and E0: the board takes what is written for what it measures."""
    if not device.settings_open:
        return _reply(request, Status.INVALID, _NOT_IN_FACTORY)
    if len(request.data) != 2 or not device.monitor.calibrate(
        request.register, int.from_bytes(request.data, "big")
    ):
        return _reply(request, Status.INVALID, _BAD_DATA)
    device.changed()
    return _ok(request, reported("calibrated", "BMS-Tools"))


def unknown_write(device: Device, request: Request) -> Outcome:
    """Anything no handler is named for."""
    row = register(request.register)
    if row is not None and row.access is Access.READ:
        return _reply(request, Status.INVALID, _READ_ONLY)
    return _reply(request, Status.NO_SUCH_COMMAND, _UNKNOWN_WRITE)


# -- what several of them ask ----------------------------------------------------------------


def monitoring(device: Device) -> Rule:
    """Return why 03, 04 and 05 are served."""
    return _MONITORING_LOCKED if device.pin.locked else _MONITORING


def _present(device: Device, address: int) -> bool:
    return (
        address not in CAPACITY_POINTS
        or device.firmware.capacity_points.value is CapacityPoints.PRESENT
    )


def _closed(device: Device, request: Request) -> Outcome:
    fact = device.firmware.closed_setting
    if device.pin.locked:
        return _reply(request, fact.value, _LOCKED)
    return _reply(
        request, fact.value, Rule("settings are closed: factory mode is off", fact.evidence)
    )


def _no_parameters(device: Device, request: Request) -> Outcome | None:
    fact = device.firmware.parameters
    if fact.value is ParameterAccess.ABSENT:
        return _reply(request, Status.NO_SUCH_COMMAND, Rule("no access by number", fact.evidence))
    if fact.value is ParameterAccess.SILENT:
        return Outcome(None, Rule("access by number is met with silence", fact.evidence))
    return None


def _new_line(device: Device, request: Request) -> Outcome | None:
    fact = device.firmware.new_commands
    if fact.value:
        return None
    return _reply(
        request, Status.NO_SUCH_COMMAND, Rule("a command of the new line only", fact.evidence)
    )
