"""Your client against an emulated board: pip install 'jbd-bench[bench]', then pytest."""

import serial


def test_my_app_shows_the_pack_voltage(jbd_unit):
    """A program of yours opens the path; here pyserial stands in for it."""
    with serial.Serial(jbd_unit.serve(), 9600, timeout=1) as port:
        port.write(bytes.fromhex("DD A5 03 00 FF FD 77"))
        answer = port.read(34)
    assert int.from_bytes(answer[4:6], "big") * 10 == jbd_unit.device.basic_info().pack_mv


def test_the_board_takes_a_new_threshold(jbd_client):
    """The bench's own client asks and checks, on a clock that jumps."""
    with jbd_client.factory_mode(save=True):
        jbd_client.write_setting("covp", 3600)
        assert jbd_client.setting("covp")["covp"].value == 3600
