"""The API against its own description: schemathesis makes requests of it and judges the answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.config import SchemathesisConfig

from jbd_emulator.control._app import make_app
from jbd_emulator.control._link import Boards

from .conftest import HERE, Bench

pytestmark = pytest.mark.slow


class Local:
    """The application as reached on the loopback, its rate out of the way."""

    def __init__(self) -> None:
        self.bench = Bench("0x25?name=one", "0x21?name=two&board=16s")
        self._app = make_app(Boards(self.bench), rate=1_000_000, names=["testserver", "localhost"])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            scope = {**scope, "server": HERE}
        await self._app(scope, receive, send)


local = Local()
config = SchemathesisConfig.from_dict(
    {
        "headers": {"Host": "localhost"},
        # What is not there is tried by hand; here most requests are to meet a unit.
        "parameters": {"path.unit": "one"},
        # A scenario is TOML inside JSON, and a firmware or a cell may not be there: what no schema
        # can say is refused with 422 and 404, and that is right.
        "checks": {
            "positive_data_acceptance": {"expected-statuses": ["2xx", 404, 409]},
            "negative_data_rejection": {"expected-statuses": [400, 404, 405, 409, 413, 422]},
        },
        "operations": [
            {
                "include-path": "/api/v1/units/{unit}/scenario",
                "checks": {"positive_data_acceptance": {"enabled": False}},
            }
        ],
    }
)
schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", local, config=config)


@pytest.fixture(scope="module", autouse=True)
def _boards() -> Iterator[None]:
    yield
    local.bench.close()


# The stream has no end, so it is tried elsewhere.
@schema.exclude(path_regex="/events$").parametrize()
@settings(
    max_examples=30,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_keeps_its_promises(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()
