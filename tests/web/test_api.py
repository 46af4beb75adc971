"""The API over a desk in the same process: what is asked is done, what is wrong is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jbd_emulator.control._fault_model import kinds
from jbd_emulator.faults import KINDS
from jbd_emulator.profiles import FIRMWARE
from jbd_protocol import ENTER_FACTORY, ReadRequest

from .conftest import Bench, client_of, run

Make = Callable[..., Bench]
UNIT = "/api/v1/units/one"
CHANGES: list[tuple[str, str, object]] = [
    ("PUT", "/pin", {"digits": "123456"}),
    ("PUT", "/pin", {"digits": None}),
    ("PUT", "/firmware", {"version": "0x17"}),
    ("PUT", "/speed", {"speed": 60}),
    ("PUT", "/load", {"current_ma": 1200.5}),
    ("PUT", "/charger", {"voltage_mv": 14000, "current_ma": 3000}),
    ("PUT", "/current", {"held_ma": -5000}),
    ("PUT", "/current", {"held_ma": None}),
    ("PATCH", "/cells/1", {"held_mv": 3700}),
    ("PATCH", "/cells/1", {"held_mv": None}),
    ("PATCH", "/cells/1", {}),
    ("PATCH", "/ntcs/2", {"state": "open"}),
    ("PATCH", "/ntcs/2", {"held_celsius": 12.5}),
    ("PUT", "/ambient", {"celsius": -10}),
    ("PATCH", "/fets", {"charge": False}),
    ("PUT", "/cable", {"plugged": False}),
    ("POST", "/sleep", None),
    ("POST", "/reset", None),
    ("POST", "/power-cycle", None),
    ("POST", "/start-over", None),
    ("POST", "/clear-protections", None),
    ("POST", "/clear-counters", None),
    ("PATCH", "/settings", {"covp": 3600, "povp": 14400, "balance_en": True, "sc": 44}),
    ("PATCH", "/settings", {"device_name": "Boat", "chgot": 3231, "dsgoc": -30000}),
    ("PUT", "/scenario", {"name": "weak-cell"}),
    ("PUT", "/scenario", {"toml": "title = 'mine'"}),
    ("DELETE", "/scenario", None),
    ("DELETE", "/traffic", None),
    ("DELETE", "/faults", None),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body"), CHANGES)
def test_every_change_answers_with_the_state(
    make_bench: Make, method: str, path: str, body: object
) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            answer = await client.request(method, UNIT + path, json=body)
            assert answer.status_code == 200, answer.text
            state = answer.json()
            assert state["name"] == "one"
            now = (await client.get(UNIT)).json()
            assert now == state

    run(test)


WRONG: list[tuple[str, str, object, str, str | None]] = [
    ("PUT", "/pin", {"digits": "12345"}, "digits", "like ^[0-9]{6}$"),
    ("PUT", "/pin", {"digits": "123456\n"}, "digits", None),
    ("PUT", "/pin", {}, "digits", None),
    ("PUT", "/firmware", {"version": "0x99"}, "version", None),
    ("PUT", "/speed", {"speed": 0}, "speed", "at least 1"),
    ("PUT", "/speed", {"speed": 10001}, "speed", "at most 10000"),
    ("PUT", "/load", {"current_ma": -1}, "current_ma", "at least 0.0"),
    ("PUT", "/load", {"current_ma": 1, "colour": 2}, "colour", None),
    ("PATCH", "/settings", {"covp": 65536}, "covp", "at most 65535"),
    ("PATCH", "/settings", {"povp": 14405}, "povp", "a multiple of 10"),
    ("PATCH", "/settings", {"nonsense": 1}, "nonsense", None),
    ("PATCH", "/cells/33", {}, "number", "at most 32"),
    ("POST", "/faults", {"kind": "drop", "p": 1.5}, "p", "at most 1.0"),
    ("POST", "/faults", {"kind": "drop", "register": "0x1FF"}, "register", None),
    ("POST", "/faults", {"kind": "wrong_checksum", "byte": 3}, "byte", None),
    ("PUT", "/scenario", {"name": "../x"}, "name", None),
    ("PUT", "/scenario", {"toml": "["}, "toml", None),
    ("PUT", "/scenario", {"toml": "[[event]]\nat = 1\ndo = 'dance'"}, "toml", None),
    ("PUT", "/scenario", {}, "name", None),
    ("POST", "/faults", {"kind": "ntc", "ntc": 99}, "ntc", "at most 8"),
    ("POST", "/faults", {"kind": "gremlin"}, "kind", f"one of {', '.join(KINDS)}"),
    ("POST", "/faults", {}, "kind", f"one of {', '.join(KINDS)}"),
]


def test_a_body_that_is_no_json_is_the_body(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            answer = await client.put(
                f"{UNIT}/load", content=b"nope", headers={"Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["field"]) == (422, "body")

    run(test)


@pytest.mark.parametrize(("method", "path", "body", "field", "limit"), WRONG)
def test_what_is_wrong_is_a_problem_that_names_field_and_limit(
    make_bench: Make, method: str, path: str, body: object, field: str, limit: str | None
) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            answer = await client.request(method, UNIT + path, json=body)
            assert answer.status_code == 422
            assert answer.headers["content-type"] == "application/problem+json"
            problem = answer.json()
            assert (problem["status"], problem["field"]) == (422, field)
            assert limit is None or problem["limit"] == limit
            assert "\n" not in problem["detail"].rstrip("\n")

    run(test)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/v1/units/nobody", 404),
        ("GET", "/api/v1/units/nobody/events", 404),
        ("PATCH", f"{UNIT}/cells/5", 404),
        ("PATCH", f"{UNIT}/ntcs/3", 404),
        ("DELETE", f"{UNIT}/faults/none", 404),
        ("GET", "/api/v1/scenarios/none", 404),
        ("GET", "/api/v1/nonsense", 404),
        ("GET", "/static/../_app.py", 404),
        ("GET", "/static/%2e%2e/_app.py", 404),
        ("POST", UNIT, 405),
        ("GET", "/docs", 404),
    ],
)
def test_what_is_not_there_is_a_problem_too(
    make_bench: Make, method: str, path: str, status: int
) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            answer = await client.request(method, path, json={} if method == "PATCH" else None)
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["status"] == status

    run(test)


def test_a_client_with_a_pin_meets_what_was_set_over_http(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench()
        unit = bench.served[0].unit
        async with client_of(bench.app()) as client:
            assert unit.receive(ENTER_FACTORY.to_wire(), 0.0)[2] == 0x00
            await client.put(f"{UNIT}/pin", json={"digits": "123456"})
            assert unit.receive(ENTER_FACTORY.to_wire(), 0.0)[2] == 0x81
            await client.put(f"{UNIT}/firmware", json={"version": "0x21"})
            assert unit.receive(ENTER_FACTORY.to_wire(), 0.0)[2] == 0x00

    run(test)


def test_traffic_is_paged_told_in_words_and_downloaded(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench()
        unit = bench.served[0].unit
        async with client_of(bench.app()) as client:
            for register in (0x03, 0x04, 0x46):
                unit.receive(ReadRequest(register).to_wire(), 0.0)
            first = (await client.get(f"{UNIT}/traffic?limit=4")).json()
            assert [row["dir"] for row in first["entries"]] == ["rx", "tx", "rx", "tx"]
            second = (await client.get(f"{UNIT}/traffic?since={first['next']}")).json()
            refused = second["entries"][1]
            assert refused["words"].endswith("0x81 invalid: not in factory mode, or password")
            assert (refused["grade"], refused["hex"]) == ("assumed", "DD 46 81 00 FF 7F 77")
            assert refused["source"]
            assert second["lost"] == 0
            text = (await client.get(f"{UNIT}/traffic.jsonl")).text
            assert len(text.splitlines()) == 6

    run(test)


def test_a_fault_is_added_counted_and_healed(make_bench: Make) -> None:
    async def test() -> None:
        bench = make_bench()
        unit = bench.served[0].unit
        async with client_of(bench.app()) as client:
            body = {"kind": "wrong_checksum", "register": "0x04", "times": 2}
            answer = await client.post(f"{UNIT}/faults", json=body)
            assert (answer.status_code, answer.json()["register"]) == (201, 4)
            unit.receive(ReadRequest(0x04).to_wire(), 0.0)
            state = (await client.get(UNIT)).json()
            assert [(one["id"], one["hits"]) for one in state["faults"]] == [
                (answer.json()["id"], 1)
            ]
            entries = (await client.get(f"{UNIT}/traffic")).json()["entries"]
            assert [row["dir"] for row in entries] == ["rx", "fault", "tx"]
            gone = await client.delete(f"{UNIT}/faults/{answer.json()['id']}")
            assert gone.json()["faults"] == []
            taken = {"kind": "drop", "id": "a"}
            assert (await client.post(f"{UNIT}/faults", json=taken)).status_code == 201
            again = await client.post(f"{UNIT}/faults", json=taken)
            assert (again.status_code, again.json()["field"]) == (409, "id")

    run(test)


def test_lists_hold_what_the_tables_hold(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            rows = (await client.get("/api/v1/firmwares")).json()
            assert [row["version"] for row in rows] == [f"0x{one:02X}" for one in FIRMWARE]
            table = (await client.get("/api/v1/fault-kinds")).json()
            assert table == kinds()
            assert [row["name"] for row in table["kinds"]] == list(KINDS)
            names = [row["name"] for row in (await client.get("/api/v1/scenarios")).json()]
            assert "weak-cell" in names
            one = (await client.get("/api/v1/scenarios/weak-cell")).json()
            assert one["toml"].startswith("title")
            rows = (await client.get(f"{UNIT}/settings")).json()["settings"]
            assert {"covp", "device_name"} <= {row["name"] for row in rows}

    run(test)


def test_every_kind_of_fault_can_be_added_as_the_form_does(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            for kind in kinds()["kinds"]:
                answer = await client.post(f"{UNIT}/faults", json={"kind": kind["name"]})
                assert answer.status_code == 201, (kind["name"], answer.text)

    run(test)


def test_the_page_and_all_it_loads_are_in_the_package(make_bench: Make) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            page = await client.get("/")
            assert page.status_code == 200
            assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
            links = [part.split('"')[0] for part in page.text.split('="')]
            found = [link for link in links if link.startswith(("/", "http"))]
            assert found
            assert all(link.startswith("/static/") for link in found)
            for link in found:
                assert (await client.get(link)).status_code == 200

    run(test)


@pytest.mark.parametrize(
    "name", ["app", "api", "view", "plot", "log", "bench", "settings", "faults"]
)
def test_no_script_asks_anybody_else(make_bench: Make, name: str) -> None:
    async def test() -> None:
        async with client_of(make_bench().app()) as client:
            text = (await client.get(f"/static/{name}.js")).text
            assert text
            assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
            assert "innerHTML" not in text  # what a client sent is text, never markup

    run(test)


def test_a_bench_that_is_away_is_told_as_such(make_bench: Make) -> None:
    from jbd_emulator.control._link import BoardsAway

    async def test() -> None:
        bench = make_bench()

        async def away(question: dict[str, Any]) -> dict[str, Any]:
            raise BoardsAway("the boards did not answer")

        bench.ask = away  # type: ignore[method-assign]  # nobody is there
        async with client_of(bench.app()) as client:
            answer = await client.get(UNIT)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")

    run(test)
