"""Every register and command of the wire, as rows of data.

One row says address, names, layout, access and how well it is known. The loops that read,
write, print, check and emulate registers all run over these rows: a register that is added
here is known everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from ._evidence import Evidence, Grade
from ._layout import Field, Kind, Layout

CAPTURED, VENDOR, REPORTED, ASSUMED = Grade


class Access(StrEnum):
    """Who may do what, on a board without a password."""

    READ = "read"
    """Readable at any time."""
    FACTORY = "read and write in factory mode"
    FACTORY_WRITE = "write in factory mode"
    WRITE = "write at any time"
    READ_FACTORY_WRITE = "read at any time, write in factory mode"
    UNKNOWN = "unknown"


class Register(NamedTuple):
    """One register or command.

    Attributes:
        address: the command byte.
        name: short name, as BMS-Tools and the register maps of the field use it.
        title: in plain English.
        access: see :class:`Access`.
        evidence: how well the row is known.
        layout: fields of the data a board answers, or of a setting in either direction.
        request: fields of the data a host writes, where that differs from ``layout``.
        note: what a user of the row must know.
    """

    address: int
    name: str
    title: str
    access: Access
    evidence: Evidence
    layout: Layout = ()
    request: Layout = ()
    note: str = ""


def _number(name: str, unit: str = "", scale: int = 1, *, signed: bool = False) -> Layout:
    return (Field(name, unit=unit, scale=scale, signed=signed),)


def _byte(name: str, offset: int, unit: str = "s") -> Field:
    return Field(name, offset=offset, size=1, unit=unit)


_PARAMS = Evidence(CAPTURED, "4S 200 A board, version 0x80, parameter page; unit: vendor V11 5")


def _setting(address: int, name: str, title: str, layout: Layout, *,
             evidence: Evidence = _PARAMS, note: str = "") -> Register:  # fmt: skip
    return Register(address, name, title, Access.FACTORY, evidence, layout, layout, note)


FUNCTION_FLAGS: Final = (
    "switch", "scrl", "balance_en", "chg_balance_en", "led_en", "led_num", "fcc_limit", "rtc",
    "chg_handshake", "gps", "buzzer", "starter_mode", "unit_x10", "ble_power",
)  # fmt: skip
"""Bits of 0x2D, bit 0 first. Bits 0..5 captured or BMS-Tools; 6..12 vendor V11, where jbdtool
and others name 6..9 differently; 13 a proposal of the field."""
UNIT_X10: Final = 1 << 12
"""Bit of 0x2D: capacities in 100 mAh, currents in 100 mA, shunt in 0.01 mOhm (vendor V11)."""
SC_MV: Final = (22, 33, 44, 56, 67, 78, 89, 100)
SC_DELAY_US: Final = (70, 100, 200, 400)
DSGOC2_MV: Final = (8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50)
DSGOC2_DELAY_MS: Final = (8, 20, 40, 80, 160, 320, 640, 1280)

_GPS = Evidence(VENDOR, "V11 parameters 104, 105; the address by order is assumed")
_POINTS = Evidence(CAPTURED, "capacity-register notes, 4S 0x20 and 0x21, 16S 0x20")
_CAL = Evidence(REPORTED, "BMS-Tools")
_TEXT_NOTE = "length byte, then at most 31 characters; an empty text is one byte 00 (captured)"

SETTINGS: Final[Mapping[int, Register]] = MappingProxyType({
    row.address: row
    for row in (
        _setting(0x10, "design_cap", "nominal capacity", _number("design_cap", "mAh", 10)),
        _setting(0x11, "cycle_cap", "cycle capacity", _number("cycle_cap", "mAh", 10)),
        _setting(0x12, "cap_100", "cell voltage taken for full", _number("cap_100", "mV")),
        _setting(0x13, "cap_0", "cell voltage taken for empty", _number("cap_0", "mV")),
        _setting(0x14, "dsg_rate", "self-discharge rate", _number("dsg_rate", "permille"),
                 note="0.1 % a count (BMS-Tools); V11 calls it consumption in mA"),
        _setting(0x15, "mfg_date", "manufacture date", (Field("mfg_date", Kind.DATE),)),
        _setting(0x16, "serial_num", "serial number", _number("serial_num")),
        _setting(0x17, "cycle_cnt", "cycle count", _number("cycle_cnt", "cycles")),
        _setting(0x18, "chgot", "charge over-temperature", _number("chgot", "dK")),
        _setting(0x19, "chgot_rel", "charge over-temperature release", _number("chgot_rel", "dK")),
        _setting(0x1A, "chgut", "charge under-temperature", _number("chgut", "dK")),
        _setting(0x1B, "chgut_rel", "charge under-temperature release", _number("chgut_rel", "dK")),
        _setting(0x1C, "dsgot", "discharge over-temperature", _number("dsgot", "dK")),
        _setting(0x1D, "dsgot_rel", "discharge over-temperature release",
                 _number("dsgot_rel", "dK")),
        _setting(0x1E, "dsgut", "discharge under-temperature", _number("dsgut", "dK")),
        _setting(0x1F, "dsgut_rel", "discharge under-temperature release",
                 _number("dsgut_rel", "dK")),
        _setting(0x20, "povp", "pack over-voltage", _number("povp", "mV", 10)),
        _setting(0x21, "povp_rel", "pack over-voltage release", _number("povp_rel", "mV", 10)),
        _setting(0x22, "puvp", "pack under-voltage", _number("puvp", "mV", 10)),
        _setting(0x23, "puvp_rel", "pack under-voltage release", _number("puvp_rel", "mV", 10)),
        _setting(0x24, "covp", "cell over-voltage", _number("covp", "mV")),
        _setting(0x25, "covp_rel", "cell over-voltage release", _number("covp_rel", "mV")),
        _setting(0x26, "cuvp", "cell under-voltage", _number("cuvp", "mV")),
        _setting(0x27, "cuvp_rel", "cell under-voltage release", _number("cuvp_rel", "mV")),
        _setting(0x28, "chgoc", "charge over-current", _number("chgoc", "mA", 10, signed=True)),
        _setting(0x29, "dsgoc", "discharge over-current", _number("dsgoc", "mA", 10, signed=True),
                 note="negative"),
        _setting(0x2A, "bal_start", "balance start voltage", _number("bal_start", "mV")),
        _setting(0x2B, "bal_window", "balance window", _number("bal_window", "mV")),
        _setting(0x2C, "shunt_res", "shunt resistance", _number("shunt_res", "uOhm", 100),
                 note="0.1 mOhm a count; bit 15 set: 0.01 mOhm (V11)"),
        _setting(0x2D, "func_config", "function configuration",
                 (Field("func_config", Kind.HEX, flags=FUNCTION_FLAGS),)),
        _setting(0x2E, "ntc_config", "NTC configuration",
                 (Field("ntc_config", Kind.HEX, flags=tuple(f"ntc{n}" for n in range(1, 9))),)),
        _setting(0x2F, "cell_cnt", "series count", _number("cell_cnt", "cells")),
        _setting(0x30, "fet_ctrl", "FET control time", _number("fet_ctrl", "s")),
        _setting(0x31, "led_timer", "LED on time", _number("led_timer", "s"),
                 evidence=Evidence(VENDOR, "V11 parameter 33; BMS-Tools")),
        _setting(0x32, "cap_80", "cell voltage at 80 %", _number("cap_80", "mV")),
        _setting(0x33, "cap_60", "cell voltage at 60 %", _number("cap_60", "mV")),
        _setting(0x34, "cap_40", "cell voltage at 40 %", _number("cap_40", "mV")),
        _setting(0x35, "cap_20", "cell voltage at 20 %", _number("cap_20", "mV")),
        _setting(0x36, "covp_high", "hardware cell over-voltage", _number("covp_high", "mV")),
        _setting(0x37, "cuvp_high", "hardware cell under-voltage", _number("cuvp_high", "mV")),
        _setting(0x38, "sc_dsgoc2", "short circuit and second discharge over-current", (
            Field("sc_dsgoc_x2", Kind.FLAG, 0, 1, bits=(7, 7)),
            Field("sc_delay", offset=0, size=1, bits=(4, 3), codes=SC_DELAY_US, unit="us"),
            Field("sc", offset=0, size=1, bits=(2, 0), codes=SC_MV, unit="mV"),
            Field("dsgoc2_delay", offset=1, size=1, bits=(7, 4), codes=DSGOC2_DELAY_MS, unit="ms"),
            Field("dsgoc2", offset=1, size=1, bits=(3, 0), codes=DSGOC2_MV, unit="mV"),
        ), note="levels of the TI BQ769x0 front end, mV over the shunt; sc_dsgoc_x2 doubles both"),
        _setting(0x39, "cxvp_high_delay_sc_rel", "hardware delays, short-circuit release", (
            Field("cuvp_high_delay", offset=0, size=1, bits=(7, 6), codes=(1, 4, 8, 16), unit="s"),
            Field("covp_high_delay", offset=0, size=1, bits=(5, 4), codes=(1, 2, 4, 8), unit="s"),
            _byte("sc_rel", 1),
        ), note="BMS-Tools decodes the two delays swapped"),
        _setting(0x3A, "chg_t_delays", "charge temperature delays",
                 (_byte("chgut_delay", 0), _byte("chgot_delay", 1))),
        _setting(0x3B, "dsg_t_delays", "discharge temperature delays",
                 (_byte("dsgut_delay", 0), _byte("dsgot_delay", 1))),
        _setting(0x3C, "pack_v_delays", "pack voltage delays",
                 (_byte("puvp_delay", 0), _byte("povp_delay", 1))),
        _setting(0x3D, "cell_v_delays", "cell voltage delays",
                 (_byte("cuvp_delay", 0), _byte("covp_delay", 1))),
        _setting(0x3E, "chgoc_delays", "charge over-current delay and release",
                 (_byte("chgoc_delay", 0), _byte("chgoc_rel", 1))),
        _setting(0x3F, "dsgoc_delays", "discharge over-current delay and release",
                 (_byte("dsgoc_delay", 0), _byte("dsgoc_rel", 1))),
        _setting(0x40, "gps_vol", "GPS cut-off voltage", _number("gps_vol", "mV"), evidence=_GPS),
        _setting(0x41, "gps_time", "GPS cut-off delay", _number("gps_time", "s"), evidence=_GPS),
        _setting(0x42, "cap_90", "cell voltage at 90 %", _number("cap_90", "mV"), evidence=_POINTS),
        _setting(0x43, "cap_70", "cell voltage at 70 %", _number("cap_70", "mV"), evidence=_POINTS),
        _setting(0x44, "cap_50", "cell voltage at 50 %", _number("cap_50", "mV"), evidence=_POINTS),
        _setting(0x45, "cap_30", "cell voltage at 30 %", _number("cap_30", "mV"), evidence=_POINTS),
        _setting(0x46, "cap_10", "cell voltage at 10 %", _number("cap_10", "mV"), evidence=_POINTS),
        _setting(0x47, "cap_100_soc", "cell voltage at 100 %", _number("cap_100_soc", "mV"),
                 evidence=_POINTS),
        _setting(0xA0, "mfg_name", "manufacturer name",
                 (Field("mfg_name", Kind.SIZED_TEXT, size=0),), note=_TEXT_NOTE),
        _setting(0xA1, "device_name", "device name",
                 (Field("device_name", Kind.SIZED_TEXT, size=0),), note=_TEXT_NOTE),
        _setting(0xA2, "barcode", "bar code",
                 (Field("barcode", Kind.SIZED_TEXT, size=0),), note=_TEXT_NOTE),
    )
})  # fmt: skip
"""What a board keeps in its EEPROM, 0x10..0x47 and 0xA0..0xA2."""

TEXT_SETTINGS: Final = (0xA0, 0xA1, 0xA2)
CAPACITY_POINTS: Final = range(0x42, 0x48)
"""The 10 % points that boards up to 0x16 do not have."""

COUNTERS: Final = (
    "sc_err_cnt", "chgoc_err_cnt", "dsgoc_err_cnt", "covp_err_cnt", "cuvp_err_cnt",
    "chgot_err_cnt", "chgut_err_cnt", "dsgot_err_cnt", "dsgut_err_cnt", "povp_err_cnt",
    "puvp_err_cnt", "restart_cnt",
)  # fmt: skip
"""Words of 0xAA in order; older boards answer without the last. Source: V11; captured."""

CONTROL_CODES: Final[Mapping[int, str]] = MappingProxyType({
    0x0100: "reset_capacity", 0x0200: "clear_history", 0x0300: "restart",
    0x0400: "clear_protection", 0x0500: "sleep", 0x0600: "power_down", 0x0700: "auto_balance",
    0x0800: "storage", 0x0900: "soc20_switch", 0x0A00: "force_on_below_20",
    0x0B00: "force_start", 0x0C00: "force_heat", 0x1881: "factory_reset_old",
})  # fmt: skip
"""Data of 0x0A. Source: vendor V11 section 6; the last jbdtool and venus, answered 0x80 once."""

FACTORY_CODE: Final = b"\x56\x78"
EXIT_SAVE: Final = b"\x28\x28"
EXIT_DISCARD: Final = b"\x00\x00"
CLEAR_MAGIC: Final = b"J1B2D4"
CHIPS: Final = (
    "TI BQ769x0", "OZ7717", "Panasonic 49522", "SinoWealth 309", "SinoWealth 303",
    "JieChe DC10XX", "OZ3714",
)  # fmt: skip
"""Front-end chips by the number 0x00 answers to a read. Source: vendor V11."""

_PAIR = (
    Field("text_length", offset=0, size=1),
    Field("password_bytes", Kind.BYTES, offset=1, size=0),
)
_CODE = (Field("code", Kind.HEX),)

COMMANDS: Final[tuple[Register, ...]] = (
    Register(0x00, "enter_factory", "enter factory mode", Access.WRITE,
             Evidence(CAPTURED, "app captures; vendor V11"), request=_CODE,
             note="0x5678; 0x81 while a password is set and not presented"),
    Register(0x00, "chip_type", "front-end chip", Access.READ,
             Evidence(VENDOR, "V11; apps send two zero bytes with it, 0x44 stays silent"),
             (Field("chip", offset=0),)),
    Register(0x01, "exit_factory", "leave factory mode", Access.WRITE,
             Evidence(CAPTURED, "app captures; 2828: vendor V11"),
             request=(Field("mode", Kind.HEX),), note="0x2828 saves, 0x0000 does not"),
    Register(0x03, "basic_info", "basic information", Access.READ,
             Evidence(CAPTURED, "every capture"), note="see BasicInfo"),
    Register(0x04, "cell_info", "cell voltages", Access.READ,
             Evidence(CAPTURED, "every capture"),
             (Field("cells", Kind.WORDS, size=0, unit="mV"),), note="an open top cell reads 0"),
    Register(0x05, "device_info", "board name", Access.READ, Evidence(CAPTURED, "four captures"),
             (Field("name", Kind.TEXT, size=0),), note="no length byte"),
    Register(0x06, "use_password", "pair: present the PIN", Access.WRITE,
             Evidence(CAPTURED, "app captures; vendor V11"), request=_PAIR),
    Register(0x07, "set_password", "change the PIN", Access.WRITE, Evidence(VENDOR, "V11"),
             request=_PAIR, note="old and new, six bytes each"),
    Register(0x08, "lock_unlock", "named in one list only", Access.UNKNOWN,
             Evidence(REPORTED, "esphome-jbd-bms issue 15")),
    Register(0x09, "clear_password", "clear the PIN", Access.WRITE,
             Evidence(CAPTURED, "version 0x44, outside factory mode"), request=_PAIR,
             note="six characters J1B2D4; needs neither PIN nor factory mode"),
    Register(0x0A, "control", "control", Access.WRITE, Evidence(VENDOR, "V11 section 6"),
             request=_CODE),
    Register(0x0B, "clear_counters", "clear the error counters", Access.WRITE,
             Evidence(VENDOR, "V12, V13"), request=_CODE, note="0x1881"),
    Register(0x0D, "change_function", "named in one list only", Access.UNKNOWN,
             Evidence(REPORTED, "esphome-jbd-bms issue 15")),
    Register(0x0F, "change_factory_code", "change the factory code", Access.WRITE,
             Evidence(VENDOR, "V12, V13"),
             request=(Field("old", Kind.HEX), Field("new", Kind.HEX, offset=2))),
    Register(0xAA, "error_cnts", "error counters", Access.READ,
             Evidence(CAPTURED, "version 0x80, 24 bytes; vendor V11"),
             tuple(Field(name, offset=2 * n) for n, name in enumerate(COUNTERS))),
    Register(0xAB, "charge_history", "named in one list only", Access.UNKNOWN,
             Evidence(REPORTED, "esphome-jbd-bms issue 15")),
    Register(0xE0, "cap_rem", "set the remaining capacity", Access.FACTORY_WRITE,
             Evidence(REPORTED, "BMS-Tools"), request=_number("cap_rem", "mAh", 10)),
    Register(0xE1, "chg_dsg_en", "MOSFET control", Access.WRITE,
             Evidence(CAPTURED, "version 0x80, outside factory mode"),
             request=(Field("disable_charge", Kind.FLAG, bits=(0, 0)),
                      Field("disable_discharge", Kind.FLAG, bits=(1, 1))),
             note="a set bit turns that FET off and raises protection bit 12"),
    Register(0xE2, "bal_ctrl", "balance test", Access.FACTORY_WRITE,
             Evidence(REPORTED, "BMS-Tools"), request=_number("mode"),
             note="1 odd cells, 2 even cells, 3 all off; factory mode ends it"),
    Register(0xE3, "reset", "reset, old form", Access.WRITE, Evidence(REPORTED, "jbdtool"),
             request=_CODE, note="0x4321; answered 0x80 in the only log"),
    Register(0xF4, "balancer_switch", "named in one analysis only", Access.UNKNOWN,
             Evidence(REPORTED, "esphome-jbd-bms issue 9")),
    Register(0xF6, "internal_resistance", "cell resistance", Access.READ_FACTORY_WRITE,
             Evidence(VENDOR, "V11, where it says: not added yet"),
             (Field("resistance", Kind.WORDS, size=0, signed=True, scale=100, unit="uOhm"),),
             (Field("resistance", Kind.WORDS, size=0, signed=True, scale=100, unit="uOhm"),)),
    Register(0xFA, "parameters", "parameters by number", Access.READ_FACTORY_WRITE,
             Evidence(VENDOR, "V11 section 5"),
             (Field("first_param"), Field("count", offset=2, size=1, unit="words"),
              Field("words", Kind.WORDS, offset=3, size=0)),
             (Field("first_param"), Field("count", offset=2, size=1, unit="words"),
              Field("words", Kind.WORDS, offset=3, size=0)), note="see ParameterBlock"),
    Register(0xFB, "mos_control", "MOSFET control, new line", Access.WRITE,
             Evidence(VENDOR, "V11"),
             request=(Field("target", offset=0, size=1), Field("action", offset=1, size=1)),
             note="target 0 discharge, 1 charge, 3 pre-discharge, 10 both; action 1 off, 0 on"),
    Register(0xFC, "heating", "heating", Access.WRITE, Evidence(VENDOR, "V11"),
             request=(Field("action", offset=0, size=1),
                      Field("delay_h", offset=1, size=1, unit="h"),
                      Field("delay_min", offset=2, size=1, unit="min"),
                      Field("start", offset=3, size=1, signed=True, unit="degC"),
                      Field("stop", offset=4, size=1, signed=True, unit="degC")),
             note="action 1 start, 2 stop; delay 0 is now"),
    Register(0xFE, "debug_fe", "custom debug firmware", Access.UNKNOWN, _CAL),
    Register(0xFF, "debug_ff", "custom debug firmware", Access.UNKNOWN, _CAL),
    *(Register(address, name, title, Access.FACTORY_WRITE, _CAL,
               request=_number(name, "mA", 10), note=note)
      for address, name, title, note in (
          (0xAD, "i_cal_idle", "zero-current calibration", "write 0 with no current flowing"),
          (0xAE, "i_cal_chg", "charge-current calibration", "write the measured current"),
          (0xAF, "i_cal_dsg", "discharge-current calibration", "write it, positive"))),
    *(Register(0xAF + n, f"cell{n}_cal", f"cell {n} calibration", Access.FACTORY_WRITE, _CAL,
               request=_number(f"cell{n}_cal", "mV")) for n in range(1, 33)),
    *(Register(0xCF + n, f"ntc{n}_cal", f"NTC {n} calibration", Access.FACTORY_WRITE, _CAL,
               request=_number(f"ntc{n}_cal", "dK")) for n in range(1, 9)),
)  # fmt: skip
"""What is not a setting: commands and live values."""

_READABLE: Final = {
    row.address: row for row in COMMANDS if row.layout or row.access is Access.READ
} | dict(SETTINGS)
_WRITABLE: Final = {row.address: row for row in COMMANDS if row.request} | dict(SETTINGS)
_BY_NAME: Final = {row.name: row for row in (*COMMANDS, *SETTINGS.values())}


def register(key: int | str, *, write: bool = False) -> Register | None:
    """Return the row of an address or a name, or None where no source names one.

    Args:
        key: address 0 to 255, or short name.
        write: 0x00 has two rows; this asks for the one that is written.
    """
    if isinstance(key, str):
        return _BY_NAME.get(key)
    first, second = (_WRITABLE, _READABLE) if write else (_READABLE, _WRITABLE)
    return (
        first.get(key)
        or second.get(key)
        or next((row for row in COMMANDS if row.address == key), None)
    )
