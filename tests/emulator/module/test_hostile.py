"""Any bytes in any cutting: nothing raises, nothing grows, and a good frame is answered."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jbd_emulator import Unit, parse_unit
from jbd_emulator.module import GENERATIONS, BleModule, Timing
from jbd_protocol import ModuleFrame, ReadRequest

READ_04 = ReadRequest(0x04).to_wire()
PROBE = ModuleFrame(0x17).to_wire()

chunk = st.one_of(
    st.binary(max_size=40),
    st.builds(
        lambda command, data: ModuleFrame(command, data).to_wire(),
        st.integers(0, 0xFF),
        st.binary(max_size=24),
    ),
    st.builds(lambda register: ReadRequest(register).to_wire(), st.integers(0, 0xFF)),
    st.sampled_from([b"\xff", b"\xff\xaa", b"\xff\xaa\x18\xff", b"\xdd\xa5\x03\xff"]),
)
event = st.one_of(
    st.tuples(st.just("write"), chunk, st.floats(0, 0.2)),
    st.tuples(
        st.sampled_from(["connect", "disconnect", "subscribe", "off", "pair", "take", "mtu"]),
        st.just(b""),
        st.floats(0, 2.0),
    ),
)


def build(key: str) -> BleModule:
    return BleModule(
        Unit(parse_unit("0x44")), key, rng=random.Random(0), password="", timing=Timing.PACED
    )


def run(module: BleModule, kind: str, data: bytes, now_s: float, mtu: int) -> None:
    if kind == "write":
        for with_response in (False, True):
            module.written(data, now_s, with_response=with_response)
    elif kind == "connect":
        module.connected(now_s, mtu)
    elif kind == "disconnect":
        module.disconnected(now_s)
    elif kind in ("subscribe", "off"):
        module.subscribed(now_s, kind == "subscribe")
    elif kind == "pair":
        module.paired(now_s, with_passkey=True)
    elif kind == "mtu":
        module.mtu_changed(mtu)
    else:
        module.take(now_s)


@pytest.mark.parametrize("key", sorted(GENERATIONS))
@given(events=st.lists(event, max_size=40), mtu=st.integers(0, 600))
def test_whatever_happens_on_the_air_a_good_frame_is_answered_after(
    key: str, events: list[tuple[str, bytes, float]], mtu: int
) -> None:
    module = build(key)
    now_s = 0.0
    module.connected(now_s, mtu)
    for kind, data, wait_s in events:
        now_s += wait_s
        run(module, kind, data, now_s, mtu)
        assert len(module.pending()) <= 64
        assert len(module._frame) < 5 + 255, "half a frame of the module is held, never more"

    module.disconnected(now_s)
    assert module.connected(now_s + 1.0)
    module.subscribed(now_s + 1.0)
    module.paired(now_s + 1.0, with_passkey=True)
    module.take(now_s + 1.0)
    password = module.state()["password"]
    if password is not None:
        return  # a frame of the noise set one; the gate has its own tests
    with_response = module.generation.accepts(with_response=True)
    assert module.written(READ_04, now_s + 2.0, with_response=with_response)
    answer = b"".join(module.take(now_s + 3.0))
    assert answer[:4] == b"\xdd\x04\x00\x08"
    assert len(answer) == 15


@given(data=st.binary(max_size=300), cuts=st.lists(st.integers(1, 20), max_size=60))
def test_any_cutting_of_noise_leaves_the_module_able_to_answer(
    data: bytes, cuts: list[int]
) -> None:
    module = build("telink-login")
    module.connected(0.0)
    module.subscribed(0.0)
    at = 0
    for size in [*cuts, *[20] * 16]:
        module.written(data[at : at + size], at / 1000)
        at += size
    module.take(10.0)

    module.written(PROBE, 11.0)
    answer = b"".join(module.take(12.0))
    assert answer[:4] == b"\xff\xaa\x17\x01"


@given(data=st.binary(max_size=20), now_s=st.floats(0, 1e6))
def test_before_the_login_no_bytes_reach_the_board(data: bytes, now_s: float) -> None:
    module = BleModule(
        Unit(parse_unit("0x44")), "telink-login", rng=random.Random(0), password="246810"
    )
    heard: list[bytes] = []
    module.unit.tap = lambda at_s, direction, raw: heard.append(raw)
    module.connected(now_s)
    module.subscribed(now_s)
    module.written(data, now_s)
    module.take(now_s + 1.0)

    assert heard == []
