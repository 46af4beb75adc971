"""The wire protocol of JBD battery management systems, sans-I/O and without dependencies.

>>> from jbd_protocol import ReadRequest, ResponseDecoder, decode_response
>>> ReadRequest(0x04).to_wire().hex(" ")
'dd a5 04 00 ff fc 77'
>>> wire = bytes.fromhex("dd 04 00 08 0d 66 0d 61 0d 68 0d 59 fe 3c 77")
>>> [answer] = ResponseDecoder().receive(wire)
>>> decode_response(answer).cell_mv
(3430, 3425, 3432, 3417)
"""

# Names load on first use: whoever decodes an answer need not pay for parameter files, and
# `--help` for nothing at all. Not `typing.TYPE_CHECKING`: typing alone costs half an interpreter.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._basic_info import (
        BASIC_INFO,
        PROTECTION_NAMES,
        BasicInfo,
        Fets,
        Protection,
        Tail,
        bit_names,
        decode_date,
        encode_date,
        parse_basic_info,
    )
    from ._checksum import checksum, crc16_modbus, module_checksum
    from ._client import (
        Answered,
        ClientEvent,
        ClientMachine,
        ClientState,
        ForeignAnswer,
        GaveUp,
        LateAnswer,
        Retry,
    )
    from ._decoder import MAX_FRAME, RequestDecoder, ResponseDecoder
    from ._describe import describe
    from ._errors import (
        FrameError,
        JbdError,
        LocalError,
        PayloadError,
        RemoteError,
        ReplyTimeout,
        RequestRefused,
    )
    from ._evidence import Evidence, Grade, Status, status_name
    from ._fig import FIG_KEYS, ParameterFile, parse_fig
    from ._frames import (
        MAX_DATA,
        BadFrame,
        Fault,
        Noise,
        ReadRequest,
        Request,
        Response,
        WriteRequest,
        parse_request,
        parse_response,
        unsigned_refusal,
    )
    from ._layout import Field, Kind
    from ._module import (
        APP_KEY,
        ROOT_PASSWORD,
        ModuleCommand,
        ModuleDecoder,
        ModuleFrame,
        ModuleStatus,
        obfuscate,
        parse_module_frame,
        reveal,
    )
    from ._parameters import (
        LAST_PARAMETER,
        MAX_READ_WORDS,
        PARAMETERS,
        Parameter,
        ParameterBlock,
        parse_parameter_block,
        read_parameters,
    )
    from ._passwords import (
        BLANK_PIN,
        CLEAR_PIN,
        ENTER_FACTORY,
        LEAVE_FACTORY,
        PIN_LENGTH,
        SAVE_AND_LEAVE_FACTORY,
        PinEncoding,
        change_pin,
        decode_pin,
        encode_pin,
        pair,
    )
    from ._payloads import (
        CELL_VOLTAGES,
        CellVoltages,
        ErrorCounters,
        Fields,
        Opaque,
        Payload,
        decode_payload,
        decode_request,
        decode_response,
        encode_setting,
        parse_cell_voltages,
        parse_error_counters,
    )
    from ._registers import (
        CAPACITY_POINTS,
        CHIPS,
        CLEAR_MAGIC,
        COMMANDS,
        CONTROL_CODES,
        COUNTERS,
        EXIT_DISCARD,
        EXIT_SAVE,
        FACTORY_CODE,
        FUNCTION_FLAGS,
        SETTINGS,
        TEXT_SETTINGS,
        UNIT_X10,
        Access,
        Register,
        register,
    )
    from ._units import ZERO_CELSIUS_DK, Quantity, Value
    from ._up import UpFrame, parse_up_frame
    from ._version import __version__

__all__ = [
    "APP_KEY",
    "BASIC_INFO",
    "BLANK_PIN",
    "CAPACITY_POINTS",
    "CELL_VOLTAGES",
    "CHIPS",
    "CLEAR_MAGIC",
    "CLEAR_PIN",
    "COMMANDS",
    "CONTROL_CODES",
    "COUNTERS",
    "ENTER_FACTORY",
    "EXIT_DISCARD",
    "EXIT_SAVE",
    "FACTORY_CODE",
    "FIG_KEYS",
    "FUNCTION_FLAGS",
    "LAST_PARAMETER",
    "LEAVE_FACTORY",
    "MAX_DATA",
    "MAX_FRAME",
    "MAX_READ_WORDS",
    "PARAMETERS",
    "PIN_LENGTH",
    "PROTECTION_NAMES",
    "ROOT_PASSWORD",
    "SAVE_AND_LEAVE_FACTORY",
    "SETTINGS",
    "TEXT_SETTINGS",
    "UNIT_X10",
    "ZERO_CELSIUS_DK",
    "Access",
    "Answered",
    "BadFrame",
    "BasicInfo",
    "CellVoltages",
    "ClientEvent",
    "ClientMachine",
    "ClientState",
    "ErrorCounters",
    "Evidence",
    "Fault",
    "Fets",
    "Field",
    "Fields",
    "ForeignAnswer",
    "FrameError",
    "GaveUp",
    "Grade",
    "JbdError",
    "Kind",
    "LateAnswer",
    "LocalError",
    "ModuleCommand",
    "ModuleDecoder",
    "ModuleFrame",
    "ModuleStatus",
    "Noise",
    "Opaque",
    "Parameter",
    "ParameterBlock",
    "ParameterFile",
    "Payload",
    "PayloadError",
    "PinEncoding",
    "Protection",
    "Quantity",
    "ReadRequest",
    "Register",
    "RemoteError",
    "ReplyTimeout",
    "Request",
    "RequestDecoder",
    "RequestRefused",
    "Response",
    "ResponseDecoder",
    "Retry",
    "Status",
    "Tail",
    "UpFrame",
    "Value",
    "WriteRequest",
    "__version__",
    "bit_names",
    "change_pin",
    "checksum",
    "crc16_modbus",
    "decode_date",
    "decode_payload",
    "decode_pin",
    "decode_request",
    "decode_response",
    "describe",
    "encode_date",
    "encode_pin",
    "encode_setting",
    "module_checksum",
    "obfuscate",
    "pair",
    "parse_basic_info",
    "parse_cell_voltages",
    "parse_error_counters",
    "parse_fig",
    "parse_module_frame",
    "parse_parameter_block",
    "parse_request",
    "parse_response",
    "parse_up_frame",
    "read_parameters",
    "register",
    "reveal",
    "status_name",
    "unsigned_refusal",
]

_HOMES = {
    name: module
    for module, names in {
        "_basic_info": (
            "BASIC_INFO PROTECTION_NAMES BasicInfo Fets Protection Tail bit_names decode_date "
            "encode_date parse_basic_info"
        ),
        "_checksum": "checksum crc16_modbus module_checksum",
        "_client": (
            "Answered ClientEvent ClientMachine ClientState ForeignAnswer GaveUp LateAnswer Retry"
        ),
        "_decoder": "MAX_FRAME RequestDecoder ResponseDecoder",
        "_describe": "describe",
        "_errors": (
            "FrameError JbdError LocalError PayloadError RemoteError ReplyTimeout RequestRefused"
        ),
        "_evidence": "Evidence Grade Status status_name",
        "_fig": "FIG_KEYS ParameterFile parse_fig",
        "_frames": (
            "MAX_DATA BadFrame Fault Noise ReadRequest Request Response WriteRequest "
            "parse_request parse_response unsigned_refusal"
        ),
        "_layout": "Field Kind",
        "_module": (
            "APP_KEY ROOT_PASSWORD ModuleCommand ModuleDecoder ModuleFrame ModuleStatus "
            "obfuscate parse_module_frame reveal"
        ),
        "_parameters": (
            "LAST_PARAMETER MAX_READ_WORDS PARAMETERS Parameter ParameterBlock "
            "parse_parameter_block read_parameters"
        ),
        "_passwords": (
            "BLANK_PIN CLEAR_PIN ENTER_FACTORY LEAVE_FACTORY PIN_LENGTH "
            "SAVE_AND_LEAVE_FACTORY PinEncoding change_pin decode_pin encode_pin pair"
        ),
        "_payloads": (
            "CELL_VOLTAGES CellVoltages ErrorCounters Fields Opaque Payload decode_payload "
            "decode_request decode_response encode_setting parse_cell_voltages "
            "parse_error_counters"
        ),
        "_registers": (
            "CAPACITY_POINTS CHIPS CLEAR_MAGIC COMMANDS CONTROL_CODES COUNTERS EXIT_DISCARD "
            "EXIT_SAVE FACTORY_CODE FUNCTION_FLAGS SETTINGS TEXT_SETTINGS UNIT_X10 Access "
            "Register register"
        ),
        "_units": "ZERO_CELSIUS_DK Quantity Value",
        "_up": "UpFrame parse_up_frame",
        "_version": "__version__",
    }.items()
    for name in names.split()
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value  # asked for once
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
