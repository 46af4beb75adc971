"""Which client models a suite can play over a link."""

from __future__ import annotations

from jbd_bench import Link, radio_of
from jbd_bench.clients import ClientModel, Loop, client_model


def model_on(client: str, link: Link, loop: Loop | None = None) -> ClientModel:
    """Return a client's model; skip where it does not use such a link."""
    import pytest

    model = client_model(client, **({} if loop is None else {"loop": loop}))
    end = radio_of(link)
    if end is not None and model.radio is None:
        pytest.skip(f"{client} is a program of the serial line")
    if end is not None and end.login is not None and not model.logs_in:
        pytest.skip(f"{client} does not know the login that this module demands: MOD-LOGIN-09")
    return model
