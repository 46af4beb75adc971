"""What a test of the suites shows, said beside the test: id, sentence, source and grade."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from jbd_protocol import Grade

TestT = TypeVar("TestT", bound=Callable[..., object])


class Requirement(NamedTuple):
    """One thing a board is expected to do.

    Attributes:
        id: stable name, ``CONF-FRAME-03``; reports and later catalogues refer to it.
        text: one sentence.
        source: where the expectation comes from.
        grade: how well it is known.
    """

    id: str
    text: str
    source: str
    grade: Grade


def requirement(id: str, text: str, *, source: str, grade: Grade) -> Callable[[TestT], TestT]:  # noqa: A002  # an id is what it is
    """Return a decorator that says what a test shows; several may stand on one test."""
    import pytest

    row = Requirement(id, text, source, grade)

    def mark(test: TestT) -> TestT:
        marked: TestT = pytest.mark.jbd_requirement(**row._asdict())(test)
        return marked

    return mark
