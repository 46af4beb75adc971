"""Fixtures of the module suite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from jbd_bench import LeaveGuard, Link, open_target, radio_of
from jbd_bench.suites.module._module import Module, Opening, Traits, look_at

if TYPE_CHECKING:
    from jbd_bench._under_test import TargetUnderTest


@pytest.fixture(scope="session")
def traits(jbd_target: TargetUnderTest) -> Traits:
    """What one look at the module shows, once a session."""
    link: Link
    if jbd_target.embedded:
        link = LeaveGuard(open_target(jbd_target.name), frozenset())
    else:
        link = jbd_target.board.link()
    end = radio_of(link)
    assert end is not None
    module = Module(link, end)
    found = look_at(module)
    if not jbd_target.embedded:
        module.connect(admitted=True)
    link.close()
    return found


@pytest.fixture
def module(jbd_link: Link, jbd_target: TargetUnderTest) -> Iterator[Module]:
    """The module; whoever uses it next finds a link as the target says."""
    end = radio_of(jbd_link)
    assert end is not None
    module = Module(jbd_link, end)
    yield module
    if not jbd_target.embedded:
        module.connect(admitted=True)


@pytest.fixture
def stranger(module: Module) -> Module:
    """The module on a link on which nobody logged in or paired."""
    if module.needs_admission:
        module.connect()
    return module


@pytest.fixture
def admitted(module: Module, traits: Traits) -> Module:
    """The module on a link over which the board is reached."""
    if traits.opening is Opening.SILENT and module.password is None:
        pytest.skip("needs the password of this module: --target '...?login=123456'")
    if traits.opening is Opening.ECHO and not module.pairs:
        pytest.skip("needs to be paired with this module: --target '...?passkey=123456'")
    return module


@pytest.fixture
def with_login(stranger: Module, traits: Traits) -> Module:
    """The module, where it demands a login or is said to; nobody logged in so far."""
    if traits.opening is not Opening.SILENT and stranger.password is None:
        pytest.skip("is about modules that demand a login")
    return stranger


@pytest.fixture
def password(with_login: Module) -> bytes:
    """The password of a module that demands one."""
    if with_login.password is None:
        pytest.skip("needs the password of this module: --target '...?login=123456'")
    return with_login.password


@pytest.fixture
def generation(jbd_target: TargetUnderTest) -> str | None:
    """The generation that the target names; the emulator's default where it names none."""
    default = "telink" if jbd_target.embedded else None
    return jbd_target.target.options.get("module", default)
