"""The one door: what it exports, and what passing through it does not load."""

from __future__ import annotations

import ast
import doctest
import importlib.metadata
import importlib.resources
import subprocess
import sys
import types
from pathlib import Path

import jbd_protocol

EXPORTS = [
    "APP_KEY", "BASIC_INFO", "BLANK_PIN", "CAPACITY_POINTS", "CELL_VOLTAGES", "CHIPS",
    "CLEAR_MAGIC", "CLEAR_PIN", "COMMANDS", "CONTROL_CODES", "COUNTERS", "ENTER_FACTORY",
    "EXIT_DISCARD", "EXIT_SAVE", "FACTORY_CODE", "FIG_KEYS", "FUNCTION_FLAGS", "LAST_PARAMETER",
    "LEAVE_FACTORY", "MAX_DATA", "MAX_FRAME", "MAX_READ_WORDS", "PARAMETERS", "PIN_LENGTH",
    "PROTECTION_NAMES", "ROOT_PASSWORD", "SAVE_AND_LEAVE_FACTORY", "SETTINGS", "TEXT_SETTINGS",
    "UNIT_X10", "ZERO_CELSIUS_DK",
    "Access", "Answered", "BadFrame", "BasicInfo", "CellVoltages", "ClientEvent", "ClientMachine",
    "ClientState", "ErrorCounters", "Evidence", "Fault", "Fets", "Field", "Fields",
    "ForeignAnswer", "FrameError", "GaveUp", "Grade", "JbdError", "Kind", "LateAnswer",
    "LocalError", "ModuleCommand", "ModuleDecoder", "ModuleFrame", "ModuleStatus", "Noise",
    "Opaque", "Parameter", "ParameterBlock", "ParameterFile", "Payload", "PayloadError",
    "PinEncoding", "Protection", "Quantity", "ReadRequest", "Register", "RemoteError",
    "ReplyTimeout", "Request", "RequestDecoder", "RequestRefused", "Response", "ResponseDecoder",
    "Retry", "Status", "Tail", "UpFrame", "Value", "WriteRequest",
    "__version__", "bit_names", "change_pin", "checksum", "crc16_modbus", "decode_date",
    "decode_payload", "decode_pin", "decode_request", "decode_response", "describe",
    "encode_date", "encode_pin", "encode_setting", "module_checksum", "obfuscate", "pair",
    "parse_basic_info", "parse_cell_voltages", "parse_error_counters", "parse_fig",
    "parse_module_frame", "parse_parameter_block", "parse_request", "parse_response",
    "parse_up_frame", "read_parameters", "register", "reveal", "status_name", "unsigned_refusal",
]  # fmt: skip

HEAVY = (
    "argparse", "asyncio", "hypothesis", "json", "logging", "pytest", "select", "serial", "socket",
    "subprocess", "threading",
)  # fmt: skip


def test_the_exports_are_these_and_sorted() -> None:
    assert jbd_protocol.__all__ == EXPORTS
    constants = [name for name in EXPORTS if name.isupper()]
    classes = [name for name in EXPORTS if name[0].isupper() and not name.isupper()]
    rest = [name for name in EXPORTS if not name[0].isupper()]
    assert [*sorted(constants), *sorted(classes), *sorted(rest)] == EXPORTS


def test_every_export_is_there_and_nothing_else_is_public() -> None:
    assert dir(jbd_protocol) == sorted(EXPORTS)
    assert all(hasattr(jbd_protocol, name) for name in EXPORTS)
    assert not hasattr(jbd_protocol, "no_such_name")


def test_names_load_from_where_type_checkers_see_them() -> None:
    source = ast.parse(Path(jbd_protocol.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for node in ast.walk(source)
        if isinstance(node, ast.ImportFrom) and node.level == 1
        for alias in node.names
    }
    assert seen == jbd_protocol._HOMES


def test_the_bare_import_loads_no_part_of_it() -> None:
    code = "import sys, jbd_protocol; print(*[n for n in sys.modules if 'jbd_protocol.' in n])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "\n", "")


def test_every_exported_class_and_function_has_a_docstring() -> None:
    for name in EXPORTS:
        value = getattr(jbd_protocol, name)
        if isinstance(value, (type, types.FunctionType)):
            assert value.__doc__, name


def test_all_of_it_loads_nothing_heavy() -> None:
    # -S: what a .pth file of the environment loads is not our doing.
    paths = [path for path in sys.path if path]
    code = (
        f"import sys; sys.path[:] = {paths!r}; from jbd_protocol import *; "
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True)
    assert (run.returncode, run.stdout, run.stderr) == (0, "\n", "")


def test_the_example_in_the_docstring_is_true() -> None:
    result = doctest.testmod(jbd_protocol)
    assert (result.failed, result.attempted) == (0, 5)


def test_the_version_is_that_of_the_distribution_and_types_are_shipped() -> None:
    assert jbd_protocol.__version__ == importlib.metadata.version("jbd-bench")
    assert importlib.resources.files(jbd_protocol).joinpath("py.typed").is_file()
