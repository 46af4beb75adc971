"""A module on Bumble, as a central sees it: table, advertisement, pieces, links that end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from jbd_emulator.module import GENERATIONS
from jbd_protocol import ModuleFrame, ReadRequest, obfuscate, parse_module_frame, parse_response

from .conftest import BASIC, CELLS, Phone, call, run

if TYPE_CHECKING:
    from bumble.device import Advertisement

    from jbd_emulator import BleModule, VirtualRadio

WithPhone = Callable[..., Any]
ROW = tuple[str, int, int, tuple[tuple[str, int, int, tuple[tuple[str, int], ...]], ...]]
PLAIN = ["older", "telink", "clone", "fff0"]


def expected_table(key: str) -> list[ROW]:
    return [
        (
            service.long_uuid,
            service.start,
            service.end,
            tuple(
                (
                    part.long_uuid,
                    part.handle,
                    int(part.properties),
                    tuple((descriptor.uuid, descriptor.handle) for descriptor in part.descriptors),
                )
                for part in service.characteristics
            ),
        )
        for service in GENERATIONS[key].services.value
    ]


async def discovered_table(phone: Phone) -> list[ROW]:
    from jbd_bench.bleak_bumble._gatt import long_uuid

    rows: list[ROW] = []
    for service in await phone.connection.gatt_client.discover_services():
        parts = []
        for part in await service.discover_characteristics():
            found = await part.discover_descriptors()
            short = tuple((long_uuid(one.type)[4:8], one.handle) for one in found)
            parts.append((long_uuid(part.uuid), part.handle, int(part.properties), short))
        rows.append(
            (long_uuid(service.uuid), service.handle, service.end_group_handle, tuple(parts))
        )
    return rows


@pytest.mark.parametrize("key", GENERATIONS)
def test_discovery_shows_the_attribute_table_of_the_generation(
    with_phone: WithPhone, key: str
) -> None:
    assert with_phone(discovered_table, generation=key) == expected_table(key)


@pytest.mark.parametrize("key", GENERATIONS)
def test_a_scanner_hears_services_address_and_name(radio: VirtualRadio, key: str) -> None:
    from bumble.device import Device

    module = radio.add("0x21?board=8s", key)
    heard: list[Advertisement] = []

    async def scan() -> None:
        phone = await radio.central()
        phone.on(Device.EVENT_ADVERTISEMENT, heard.append)
        await phone.start_scanning(filter_duplicates=False)
        await asyncio.sleep(0.2)
        await phone.stop_scanning()
        await radio.stop()

    run(scan)
    shown = module.advertisement()
    [last] = heard[-1:]
    assert last.address.to_string(False) == module.address_text
    fields = fields_of(last)
    assert fields[0x03] == b"".join(bytes.fromhex(uuid)[::-1] for uuid in shown.services)
    assert fields[0x09] == shown.name.encode()
    assert fields.get(0xFF, b"") == shown.manufacturer


def fields_of(heard: Advertisement) -> dict[int, bytes]:
    return {int(kind): data for kind, data in heard.data.ad_structures}


def test_basic_info_comes_in_pieces_of_twenty_bytes(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> tuple[list[bytes], list[bytes]]:
        await phone.subscribe()
        return await phone.ask(BASIC), await phone.ask(CELLS)

    info, cells = with_phone(work)
    assert [len(piece) for piece in info] == [20, 14]
    assert [len(piece) for piece in cells] == [15]
    assert parse_response(b"".join(info)).register == 0x03


def test_the_clone_notifies_the_whole_answer_at_once(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> list[bytes]:
        await phone.connection.gatt_client.request_mtu(247)
        await phone.subscribe()
        return await phone.ask(BASIC)

    [whole] = with_phone(work, "0x80?board=16s", "clone")
    assert len(whole) == whole[3] + 7 > 20


@pytest.mark.parametrize("asked", [23, 185, 517])
def test_whatever_mtu_is_asked_for_the_module_stays_at_23(
    with_phone: WithPhone, asked: int
) -> None:
    async def work(phone: Phone) -> tuple[int, list[bytes]]:
        mtu = await phone.connection.gatt_client.request_mtu(asked)
        await phone.subscribe()
        return mtu, await phone.ask(BASIC)

    mtu, pieces = with_phone(work)
    assert (mtu, [len(piece) for piece in pieces]) == (23, [20, 14])


def test_the_first_link_brings_a_zero_byte_before_any_subscription(radio: VirtualRadio) -> None:
    module = radio.add()

    async def work() -> list[list[bytes]]:
        seen = []
        for _ in range(2):
            phone = await call(radio, module)
            seen.append(await phone.quiet())
            await phone.leave()
        await radio.stop()
        return seen

    assert run(work) == [[b"\x00"], []]


def test_an_answer_that_nobody_subscribed_to_is_lost(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> tuple[list[bytes], list[bytes], list[bytes]]:
        before = await phone.ask(BASIC)
        await phone.subscribe()
        after = await phone.ask(BASIC)
        await phone.subscribe(on=False)
        return before, after, await phone.ask(BASIC)

    before, after, off = with_phone(work)
    assert (before, len(after), off) == ([], 2, [])


def test_two_frames_in_one_write_are_both_answered(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> list[bytes]:
        await phone.subscribe()
        return await phone.ask(BASIC + CELLS)

    pieces = with_phone(work)
    assert [len(piece) for piece in pieces] == [20, 14, 15]


def test_half_a_frame_per_write_is_answered_once_it_is_whole(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> tuple[list[bytes], list[bytes]]:
        await phone.subscribe()
        await phone.quiet()
        await phone.write(BASIC[:3])
        first = await phone.quiet(0.05)
        await phone.write(BASIC[3:])
        return first, await phone.quiet()

    first, then = with_phone(work)
    assert (first, [len(piece) for piece in then]) == ([], [20, 14])


def test_what_else_can_be_written_is_taken_and_the_rest_refused(with_phone: WithPhone) -> None:
    from bumble.att import ATT_Error, ErrorCode

    tables = GENERATIONS["fff0"].services.value
    handles = {part.uuid: part.handle for service in tables for part in service.characteristics}

    async def work(phone: Phone) -> int:
        client = phone.connection.gatt_client
        # BlueZ writes its features there, and subscribes to nothing where it cannot.
        await client.write_value(handles["2b29"], b"\x01", with_response=True)
        await phone.subscribe()
        assert await phone.ask(BASIC)
        try:
            await client.write_value(handles["2b2a"], b"\x01", with_response=True)
        except ATT_Error as error:
            return error.error_code
        return 0

    assert with_phone(work, generation="fff0") == ErrorCode.WRITE_NOT_PERMITTED


def test_a_module_that_is_withdrawn_ends_its_link_and_leaves_the_others(
    radio: VirtualRadio,
) -> None:
    gone, stays = radio.add(), radio.add("0x17?board=8s")

    async def work() -> tuple[list[int], list[bytes]]:
        phone = await call(radio, gone)
        await radio.withdraw(gone)
        await phone.quiet()
        other = await call(radio, stays)
        await other.subscribe()
        heard = await other.ask(CELLS)
        await other.leave()
        await radio.stop()
        return phone.lost, heard

    lost, heard = run(work)
    assert len(lost) == 1
    assert [len(piece) for piece in heard] == [20, 3]
    assert radio.modules == [stays]


@pytest.mark.parametrize("key", PLAIN)
def test_only_the_kind_of_write_that_is_offered_is_taken(with_phone: WithPhone, key: str) -> None:
    from bumble.att import ATT_Error, ErrorCode

    async def work(phone: Phone) -> tuple[list[bytes], list[bytes] | int]:
        await phone.subscribe()
        without = await phone.ask(BASIC)
        try:
            await phone.write(BASIC, with_response=True)
        except ATT_Error as error:
            return without, error.error_code
        return without, await phone.quiet()

    without, answered = with_phone(work, generation=key)
    if key == "older":
        assert without == []
        assert isinstance(answered, list)
        assert len(answered) == 2
    else:
        assert without
        assert answered == ErrorCode.WRITE_NOT_PERMITTED


def login(phone: Phone, random: int, password: bytes) -> bytes:
    return ModuleFrame(0x18, obfuscate(password, phone.module.address, random)).to_wire()


def test_dd_frames_are_met_with_silence_until_the_login(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> list[list[bytes]]:
        await phone.subscribe()
        seen = [await phone.ask(BASIC)]
        seen.append(await phone.ask(ModuleFrame(0x15, b"000000").to_wire()))
        for password in (b"999999", b"123456"):
            [answer] = await phone.ask(ModuleFrame(0x17).to_wire())
            random = parse_module_frame(answer).data[0]
            seen.append(await phone.ask(login(phone, random, password)))
        seen.append(await phone.ask(BASIC))
        return seen

    silent, key, wrong, right, info = with_phone(work, generation="telink-login")
    assert silent == []
    assert key == [bytes.fromhex("ffaa15010016")]
    assert wrong == [bytes.fromhex("ffaa1801011a")]
    assert right == [bytes.fromhex("ffaa18010019")]
    assert len(info) == 2


def test_the_login_ends_with_the_link(radio: VirtualRadio) -> None:
    module = radio.add(generation="key-login")

    async def work() -> list[int]:
        counts = []
        for secret in (b"000000", b""):
            phone = await call(radio, module)
            await phone.subscribe()
            if secret:
                await phone.ask(ModuleFrame(0x15, secret).to_wire())
            counts.append(len(await phone.ask(BASIC)))
            await phone.leave()
        await radio.stop()
        return counts

    assert run(work) == [2, 0]


def test_a_new_name_is_advertised_and_read_after_the_link(radio: VirtualRadio) -> None:
    from bumble.device import Device

    module = radio.add()
    heard: list[Advertisement] = []

    async def work() -> bytes:
        phone = await call(radio, module)
        await phone.subscribe()
        answer = await phone.ask(bytes.fromhex("ffaa070358595a15"))
        assert answer == [bytes.fromhex("ffaa070007")]
        await phone.leave()
        listener = await radio.central()
        listener.on(Device.EVENT_ADVERTISEMENT, heard.append)
        await listener.start_scanning(filter_duplicates=False)
        await asyncio.sleep(0.5)
        await listener.stop_scanning()
        again = await call(radio, module)
        name = await again.connection.gatt_client.read_value(0x0003)
        await again.leave()
        await radio.stop()
        return bytes(name)

    assert run(work) == b"XYZ"
    assert fields_of(heard[-1])[0x09] == b"XYZ"


def test_fifty_reconnects_in_a_row_are_all_served(radio: VirtualRadio) -> None:
    module = radio.add()

    async def work() -> list[int]:
        counts = []
        for _ in range(50):
            phone = await call(radio, module)
            await phone.subscribe()
            counts.append(len(await phone.ask(BASIC)))
            await phone.leave()
        await radio.stop()
        return counts

    assert run(work) == [2] * 50


def test_a_central_that_vanishes_in_mid_answer_leaves_a_module_for_the_next(
    radio: VirtualRadio,
) -> None:
    module = radio.add(paced=True)

    async def work() -> tuple[list[bytes], list[bytes], int]:
        first = await call(radio, module)
        await first.subscribe()
        await first.quiet()
        await first.write(BASIC)
        while not first.heard:
            await asyncio.sleep(0.0001)
        # One piece is out, the other waits 0.8 ms behind it.
        radio.remove(first.device)
        rest = list(first.heard)
        second = await call(radio, module)
        lost = module.lost
        await second.subscribe()
        answer = await second.ask(BASIC)
        await second.leave()
        await radio.stop()
        return rest, answer, lost

    rest, answer, lost = run(work)
    assert [len(piece) for piece in rest] == [20]
    assert lost == 1
    assert [len(piece) for piece in answer] == [20, 14]


def test_a_second_central_finds_nobody_while_the_first_is_served(radio: VirtualRadio) -> None:
    from bumble.core import TimeoutError as NobodyThere

    module = radio.add()

    async def work() -> tuple[int, int]:
        first = await call(radio, module)
        await first.subscribe()
        with pytest.raises(NobodyThere):
            await call(radio, module)
        during = len(await first.ask(BASIC))
        await first.leave()
        second = await call(radio, module)
        await second.subscribe()
        after = len(await second.ask(BASIC))
        await second.leave()
        await radio.stop()
        return during, after

    assert run(work) == (2, 2)


def test_of_two_centrals_at_once_one_is_turned_away(radio: VirtualRadio) -> None:
    module = radio.add()

    async def work() -> int:
        both = await asyncio.gather(call(radio, module), call(radio, module))
        await asyncio.sleep(0.1)
        [served] = [phone for phone in both if not phone.lost]
        await served.subscribe()
        count = len(await served.ask(BASIC))
        await served.leave()
        await radio.stop()
        return count

    assert run(work) == 2


def test_the_module_asks_for_its_link_parameters_after_a_second(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> list[tuple[float, float]]:
        await asyncio.sleep(0.9)
        before = phone.connection.parameters
        await asyncio.sleep(0.3)
        after = phone.connection.parameters
        return [(shown.connection_interval, shown.peripheral_latency) for shown in (before, after)]

    before, after = with_phone(work)
    assert (before[1], after[1]) == (0, 99)
    assert 15.0 <= after[0] <= 18.75


def test_the_link_parameters_are_asked_for_over_l2cap_as_a_peripheral_of_2022_can(
    with_phone: WithPhone,
) -> None:
    # By HCI the module's own controller would ask the phone's, which a phone may never show.
    asked: list[tuple[int, int, int, int]] = []

    async def work(phone: Phone) -> None:
        manager = phone.device.l2cap_channel_manager
        answer = manager.on_l2cap_connection_parameter_update_request

        def note(connection: Any, cid: int, request: Any) -> None:
            asked.append(
                (request.interval_min, request.interval_max, request.latency, request.timeout)
            )
            answer(connection, cid, request)

        setattr(manager, answer.__name__, note)
        await asyncio.sleep(1.3)

    with_phone(work)
    # As captured: 15 and 18.75 ms in units of 1.25, latency 99, 4 s in units of 10 ms.
    assert asked == [(12, 15, 99, 400)]


def test_basic_info_takes_as_long_as_captured_when_paced(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> list[float]:
        await phone.subscribe()
        took = []
        for request in (BASIC, CELLS):
            await phone.quiet()
            began_s = asyncio.get_running_loop().time()
            await phone.write(request)
            await phone.quiet()
            took.append(phone.at_s[-1] - began_s)
        return took

    info_s, cells_s = with_phone(work, paced=True)
    # Captured medians: 78 ms and 47.5 ms from the write to the last piece.
    assert info_s == pytest.approx(0.078, rel=0.02)
    assert cells_s == pytest.approx(0.0475, rel=0.02)


@pytest.mark.parametrize(("typed", "served"), [(123456, True), (111111, False)])
def test_the_passkey_module_echoes_until_it_is_paired_with_its_passkey(
    radio: VirtualRadio, typed: int, served: bool
) -> None:
    from bumble.core import BaseBumbleError
    from bumble.pairing import PairingConfig

    from jbd_bench.bleak_bumble._gatt import Typist

    module: BleModule = radio.add(generation="passkey")

    async def work() -> tuple[list[bytes], list[bytes]]:
        phone = await call(radio, module)
        await phone.subscribe()
        echo = await phone.ask(BASIC)
        phone.device.pairing_config_factory = lambda _: PairingConfig(delegate=Typist(typed))
        try:
            await phone.connection.pair()
        except BaseBumbleError:
            assert not served
        after = [] if phone.lost else await phone.ask(BASIC)
        await phone.leave()
        await radio.stop()
        return echo, after

    echo, after = run(work)
    assert echo == [BASIC]
    assert (len(after) == 2) is served
    assert served or after in ([], [BASIC])


def test_a_pairing_without_a_passkey_opens_nothing(radio: VirtualRadio) -> None:
    from bumble.pairing import PairingConfig

    from jbd_bench.bleak_bumble._gatt import Typist

    module = radio.add(generation="passkey")

    async def work() -> tuple[bool, list[bytes]]:
        phone = await call(radio, module)
        await phone.subscribe()
        phone.device.pairing_config_factory = lambda _: PairingConfig(
            mitm=False, delegate=Typist(None)
        )
        await phone.connection.pair()
        encrypted = phone.connection.is_encrypted
        after = await phone.ask(BASIC)
        await phone.leave()
        await radio.stop()
        return encrypted, after

    # Reported of a LIONTRON module: under "just works" it goes on echoing.
    assert run(work) == (True, [BASIC])


def test_the_write_that_is_not_ours_is_left_to_the_table(with_phone: WithPhone) -> None:
    async def work(phone: Phone) -> tuple[bytes, bytes]:
        read = phone.connection.gatt_client.read_value
        return bytes(await read(0x0011)), bytes(await read(0x0013))

    value, text = with_phone(work)
    assert value == b"\x00"
    assert text == GENERATIONS["telink"].notifies.description.encode()


def test_a_register_that_the_board_does_not_know_is_refused_over_the_air(
    with_phone: WithPhone,
) -> None:
    async def work(phone: Phone) -> list[bytes]:
        await phone.subscribe()
        return await phone.ask(ReadRequest(0x7F).to_wire())

    [refusal] = with_phone(work)
    assert parse_response(refusal).status == 0x80
