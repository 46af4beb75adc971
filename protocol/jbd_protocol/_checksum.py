"""The sums that end a frame. They are sums, not CRCs."""

from __future__ import annotations


def checksum(body: bytes) -> int:
    """Return the 16-bit checksum of a DD frame.

    Args:
        body: request: command, length and data; response: status, length and data. The header
            bytes before them and, in a response, the echoed command are not part of it.
    Source: vendor protocol V4; every captured frame.
    """
    # Masked, not `0x10000 - sum(body)`: the acknowledgement of every write has an all-zero
    # body, whose checksum is 0x0000 and not the unencodable 0x10000.
    return -sum(body) & 0xFFFF


def module_checksum(body: bytes) -> int:
    """Return the one-byte sum that ends an FF AA frame of the Bluetooth module.

    Args:
        body: command, length and data.
    Source: captures of two FF AA boards.
    """
    return sum(body) & 0xFF


def crc16_modbus(body: bytes) -> int:
    """Return the CRC-16/MODBUS that ends a frame of the UP series (RS485 inverter boards).

    Source: capture of two UP16S020 packs, 200 of 200 frames.
    """
    crc = 0xFFFF
    for byte in body:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc
