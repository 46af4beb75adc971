"""The password frames of real clients, as recorded: good ones and JBDTools' damaged ones."""

from __future__ import annotations

from typing import Final

P0: Final = "DD 5A 06 07 06 00 00 00 00 00 00 FF ED 77"
"""Apps and BMS-Tools: the blank PIN."""
PX: Final = "DD 5A 06 07 06 01 02 03 04 05 06 FF D8 77"
"""JBDTools V2.9: 123456 as digits."""
PA: Final = "DD 5A 06 07 06 31 32 33 34 35 36 FE B8 77"
"""JBDTools V1.B: 123456 as ASCII."""
CH: Final = "DD 5A 07 0D 0C 07 06 05 08 02 08 01 02 03 04 05 06 FF A7 77"
"""JBDTools V2.9 and the vendor's document: 765828 to 123456."""
CH_ASCII: Final = "DD 5A 07 0D 0C 31 32 33 34 35 36 36 35 34 33 32 31 FD 76 77"
"""JBDTools V1.B: 123456 to 654321."""
CLR: Final = "DD 5A 09 07 06 4A 31 42 32 44 34 FE 83 77"
"""JBDTools V2.9, V1.B, BMS-Tools, Android 3.2.x."""
FE: Final = "DD 5A 00 02 56 78 FF 30 77"

REFUSED_06: Final = "DD 06 80 00 FF 80 77"
"""What firmware 0x21 answers, byte for byte. Source: xiaoxiangBMS issue 195."""
REFUSED_FE: Final = "DD 00 81 00 FF 7F 77"

# Register and data of the retries JBDTools V2.9 builds from memory that is no longer valid
# (measured): valid checksums, wrong lengths, bytes of its stack.
DAMAGED_RETRIES: Final = {
    "06 without data": (0x06, b""),
    "06 with one zero": (0x06, b"\x00"),
    "06 with 127 bytes of stack": (0x06, b"\x06" + bytes(range(0x30, 0x3A)) * 12 + bytes(6)),
    "07 without data": (0x07, b""),
    "07 with 33 zeros": (0x07, bytes(33)),
    "07 with 12 bytes of stack": (0x07, bytes.fromhex("E0 DB 19 00 50 4C 43 00 FE FF FF FF")),
    "09 without data": (0x09, b""),
    "09 with one zero": (0x09, b"\x00"),
    "09 with 127 bytes of stack": (0x09, b"\x06J1B2D4" + bytes(120)),
}
