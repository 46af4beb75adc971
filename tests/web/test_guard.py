"""Trying to get in: names, origins, tokens, sizes, rates."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from jbd_emulator.control._guard import MOST_BODY, Bucket, Guard

from .conftest import Bench, client_of, run

Make = Callable[..., Bench]
UNIT = "/api/v1/units/one"
TOKEN = "a-token-of-a-test"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:7780", 200),
        ("localhost:7780", 200),
        ("LOCALHOST:7780", 200),
        ("localhost:9999", 200),  # as through `ssh -L 9999:localhost:7780`
        ("bench.lab:7780", 200),
        ("evil.example:7780", 403),
        ("127.0.0.1.evil.example:7780", 403),
        ("localhost.evil.example", 403),
        ("127.0.0.2:7780", 403),
        ("[::1]:7780", 403),
        ("", 403),
        (":7780", 403),
        ("localhost:7780@evil.example", 403),
    ],
)
def test_a_host_that_is_not_ours_is_refused(make_bench: Make, host: str, status: int) -> None:
    async def test() -> None:
        async with client_of(make_bench().app(names=["bench.lab"])) as client:
            for path in (UNIT, "/", "/static/app.js"):
                answer = await client.get(path, headers={"Host": host})
                assert answer.status_code == status, path

    run(test)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "http://127.0.0.1:7780"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "http://127.0.0.1:3000"}, 403),
        ({"Origin": "https://127.0.0.1:7780"}, 403),
        ({"Origin": "http://localhost:7780"}, 403),  # Host says 127.0.0.1: another origin
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
    ],
)
def test_a_page_of_another_origin_changes_nothing(
    make_bench: Make, headers: dict[str, str], status: int
) -> None:
    async def test() -> None:
        bench = make_bench()
        async with client_of(bench.app()) as client:
            answer = await client.put(
                f"{UNIT}/load",
                json={"current_ma": 9000},
                headers={"Host": "127.0.0.1:7780", **headers},
            )
            assert answer.status_code == status
            assert (bench.served[0].unit.device.lab.load_ma == 9000) is (status == 200)
            assert (await client.get(UNIT, headers=headers)).status_code == status

    run(test)


def test_a_form_of_another_site_cannot_be_taken_for_json(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            answer = await client.put(
                f"{UNIT}/load", content=b'{"current_ma": 1}', headers={"Content-Type": "text/plain"}
            )
            assert answer.status_code == 422

    run(test)


def test_a_websocket_handshake_of_any_origin_opens_nothing(make_bench: Make) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def test() -> None:
        scope = {
            "type": "websocket",
            "path": f"{UNIT}/events",
            "headers": [(b"host", b"127.0.0.1")],
        }
        await make_bench().app()(scope, receive, send)

    run(test)
    assert sent == [{"type": "websocket.close", "code": 1008}]


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (None, 401),
        ("", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        (f"Bearer {TOKEN[:-1]}", 401),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_the_api_needs_the_token_and_nothing_less(
    make_bench: Make, authorization: str | None, status: int
) -> None:
    async def test() -> None:
        async with client_of(make_bench().app(token=TOKEN)) as client:
            headers = {} if authorization is None else {"Authorization": authorization}
            for path in (UNIT, "/api/v1/", "/api/v1/openapi.json", f"{UNIT}/traffic.jsonl"):
                answer = await client.get(path, headers=headers)
                assert answer.status_code == status, path
                assert TOKEN not in answer.text
            if status == 401:
                assert answer.headers["www-authenticate"] == "Bearer"
                assert (await client.get(f"{UNIT}/events", headers=headers)).status_code == 401
            assert (await client.get(f"/?token={TOKEN}")).status_code == 200

    run(test)


def test_a_token_in_the_address_is_no_token(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app(token=TOKEN)) as client:
            assert (await client.get(f"{UNIT}?token={TOKEN}")).status_code == 401
            cookie = {"Cookie": f"token={TOKEN}"}
            assert (await client.get(UNIT, headers=cookie)).status_code == 401

    run(test)


def test_a_header_that_is_given_twice_is_refused(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app(token=TOKEN)) as client:
            for pair in (
                [("Host", "127.0.0.1"), ("Host", "evil.example")],
                [("Authorization", "Bearer x"), ("Authorization", f"Bearer {TOKEN}")],
            ):
                assert (await client.get(UNIT, headers=pair)).status_code == 400

    run(test)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_that_is_too_large_is_refused_and_not_read(
    make_bench: Make, announced: bool
) -> None:
    async def pieces() -> Any:
        for _ in range(MOST_BODY // 1024 + 1):
            yield b" " * 1024
        raise AssertionError("read on and on")

    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            if announced:
                answer = await client.put(f"{UNIT}/scenario", content=b" " * (MOST_BODY + 1))
            else:
                answer = await client.put(f"{UNIT}/scenario", content=pieces())
            assert (answer.status_code, answer.json()["limit"]) == (413, "at most 65536 bytes")

    run(test)


def test_a_length_that_is_no_number_is_refused(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            headers = {"Content-Length": "1e3"}
            assert (await client.get(UNIT, headers=headers)).status_code == 413

    run(test)


def test_a_body_that_never_comes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jbd_emulator.control._guard._BODY_S", 0.001)
    sent: list[Any] = []

    async def nothing(*_: Any) -> None:
        raise AssertionError("reached the application")

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "path": "/", "headers": [(b"host", b"localhost")], "scheme": "http",
             "server": ("127.0.0.1", 1)}  # fmt: skip
    asyncio.run(Guard(nothing)(scope, receive, send))
    assert sent[0]["status"] == 408


def test_more_than_the_rate_is_refused_until_there_is_time_again(make_bench: Make) -> None:
    now_s = 100.0
    bench = make_bench()
    app = bench.app(rate=5)
    assert isinstance(app, Guard)
    app._served = Bucket(5, lambda: now_s)

    async def test() -> None:
        nonlocal now_s
        async with client_of(app) as client:
            statuses = [(await client.get(UNIT)).status_code for _ in range(7)]
            assert statuses == [200] * 5 + [429] * 2
            answer = await client.get(UNIT)
            assert (answer.json()["limit"], answer.headers["retry-after"]) == ("5 a second", "1")
            now_s += 0.2
            assert (await client.get(UNIT)).status_code == 200
            assert (await client.get(UNIT)).status_code == 429

    run(test)


def test_those_who_are_turned_away_take_nobody_elses_share(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app(token=TOKEN, rate=3)) as client:
            statuses = {(await client.get(UNIT)).status_code for _ in range(30)}
            assert statuses == {401, 429}
            headers = {"Authorization": f"Bearer {TOKEN}"}
            assert (await client.get(UNIT, headers=headers)).status_code == 200

    run(test)
