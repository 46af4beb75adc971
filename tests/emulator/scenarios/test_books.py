"""Charge and energy of every scenario of the gallery add up to 0.1 % over a week."""

from __future__ import annotations

import pytest

from jbd_emulator import Unit
from jbd_emulator.scenario import load_scenario, scenario_names
from jbd_emulator.study import open_books

WEEK_S = 7 * 86_400
FIRST_S = 3_600


@pytest.mark.slow
@pytest.mark.parametrize("name", scenario_names())
def test_the_books_of_a_week_balance(name: str) -> None:
    device = Unit(load_scenario(name).config()).device
    story = device.story
    assert story is not None
    books = open_books(device.pack)
    for _ in range(FIRST_S):
        story.live(1.0)
    # The short circuit is over; the rest is exact in longer steps too.
    while story.time_s < WEEK_S:
        story.live(20.0)
    assert len(story.past) == len(load_scenario(name).events)
    assert device.pack.books.self_discharge_mah > 0
    assert abs(books.charge_error) < 1e-3
    assert abs(books.energy_error) < 1e-3


def test_books_opened_on_the_way_balance_too() -> None:
    device = Unit(load_scenario("weak-cell").config()).device
    device.advance_to(1_500.0)
    books = open_books(device.pack)
    assert books.totals["bleed_mah"] > 0
    device.advance_to(2_900.0)
    assert abs(books.charge_error) < 1e-9
    assert abs(books.energy_error) < 1e-3


def test_books_that_do_not_balance_are_found() -> None:
    device = Unit(load_scenario("healthy-4s").config()).device
    books = open_books(device.pack)
    device.advance_to(3600.0)
    assert abs(books.charge_error) < 1e-9
    device.pack.books.charged_mah += 100.0
    device.pack.books.ohmic_mwh += 1_000.0
    assert books.charge_error > 1e-3
    assert books.energy_error < -1e-3
