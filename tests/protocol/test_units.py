"""Values with units: integers inside, what people read at the edge."""

from __future__ import annotations

import pytest

from jbd_protocol import ZERO_CELSIUS_DK, Quantity


@pytest.mark.parametrize(
    ("quantity", "shown", "text"),
    [
        (Quantity(3650, "mV"), (3650, "mV"), "3650 mV"),
        (Quantity(ZERO_CELSIUS_DK, "dK"), (0.0, "degC"), "0.0 degC"),
        (Quantity(2631, "dK"), (-10.0, "degC"), "-10.0 degC"),
        (Quantity((2951, 2431), "dK"), ([22.0, -30.0], "degC"), "22.0, -30.0 degC"),
        (Quantity(100, "uOhm"), (0.1, "mOhm"), "0.1 mOhm"),
        (Quantity(132, "dV"), (13.2, "V"), "13.2 V"),
        (Quantity(2, "permille"), (0.2, "%"), "0.2 %"),
        (Quantity("0x8", "permille"), ("0x8", "permille"), "0x8 permille"),
        (Quantity(None, "dK"), (None, "dK"), "None dK"),
        (Quantity(value=True), (True, ""), "True"),
        (Quantity(()), ([], ""), "none"),
        (Quantity(("a", "b")), (["a", "b"], ""), "a, b"),
        (Quantity(b"\x01\xff"), ("01 ff", ""), "01 ff"),
    ],
)
def test_a_quantity_is_shown_in_the_unit_people_read(
    quantity: Quantity, shown: tuple[object, str], text: str
) -> None:
    assert quantity.display() == shown
    assert str(quantity) == text
