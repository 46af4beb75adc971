"""Expectations: what a client will ask, what the board does then, and what is said of the rest."""

from __future__ import annotations

import pytest
import serial

from jbd_bench import BmsClient, Expectations, Link, LinkError, read, write
from jbd_bench._under_test import EmulatedUnit
from jbd_emulator import ConfigError, Fault
from jbd_protocol import ReadRequest, ReplyTimeout, RequestRefused, Status, WriteRequest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.jbd(embedded=True)
CELLS = b"\x0c\xe4\x0c\xe5\x0c\xe6\x0c\xe7"


def test_a_client_asks_again_and_gets_its_answer(
    jbd_expect: Expectations, jbd_client: BmsClient
) -> None:
    jbd_expect(read(0x03)).once().fails("wrong_checksum")
    jbd_expect(read(0x04)).answers(CELLS)
    assert jbd_client.basic_info().version == 0x21
    assert jbd_client.cell_voltages() == (3300, 3301, 3302, 3303)
    assert jbd_client.cell_voltages() == (3300, 3301, 3302, 3303)


def test_what_was_expected_first_is_done_first(
    jbd_unit: EmulatedUnit, jbd_client: BmsClient
) -> None:
    expect = jbd_unit.expect
    expect(0x04).once().refuses(0x81)
    expect(0x04).exactly(2).answers(CELLS)
    expect(0x04).once().fails("silence")
    with pytest.raises(RequestRefused):
        jbd_client.cell_voltages()
    assert [jbd_client.cell_voltages()[0] for _ in range(3)] == [
        3300,
        3300,
        pytest.approx(3310, abs=60),
    ]
    expect.check()


def test_a_refused_write_is_not_carried_out_and_one_that_is_forgotten_is_acknowledged(
    jbd_unit: EmulatedUnit, jbd_link: Link
) -> None:
    client = BmsClient(jbd_link)
    client.write(0x00, b"\x56\x78")
    before = jbd_unit.device.settings.word(0x24)
    jbd_unit.expect(write(0x24, b"\x0e\x10")).once().refuses(Status.INVALID)
    jbd_unit.expect(write(0x24)).once().answers(carried_out=False)
    with pytest.raises(RequestRefused):
        client.write(0x24, b"\x0e\x10")
    client.write(0x24, b"\x0e\x11")
    assert jbd_unit.device.settings.word(0x24) == before
    client.write(0x24, b"\x0e\x12")
    assert jbd_unit.device.settings.word(0x24) == 0x0E12
    jbd_unit.expect.check()


def test_in_order_means_in_order(jbd_unit: EmulatedUnit, jbd_client: BmsClient) -> None:
    expect = jbd_unit.expect
    expect(read(0x03)).in_order().passes()
    expect(read(0x04)).in_order().answers(CELLS)
    expect(read(0x03)).in_order().fails("delay", delay_s=0.1)
    jbd_client.basic_info()
    assert jbd_client.cell_voltages()[0] == 3300
    jbd_client.basic_info()
    expect.check()


def test_out_of_order_is_told(jbd_unit: EmulatedUnit, jbd_client: BmsClient) -> None:
    expect = jbd_unit.expect
    expect(read(0x03)).in_order().passes()
    expect(read(0x04)).in_order().answers(CELLS)
    assert jbd_client.cell_voltages()[0] != 3300
    jbd_client.basic_info()
    with pytest.raises(AssertionError) as caught:
        expect.check()
    assert str(caught.value).splitlines() == [
        "1 of 2 expectations not met",
        "  expected read 0x04, in order: answers 0c e4 0c e5 0c e6 0c e7 - never",
        "  out of order: read 0x04, before read 0x03, in order: passes",
        "  the client asked:",
        "    1 x read 0x04",
        "    1 x read 0x03",
    ]


def test_what_came_near_is_told(jbd_unit: EmulatedUnit, jbd_client: BmsClient) -> None:
    expect = jbd_unit.expect
    expect(WriteRequest(0x24, b"\x0e\x10")).once().answers()
    expect(ReadRequest(0x05)).exactly(2).passes()
    for ask in (lambda: jbd_client.read(0x24), lambda: jbd_client.write(0x24, b"\x0e\x11")):
        with pytest.raises(RequestRefused):
            ask()
    jbd_client.read(0x05)
    with pytest.raises(AssertionError) as caught:
        expect.check()
    assert str(caught.value).splitlines() == [
        "2 of 2 expectations not met",
        "  expected write 0x24 of 0e 10, once: answers no data - never",
        "    near: read 0x24, a read",
        "    near: write 0x24 of 0e 11, other payload",
        "  expected read 0x05, 2 times: passes - 1 of 2",
        "  the client asked:",
        "    1 x read 0x24",
        "    1 x write 0x24 of 0e 11",
        "    1 x read 0x05",
    ]


def test_a_fault_that_could_not_strike_has_not_met_it(
    jbd_unit: EmulatedUnit, jbd_client: BmsClient
) -> None:
    jbd_unit.expect(read(0x04)).once().fails("drop", byte=200)
    jbd_client.cell_voltages()
    jbd_client.cell_voltages()
    assert len(jbd_unit.expect.unmet) == 1
    with pytest.raises(ConfigError, match=r"^fault drop delay_s: not a field"):
        jbd_unit.expect(0x03).fails("drop", delay_s=3)


def test_a_link_that_ends_is_a_link_error_and_can_be_made_again(
    jbd_unit: EmulatedUnit, jbd_link: Link
) -> None:
    jbd_unit.expect(read(0x03)).once().fails("disconnect", byte=10)
    jbd_link.write(ReadRequest(0x03).to_wire())
    assert len(jbd_link.read(jbd_link.clock.now_s() + 1.0)) == 10
    with pytest.raises(LinkError, match="the port is gone"):
        jbd_link.read(jbd_link.clock.now_s() + 1.0)
    with pytest.raises(LinkError, match="the port is gone"):
        jbd_link.write(b"\xdd")
    jbd_link.reconnect()
    assert BmsClient(jbd_link).basic_info().version == 0x21


def test_the_traffic_says_what_the_fault_did(
    jbd_unit: EmulatedUnit, jbd_link: Link, request: pytest.FixtureRequest
) -> None:
    from jbd_bench.pytest_plugin import _TRAFFIC

    jbd_unit.add_fault(Fault("wrong_end", id="odd", register=3, times=1))
    with pytest.raises(ReplyTimeout):
        BmsClient(jbd_link, retries=0).basic_info()
    lines = request.node.stash[_TRAFFIC].lines()
    assert [line.split()[1] for line in lines] == [">", "#", "<"]
    assert "fault odd: end byte 00 (answer 0x03, number 1, at the board)" in lines[1]


@pytest.mark.slow
def test_a_served_unit_is_expected_of_in_the_same_words(jbd_unit: EmulatedUnit) -> None:
    path = jbd_unit.serve()
    jbd_unit.expect(read(0x04)).once().answers(CELLS)
    with serial.Serial(path, 9600, timeout=5) as port:
        port.write(ReadRequest(0x04).to_wire())
        assert port.read(15)[4:12] == CELLS
        jbd_unit.add_fault(Fault("delay", delay_s=0.05, times=1))
        port.write(ReadRequest(0x04).to_wire())
        assert port.read(15)[4:12] != CELLS
    jbd_unit.expect.check()


def test_what_was_never_asked_fails_the_test_that_wanted_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from jbd_bench import read

        def test_asks(jbd_expect, jbd_client):
            jbd_expect(read(0x03)).passes()
            jbd_expect(read(0x04)).once().fails("drop")
            jbd_client.read(0x03)

        def test_does_not_care(jbd_unit, jbd_client):
            jbd_unit.expect(read(0x04)).once().fails("drop")
        """
    )
    result = pytester.runpytest_subprocess("-q", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(
        ["*1 of 2 expectations not met", "*expected read 0x04, once: fails by drop - never"]
    )
