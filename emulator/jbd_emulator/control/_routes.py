"""The routes of the API: each asks the desk one thing, or tells it to do one."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import PlainTextResponse, StreamingResponse
from pydantic import BaseModel

from jbd_protocol._version import __version__

from ..commands.profiles import firmware_json
from ..profiles import FIRMWARE
from . import _models as m
from ._fault_model import Kinds, fault_model, kinds
from ._feed import MOST_STREAMS, Feed
from ._guard import MOST_BODY
from ._link import Boards, RefusedByDesk, Table
from ._setting_model import setting_model
from ._words import MOST_ENTRIES

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": m.Problem, "description": why,
             "content": {"application/problem+json": {}}}
    for status, why in (
        (400, "malformed"), (401, "a token is needed"), (403, "not from this page"),
        (404, "no such unit or part"), (409, "not in the state that the unit is in"),
        (413, "too large"), (422, "a field is wrong; it is named with its limit"),
        (429, "too many requests"), (503, "the boards are busy"),
    )
}  # fmt: skip
Unit = Annotated[str, Path(description="name of the unit")]

routes = APIRouter(responses=_REFUSALS)
_READ: Final = "look"
_HAND: Final = "change"


def _boards(request: Request) -> Boards:
    boards: Boards = request.app.state.boards
    return boards


async def _do(request: Request, unit: str, do: str, body: BaseModel | None = None) -> Table:
    given = body.model_dump(exclude_unset=True) if body is not None else {}
    return await _boards(request).ask(do, unit, **given)


# -- looking -------------------------------------------------------------------------------------


@routes.get("/", tags=[_READ], response_model=m.Overview)
async def overview(request: Request) -> Table:
    """Return the units of this process, and the bounds of this API."""
    answer = await _boards(request).ask("overview")
    limits = {"requests_per_second": request.app.state.rate, "body_bytes": MOST_BODY,
              "streams": MOST_STREAMS, "traffic_rows": MOST_ENTRIES}  # fmt: skip
    return answer | {"version": __version__, "limits": limits,
                     "started": request.app.state.started}  # fmt: skip


@routes.get("/units/{unit}", tags=[_READ], response_model=m.State)
async def state(request: Request, unit: Unit) -> Table:
    """Return a unit, whole: what the board believes, what is true, what was done to it."""
    return await _do(request, unit, "state")


@routes.get("/units/{unit}/settings", tags=[_READ], response_model=m.Settings)
async def settings(request: Request, unit: Unit) -> Table:
    """Return every setting in force, with its evidence."""
    return await _do(request, unit, "settings")


@routes.get("/units/{unit}/traffic", tags=[_READ], response_model=m.Traffic)
async def traffic(
    request: Request,
    unit: Unit,
    since: Annotated[int, Query(ge=0, le=2**53, description="number of the first row")] = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="rows at most")] = 200,
) -> Table:
    """Return traffic in words, oldest first; ask again with `next` as `since`."""
    words = await _boards(request).words(unit)
    entries = words.since(since, limit)
    ended = len(entries) < limit
    return {
        "first": words.first,
        "next": words.next if ended else entries[-1]["n"] + 1,
        "lost": max(0, words.first - since) if since else 0,
        "entries": entries,
    }


@routes.get(
    "/units/{unit}/traffic.jsonl",
    tags=[_READ],
    response_class=PlainTextResponse,
    responses={200: {"content": {"application/x-ndjson": {}}, "description": "one row a line"}},
)
async def download(request: Request, unit: Unit) -> PlainTextResponse:
    """Return all the traffic that is kept, a JSON object a line, as a file."""
    words = await _boards(request).words(unit)
    lines = (m.Entry(**entry).model_dump_json() + "\n" for entry in tuple(words.entries))
    return PlainTextResponse(
        "".join(lines),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": 'attachment; filename="traffic.jsonl"'},
    )


@routes.get(
    "/units/{unit}/events",
    tags=[_READ],
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}, "description": "server-sent events"}},
)
async def events(request: Request, unit: Unit) -> StreamingResponse:
    """Stream what happens: events `state`, `traffic`, `missed` and `away`, data in JSON."""
    await _do(request, unit, "state")  # there is such a unit
    feed: Feed = request.app.state.feed
    page = feed.join(unit)
    return StreamingResponse(feed.stream(unit, page), media_type="text/event-stream")


@routes.get("/firmwares", tags=[_READ], response_model=list[m.Firmware])
async def firmwares() -> list[Table]:
    """Return the firmwares that can be flashed, every fact with its evidence."""
    return [firmware_json(row) for row in FIRMWARE.values()]


@routes.get("/scenarios", tags=[_READ], response_model=list[m.ScenarioRow])
async def scenarios() -> list[Table]:
    """Return the scenarios of the gallery."""
    from ..scenario import scenario_names

    return [_scenario_row(name) for name in scenario_names()]


@routes.get("/scenarios/{name}", tags=[_READ], response_model=m.ScenarioText)
async def scenario(name: str) -> Table:
    """Return a scenario of the gallery with its source, to start from."""
    from ..scenario import scenario_names, scenario_text

    if name not in scenario_names():
        raise RefusedByDesk({"kind": "not found", "detail": f"scenario {name!r}: unknown",
                             "field": "name"})  # fmt: skip
    return _scenario_row(name) | {"toml": scenario_text(name)}


def _scenario_row(name: str) -> Table:
    import tomllib

    from ..scenario import scenario_text, seconds

    document = tomllib.loads(scenario_text(name))
    return {
        "name": name,
        "title": document.get("title", ""),
        "about": document.get("about", "").strip(),
        "lasts_s": seconds("lasts", document.get("lasts", 3600)),
        "board": document.get("board"),
    }


@routes.get("/fault-kinds", tags=[_READ], response_model=Kinds)
async def fault_kinds() -> Table:
    """Return every kind of fault with its fields, units and limits."""
    return kinds()


# -- changing ------------------------------------------------------------------------------------


@routes.patch("/units/{unit}/settings", tags=[_HAND], response_model=m.State)
async def set_settings(
    request: Request,
    unit: Unit,
    body: Annotated[setting_model(), Body()],  # type: ignore[valid-type]  # made at run time
) -> Table:
    """Write settings as at the bench: in force at once, and for good."""
    values = body.model_dump(exclude_unset=True, exclude_none=True)
    return await _boards(request).ask("write_settings", unit, values=values)


@routes.put("/units/{unit}/pin", tags=[_HAND], response_model=m.State)
async def set_pin(request: Request, unit: Unit, body: m.SetPin) -> Table:
    """Store a PIN, or none."""
    return await _do(request, unit, "pin", body)


@routes.put("/units/{unit}/speed", tags=[_HAND], response_model=m.State)
async def set_speed(request: Request, unit: Unit, body: m.SetSpeed) -> Table:
    """Let the pack live faster than the clock."""
    return await _do(request, unit, "speed", body)


@routes.put("/units/{unit}/load", tags=[_HAND], response_model=m.State)
async def set_load(request: Request, unit: Unit, body: m.SetLoad) -> Table:
    """Connect a load, or take it off."""
    return await _do(request, unit, "load", body)


@routes.put("/units/{unit}/charger", tags=[_HAND], response_model=m.State)
async def set_charger(request: Request, unit: Unit, body: m.SetCharger) -> Table:
    """Connect a supply, or take it off."""
    return await _do(request, unit, "charger", body)


@routes.put("/units/{unit}/current", tags=[_HAND], response_model=m.State)
async def set_current(request: Request, unit: Unit, body: m.SetCurrent) -> Table:
    """Drive a current through the pack, or let go."""
    return await _do(request, unit, "current", body)


@routes.patch("/units/{unit}/cells/{number}", tags=[_HAND], response_model=m.State)
async def set_cell(
    request: Request, unit: Unit, number: Annotated[int, Path(ge=1, le=32)], body: m.SetCell
) -> Table:
    """Hold a cell at a voltage, or make it another one; what is left out stays."""
    return await _part(request, unit, "cell", number, body)


@routes.patch("/units/{unit}/ntcs/{number}", tags=[_HAND], response_model=m.State)
async def set_ntc(
    request: Request, unit: Unit, number: Annotated[int, Path(ge=1, le=8)], body: m.SetNtc
) -> Table:
    """Hold a probe at a temperature, cut or short it; what is left out stays."""
    return await _part(request, unit, "ntc", number, body)


async def _part(request: Request, unit: str, part: str, number: int, body: BaseModel) -> Table:
    given = body.model_dump(exclude_unset=True)
    try:
        return await _boards(request).ask(part, unit, number=number, **given)
    except RefusedByDesk as refused:
        if refused.field == "number":
            raise RefusedByDesk(
                {"kind": "not found", "detail": f"{part} {refused.detail}", "field": "number"}
            ) from None
        raise


@routes.put("/units/{unit}/ambient", tags=[_HAND], response_model=m.State)
async def set_ambient(request: Request, unit: Unit, body: m.SetAmbient) -> Table:
    """Change the temperature of the air."""
    return await _do(request, unit, "ambient", body)


@routes.patch("/units/{unit}/fets", tags=[_HAND], response_model=m.State)
async def set_fets(request: Request, unit: Unit, body: m.SetFets) -> Table:
    """Lock or free the FETs, as command E1 does; what is left out stays."""
    return await _do(request, unit, "fets", body)


@routes.put("/units/{unit}/cable", tags=[_HAND], response_model=m.State)
async def set_cable(request: Request, unit: Unit, body: m.SetCable) -> Table:
    """Pull the cable between adapter and board, or plug it in: bytes are lost both ways."""
    return await _do(request, unit, "cable", body)


_MOMENTS: Final = {
    "sleep": ("sleep", "Let the board fall asleep: its next frame only wakes it."),
    "reset": ("reset", "Reset the controller, as command 0A 0300 does."),
    "power-cycle": ("power_cycle", "Take the power away and give it back."),
    "start-over": ("start_over", "Make the unit what it was when it was started."),
    "clear-protections": ("clear_protections", "Forget every protection state."),
    "clear-counters": ("clear_counters", "Zero the error counters."),
}


def _add_moment(path: str, do: str, about: str) -> None:
    async def moment(request: Request, unit: Unit) -> Table:
        return await _do(request, unit, do)

    routes.add_api_route(
        f"/units/{{unit}}/{path}", moment, methods=["POST"], tags=[_HAND],
        response_model=m.State, name=do, description=about, summary=path.replace("-", " "),
    )  # fmt: skip


for _path, (_do_name, _about) in _MOMENTS.items():
    _add_moment(_path, _do_name, _about)


@routes.post(
    "/units/{unit}/faults",
    tags=[_HAND],
    response_model=m.ActiveFault,
    response_model_exclude_none=True,
    status_code=201,
)
async def add_fault(
    request: Request,
    unit: Unit,
    body: Annotated[fault_model(), Body()],  # type: ignore[valid-type]  # made at run time
) -> Table:
    """Let a fault strike from now on, until it is healed."""
    given = body.model_dump(exclude_unset=True, exclude_none=True, by_alias=True)
    answer = await _boards(request).ask("add_fault", unit, **given)
    added: Table = answer["added"]
    return added


@routes.delete("/units/{unit}/faults/{id}", tags=[_HAND], response_model=m.State)
async def remove_fault(
    request: Request,
    unit: Unit,
    name: Annotated[str, Path(alias="id")],
) -> Table:
    """Heal a fault."""
    return await _boards(request).ask("remove_fault", unit, id=name)


@routes.delete("/units/{unit}/faults", tags=[_HAND], response_model=m.State)
async def clear_faults(request: Request, unit: Unit) -> Table:
    """Heal every fault."""
    return await _do(request, unit, "clear_faults")


@routes.put("/units/{unit}/firmware", tags=[_HAND], response_model=m.State)
async def set_firmware(request: Request, unit: Unit, body: m.SetFirmware) -> Table:
    """Flash another firmware: settings and PIN stay, the board restarts."""
    return await _do(request, unit, "firmware", body)


@routes.put("/units/{unit}/scenario", tags=[_HAND], response_model=m.State)
async def set_scenario(request: Request, unit: Unit, body: m.SetScenario) -> Table:
    """Start a scenario, on a unit that is made new for it."""
    return await _do(request, unit, "scenario", body)


@routes.delete("/units/{unit}/scenario", tags=[_HAND], response_model=m.State)
async def end_scenario(request: Request, unit: Unit) -> Table:
    """Make the unit what it was when it was started, without a scenario."""
    return await _do(request, unit, "no_scenario")


@routes.delete("/units/{unit}/traffic", tags=[_HAND], response_model=m.State)
async def forget_traffic(request: Request, unit: Unit) -> Table:
    """Forget the traffic that is kept."""
    return await _boards(request).forget(unit)
