"""A phone's log as a real host writes it: Bumble's snooper on a link to the emulated module."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jbd_bench.recordings import Recording, RecordingError, Replay, read_recording

from .conftest import BASIC, CELLS, call, run

if TYPE_CHECKING:
    from jbd_emulator import VirtualRadio


def logged(
    radio: VirtualRadio, generation: str, links: Sequence[bool]
) -> tuple[bytes, list[list[bytes]]]:
    """Return a log of some links, with or without discovery, and what was notified in each."""
    from bumble.device import Peer
    from bumble.snoop import BtSnooper

    module = radio.add("0x21?board=4s", generation)
    log, heard = io.BytesIO(), list[list[bytes]]()

    async def talk() -> None:
        device = await radio.central()
        device.host.snooper = BtSnooper(log)

        async def central() -> object:
            return device

        radio.central = central  # type: ignore[method-assign,assignment]  # every link from one phone
        for discovers in links:
            phone = await call(radio, module)
            if discovers:
                await Peer(phone.connection).discover_all()  # type: ignore[no-untyped-call]  # Bumble
            await phone.subscribe()
            for request in (BASIC, CELLS):
                # The older modules take writes with response alone.
                await phone.write(request, with_response=generation == "older")
                await asyncio.sleep(0.5)
            heard.append(await phone.quiet())
            await phone.leave()
            await asyncio.sleep(0.5)
        await radio.stop()

    run(talk)
    return log.getvalue(), heard


def read(tmp_path: Path, raw: bytes, device: str | None = None) -> Recording:
    path = tmp_path / "btsnoop_hci.log"
    path.write_bytes(raw)
    return read_recording(path, device=device)


@pytest.mark.slow
@pytest.mark.parametrize("generation", ["telink", "older", "clone", "fff0"])
@pytest.mark.parametrize("links", [(True,), (False,), (True, False)])
def test_a_log_of_a_host_has_what_the_phone_wrote_and_heard(
    radio: VirtualRadio, generation: str, links: Sequence[bool], tmp_path: Path
) -> None:
    raw, heard = logged(radio, generation, links)
    recording = read(tmp_path, raw)
    assert [e.request for e in recording.exchanges] == [BASIC, CELLS] * len(links)
    told = [
        piece.data
        for opening, n in zip(recording.openings, range(len(links)), strict=True)
        for pieces in (opening, *(e.answer for e in recording.exchanges[2 * n : 2 * n + 2]))
        for piece in pieces
    ]
    assert all(heard)
    assert told == [piece for pieces in heard for piece in pieces]
    replay = Replay(recording)
    replay.connected(0.0)
    replay.take(1.0)
    replay.receive(CELLS, 1.0)
    assert b"".join(replay.take(1.1))[:2] == CELLS[:1] + b"\x04"


@pytest.mark.slow
def test_the_board_of_a_log_is_known_by_its_address(radio: VirtualRadio, tmp_path: Path) -> None:
    raw, _ = logged(radio, "telink", (True,))
    [address] = [module.address_text for module in radio.modules]
    assert read(tmp_path, raw, address).exchanges
    with pytest.raises(RecordingError, match=f"boards: {address}"):
        read(tmp_path, raw, "00:00:00:00:00:00")
