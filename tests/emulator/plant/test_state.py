"""A pack put away and taken out again goes on as if nothing had happened."""

import json
import random
from collections.abc import Callable

import pytest

from jbd_emulator.plant import CcCvSupply, ConstantCurrentLoad, LeadAcidCharger, Pack, Sample

Run = Callable[..., Sample]


def used(run: Run) -> Pack:
    pack = Pack(soc=0.7, spread=0.01, rng=random.Random(2))
    pack.set_cell(2, leak_ma=10)
    pack.set_ntc(1, "open")
    pack.connect(CcCvSupply(14_000, 20_000), ConstantCurrentLoad(3_000))
    run(pack, 500, bleed=0b0110)
    return pack


@pytest.mark.parametrize("bleed", [0, 0b0110])
def test_a_restored_pack_goes_on_to_the_last_bit(run: Run, bleed: int) -> None:
    pack = used(run)
    saved = json.loads(json.dumps(pack.state()))
    other = Pack()
    other.connect(*pack.terminals)
    other.restore(saved)
    assert other.soc == pack.soc
    assert run(other, 500, bleed=bleed) == run(pack, 500, bleed=bleed)
    assert other.state() == pack.state()


def test_a_charger_goes_on_in_its_stage() -> None:
    one = LeadAcidCharger(20_000, 14_400, 13_500)
    one.restore({"stage": "float", "stage_s": 12.0, "low_s": 3.0})
    other = LeadAcidCharger(20_000, 14_400, 13_500)
    other.restore(json.loads(json.dumps(one.state())))
    assert other.state() == one.state()
    with pytest.raises(ValueError, match=r"^stage: 'boost' is none of bulk, absorption, float$"):
        other.restore({"stage": "boost", "stage_s": 0, "low_s": 0})


def test_a_broken_state_is_refused_whole(run: Run) -> None:
    pack = used(run)
    saved = pack.state()
    fresh = Pack(soc=0.25)
    before = fresh.state()
    broken: list[tuple[dict[str, object], str]] = [
        ({"cells": []}, "cells: 0 saved, the pack has 4"),
        ({"cells": [{}] * 4}, "cell 1 soc: None is not a number"),
        ({"cells": [3] * 4}, "cell 1: 3 is not a table"),
        ({"ntcs": ["ok"]}, "ntcs: 1 saved, the pack has 2"),
        ({"time_s": -1}, "time_s: -1 is outside 0..1e+12"),
        ({"node_mv": "13"}, "node_mv: '13' is not a number"),
        ({"books": {"rc_mwh": None}}, "books rc_mwh: None is not a number"),
    ]
    for change, message in broken:
        with pytest.raises(ValueError) as caught:
            fresh.restore({**saved, **change})
        assert str(caught.value) == message
    assert fresh.state() == before
