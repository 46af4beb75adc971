"""CONF-REG: every register of the table is served or refused as the sources say."""

from __future__ import annotations

import pytest

from jbd_bench import BmsClient
from jbd_bench.suites import requirement
from jbd_bench.suites._expectations import Expected, Points
from jbd_bench.suites._wire import Wire, expect_silence, expect_status, frame
from jbd_protocol import (
    CAPACITY_POINTS,
    SETTINGS,
    TEXT_SETTINGS,
    Grade,
    ReadRequest,
    Response,
    WriteRequest,
    read_parameters,
    status_name,
)

COMMON_SETTINGS = [address for address in SETTINGS if address not in (*CAPACITY_POINTS, 0x40, 0x41)]


@requirement(
    "CONF-REG-01",
    "a register that does not exist is answered 0x80",
    source="capacity-register notes; jbdtool log",
    grade=Grade.CAPTURED,
)
@pytest.mark.parametrize("register", [0x02, 0x48, 0x9F, 0xA3, 0xE8, 0xF1], ids="{:02X}".format)
def test_an_unknown_register_is_answered_no_such_command(wire: Wire, register: int) -> None:
    answer = expect_status(wire.ask(ReadRequest(register)), 0x80)
    assert answer.data == b"", f"expected a refusal without data, got {answer.data.hex(' ')}"


@requirement(
    "CONF-REG-02",
    "03 has 23 bytes, 2 for each NTC it counts, and 0, 9 or 16 more",
    source="vendor V11 3.1; captures",
    grade=Grade.CAPTURED,
)
def test_basic_info_has_the_length_its_ntc_count_says(wire: Wire, bms: BmsClient) -> None:
    payload = bms.read(0x03)
    behind = len(payload) - (23 + 2 * payload[22])
    assert behind in (0, 9, 16), f"expected 0, 9 or 16 bytes behind the NTCs, got {behind}"


@requirement(
    "CONF-REG-03",
    "04 has two bytes for each cell that 03 counts",
    source="vendor V11 3.2; captures",
    grade=Grade.CAPTURED,
)
def test_there_is_one_voltage_for_each_cell(bms: BmsClient) -> None:
    assert len(bms.cell_voltages()) == bms.basic_info().cells


@requirement(
    "CONF-REG-04",
    "the cells of 04 add up to the pack voltage of 03",
    source="captures",
    grade=Grade.CAPTURED,
)
def test_the_cells_add_up_to_the_pack_voltage(bms: BmsClient) -> None:
    info, cells = bms.basic_info(), bms.cell_voltages()
    assert info.pack_mv == pytest.approx(sum(cells), rel=0.01)


@requirement(
    "CONF-REG-05",
    "05 is text without a length byte, at most 31 characters",
    source="captures; vendor V11",
    grade=Grade.CAPTURED,
)
def test_the_board_name_is_text_without_a_length_byte(bms: BmsClient) -> None:
    name = bms.read(0x05)
    assert 1 <= len(name) <= 31, f"expected 1 to 31 characters, got {len(name)}"
    assert name[0] != len(name) - 1, f"expected no length byte, got {name.hex(' ')}"
    assert all(0x20 <= byte < 0x7F for byte in name), f"expected text, got {name.hex(' ')}"


@requirement(
    "CONF-REG-06",
    "AA has 24 bytes, or 22 on the firmwares that have it so",
    source="captured on 0x80; vendor V4 and V11",
    grade=Grade.CAPTURED,
)
def test_the_error_counters_have_the_right_length(bms: BmsClient, expected: Expected) -> None:
    length = len(bms.read(0xAA))
    assert length in expected.counter_bytes, f"expected {expected.counter_bytes}, got {length}"


@requirement(
    "CONF-REG-07",
    "outside factory mode settings are refused with 0x81",
    source="app capture on 0x44: DD 24 81 00 FF 7F 77",
    grade=Grade.CAPTURED,
)
def test_settings_are_refused_outside_factory_mode(wire: Wire) -> None:
    answers = {address: wire.ask(ReadRequest(address)) for address in COMMON_SETTINGS}
    wrong = {a: answer for a, answer in answers.items() if status_of(answer) != 0x81}
    assert not wrong, f"expected {status_name(0x81)}, got {told(wrong)}"


@requirement(
    "CONF-REG-08",
    "in factory mode every setting is served: two bytes, texts with length",
    source="app captures, parameter page of 0x80",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings")
def test_settings_are_served_in_factory_mode(wire: Wire, open_board: BmsClient) -> None:
    with open_board.factory_mode():
        answers = {address: wire.ask(ReadRequest(address)) for address in COMMON_SETTINGS}
    wrong = {a: answer for a, answer in answers.items() if not is_setting(a, answer)}
    assert not wrong, f"expected status 00 and the setting, got {told(wrong)}"


@requirement(
    "CONF-REG-09",
    "the capacity points 42..47 are served, absent, or forget what is written",
    source="capacity-register notes; the firmware's row",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings")
def test_reads_of_the_capacity_points_follow_the_firmware(
    wire: Wire, open_board: BmsClient, expected: Expected
) -> None:
    with open_board.factory_mode():
        statuses = {status_of(wire.ask(ReadRequest(address))) for address in CAPACITY_POINTS}
    allowed = {
        Points.SERVED: [{0x00}],
        Points.ABSENT: [{0x80}],
        Points.FORGOTTEN: [{0x80}],
        Points.UNKNOWN: [{0x00}, {0x80}],
    }[expected.points]
    assert statuses in allowed, f"expected {allowed}, got {statuses} [{expected.points_evidence}]"


@requirement(
    "CONF-REG-10",
    "0x15 and 0x16 acknowledge writes to 42..47 and forget them",
    source="capacity-register notes, note 1",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings", firmware=(0x15, 0x16))
@pytest.mark.parametrize("address", CAPACITY_POINTS, ids="{:02X}".format)
def test_old_firmware_forgets_the_capacity_points(
    wire: Wire, open_board: BmsClient, address: int
) -> None:
    with open_board.factory_mode():
        expect_status(wire.ask(WriteRequest(address, b"\x0c\xe4")), 0x00)
        expect_status(wire.ask(ReadRequest(address)), 0x80)


@requirement(
    "CONF-REG-11",
    "0x20 and 0x21 keep the capacity points",
    source="capacity-register notes, 4S and 16S",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings", firmware=(0x20, 0x21))
@pytest.mark.parametrize("address", CAPACITY_POINTS, ids="{:02X}".format)
def test_newer_firmware_keeps_the_capacity_points(
    open_board: BmsClient, keep: object, address: int
) -> None:
    assert callable(keep)
    keep(address)
    with open_board.factory_mode():
        open_board.write(address, b"\x0c\xe4")
        assert open_board.read(address) == b"\x0c\xe4"


@requirement(
    "CONF-REG-12",
    "firmware 0x44 keeps silent at the reads of chip type and parameters",
    source="app captures 2024 and 2025",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(firmware=0x44)
def test_firmware_44_keeps_silent_at_chip_and_parameters(wire: Wire, expected: Expected) -> None:
    for text in expected.silent_reads:
        expect_silence(wire.ask(frame(text)))
    expect_status(wire.ask(ReadRequest(0x03)), 0x00)


@requirement(
    "CONF-REG-13",
    "a read of 00 is the chip type, or silence for the TI front end",
    source="vendor V11",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_the_chip_type_is_two_bytes_or_silence(wire: Wire) -> None:
    answer = wire.ask(ReadRequest(0x00, b"\x00\x00"))
    if answer is not None and not answer.status:
        assert len(answer.data) == 2, f"expected two bytes, got {answer.data.hex(' ')}"


@requirement(
    "CONF-REG-14",
    "monitoring is served in factory mode as outside of it",
    source="app captures",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings")
def test_monitoring_is_served_in_factory_mode(open_board: BmsClient) -> None:
    outside = [len(open_board.read(register)) for register in (0x03, 0x04, 0x05, 0xAA)]
    with open_board.factory_mode():
        inside = [len(open_board.read(register)) for register in (0x03, 0x04, 0x05, 0xAA)]
    assert inside == outside


@requirement(
    "CONF-REG-15",
    "03 shows what the settings say of cells, probes and capacity",
    source="captures; vendor V11",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="settings")
def test_basic_info_agrees_with_the_settings(open_board: BmsClient) -> None:
    info = open_board.basic_info()
    with open_board.factory_mode():
        cells = open_board.setting("cell_cnt")["cell_cnt"].value
        nominal = open_board.setting("design_cap")["design_cap"].value
        probes = int.from_bytes(open_board.read(0x2E), "big").bit_count()
    assert (info.cells, info.nominal_mah, len(info.ntc_dk)) == (cells, nominal, probes)


@requirement(
    "CONF-REG-16",
    "a write to a register that is only read is refused with 0x81",
    source="write to 03 on a 24S board",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="reset", embedded=True)
@pytest.mark.parametrize("register", [0x03, 0x04, 0x05, 0xAA], ids="{:02X}".format)
def test_a_write_to_monitoring_is_refused(wire: Wire, register: int) -> None:
    expect_status(wire.ask(WriteRequest(register, b"\x00\x00")), 0x81)


@requirement(
    "CONF-REG-17",
    "a write to a register that does not exist is answered 0x80",
    source="jbdtool log: E3 4321",
    grade=Grade.CAPTURED,
)
@pytest.mark.jbd(writes="reset", embedded=True)
@pytest.mark.parametrize("register", [0x48, 0x9F, 0xE3], ids="{:02X}".format)
def test_a_write_to_nothing_is_answered_no_such_command(wire: Wire, register: int) -> None:
    expect_status(wire.ask(WriteRequest(register, b"\x43\x21")), 0x80)


@requirement(
    "CONF-REG-18",
    "parameters by number are the settings under another number",
    source="vendor V11 section 5; never captured",
    grade=Grade.VENDOR_DOCUMENT,
)
@pytest.mark.jbd(writes="settings", firmware=0x25)
def test_parameters_by_number_are_the_settings(wire: Wire, open_board: BmsClient) -> None:
    answer = wire.ask(ReadRequest(0xFA, read_parameters(0x10, 4)))
    if answer is None or answer.status:
        pytest.skip(f"this board does not serve FA: {answer}")
    with open_board.factory_mode():
        words = b"".join(open_board.read(address) for address in range(0x20, 0x24))
    assert answer.data == b"\x00\x10\x04" + words


@requirement(
    "CONF-REG-19",
    "calibration is refused outside factory mode",
    source="BMS-Tools enters it first",
    grade=Grade.ASSUMED,
)
@pytest.mark.jbd(writes=("calibration", "capacity"), embedded=True)
@pytest.mark.parametrize("register", [0xAD, 0xB0, 0xD0, 0xE0], ids="{:02X}".format)
def test_calibration_is_refused_outside_factory_mode(wire: Wire, register: int) -> None:
    answer = expect_status(wire.ask(WriteRequest(register, b"\x00\x00")), 0x81, 0x80)
    assert answer.data == b""


@requirement(
    "CONF-REG-20",
    "RSOC is 0 to 100 %",
    source="vendor V11 3.1; captures",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_rsoc_is_a_percentage(bms: BmsClient) -> None:
    rsoc = bms.basic_info().rsoc_percent
    assert 0 <= rsoc <= 100, f"expected 0 to 100 %, got {rsoc} %"


@requirement(
    "CONF-REG-21",
    "every probe reads between -40 and 120 °C, in tenths of a kelvin",
    source="vendor V11 3.1; captures: -30.0 °C stands for a missing probe",
    grade=Grade.CAPTURED,
)
def test_every_probe_reads_a_temperature(bms: BmsClient) -> None:
    celsius = [(dk - 2731) / 10 for dk in bms.basic_info().ntc_dk]
    wrong = [value for value in celsius if not -40 <= value <= 120]
    assert not wrong, f"expected -40 to 120 °C, got {wrong}"


@requirement(
    "CONF-REG-22",
    "no cell reads more than 5 V, and a cell that is there more than 0.5 V",
    source="vendor V11 3.2: millivolts; lithium cells",
    grade=Grade.VENDOR_DOCUMENT,
)
def test_every_cell_reads_millivolts(bms: BmsClient) -> None:
    wrong = [mv for mv in bms.cell_voltages() if mv and not 500 <= mv <= 5000]
    assert not wrong, f"expected 500 to 5000 mV, got {wrong}"


def status_of(answer: Response | None) -> int | None:
    """Return the status byte, None for silence."""
    return None if answer is None else answer.status


def is_setting(address: int, answer: Response | None) -> bool:
    """Return whether an answer holds the setting as its kind asks."""
    if answer is None or answer.status:
        return False
    if address in TEXT_SETTINGS:
        return 1 <= len(answer.data) <= 32 and answer.data[0] <= len(answer.data) - 1
    return len(answer.data) == 2


def told(answers: dict[int, Response | None]) -> str:
    """Return answers by register, for a message."""
    return ", ".join(
        f"{address:02X}: {'silence' if a is None else a.to_wire().hex(' ').upper()}"
        for address, a in answers.items()
    )
