"""Shared by the plant's tests: steps without repeating the FETs."""

from collections.abc import Callable

import pytest

from jbd_emulator.plant import Pack, Sample

Run = Callable[..., Sample]


@pytest.fixture
def run() -> Run:
    """Run a pack for some seconds, both FETs on unless told otherwise; the last sample."""

    def runner(
        pack: Pack,
        seconds: float,
        dt_s: float = 1.0,
        charge: bool = True,
        discharge: bool = True,
        bleed: int = 0,
    ) -> Sample:
        sample = pack.sample()
        for _ in range(round(seconds / dt_s)):
            sample = pack.step(dt_s, charge_fet=charge, discharge_fet=discharge, bleed_mask=bleed)
        return sample

    return runner
