"""What goes over the wire of the HTTP API, field by field, with units and limits.

Units are those of the plant: mV, mA, mAh, degC, percent, seconds.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt, StrictStr

from jbd_protocol import Grade

from ..profiles import FIRMWARE

FIRMWARE_VERSIONS = tuple(f"0x{version:02X}" for version in FIRMWARE)


def _whole(value: object) -> object:
    """Take 3.0 for 3, as JSON does, where no kind of number is meant but a whole one."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


AsWhole = BeforeValidator(_whole)
"""Last in its Annotated: limits that stand behind it are lost to the description."""
Milliamps = Annotated[
    float, Field(ge=0, le=1e7, allow_inf_nan=False, strict=True, description="mA")
]
Celsius = Annotated[
    float, Field(ge=-50, le=150, allow_inf_nan=False, strict=True, description="degC")
]


class Model(BaseModel):
    """Nothing is read over: an unknown field is an error, here and in what the board says."""

    model_config = ConfigDict(extra="forbid")


# -- problems ----------------------------------------------------------------------------------


class Problem(Model):
    """Why a request was refused; RFC 9457, with the field and its limit."""

    type: str = Field(description="a name of the kind of problem, stable between versions")
    title: str
    status: int
    detail: str = Field(description="one line for people")
    field: str | None = Field(None, description="what was wrong with the request")
    limit: str | None = Field(None, description="what the field may be")


# -- what a unit is and does -------------------------------------------------------------------


class Summary(Model):
    """What tells a unit from others."""

    name: str
    firmware: str = Field(description="version byte, such as 0x21", examples=["0x21"])
    board: str
    cells: int
    ports: dict[str, str] = Field(description="where it answers, by kind of port")


class Limits(Model):
    """Bounds of this API."""

    requests_per_second: int
    body_bytes: int
    streams: int
    traffic_rows: int


class Overview(Model):
    """The process and its units."""

    version: str
    t_s: float = Field(description="seconds since the start; what times in the traffic count from")
    started: float = Field(description="that start, seconds since 1970, UTC")
    units: list[Summary]
    limits: Limits


class Clock(Model):
    """Time as the pack lives it."""

    pack_s: float = Field(description="seconds the pack has lived")
    speed: int = Field(description="how many times faster than the clock it lives")
    behind: bool = Field(description="the machine was too slow for that speed")


class Pin(Model):
    """The password function and the PIN in the EEPROM."""

    function: bool = Field(description="whether this firmware has the password function")
    set: bool = Field(description="whether a PIN is stored, looked at or not")
    digits: str | None
    hex: str | None = Field(description="the six bytes as stored")
    locked: bool = Field(description="settings are closed until it is presented")
    grade: Grade
    source: str


class Charger(Model):
    """A supply at the terminals."""

    voltage_mv: float
    current_ma: float


class Cell(Model):
    """A cell: measured voltage, and the truth about the rest."""

    number: int
    mv: int
    soc: float = Field(description="true, percent")
    celsius: float
    bled: bool = Field(description="its balancing resistor is on")
    held_mv: float | None = Field(description="what a cell simulator holds in its place")
    capacity_mah: float
    resistance_factor: float
    leak_ma: float


class Ntc(Model):
    """A temperature probe."""

    number: int
    celsius: float
    state: Literal["ok", "open", "short"]
    held_celsius: float | None


class Pack(Model):
    """The pack: what the board measures and believes, and what is true."""

    mv: int
    current_ma: int = Field(description="charging positive")
    soc_true: float = Field(description="percent")
    soc_believed: int = Field(description="RSOC, percent")
    stored_mah: float = Field(description="true charge, mean over cells")
    remaining_mah: float = Field(description="what the board believes")
    full_mah: int
    nominal_mah: int
    cycles: int
    ambient_celsius: float
    load_ma: float
    charger: Charger | None
    held_ma: float | None = Field(description="a current driven by the bench")
    cells: list[Cell]
    ntcs: list[Ntc]


class Fets(Model):
    """The two FETs, the locks of command E1, and the external switch."""

    charge: bool
    discharge: bool
    charge_locked: bool
    discharge_locked: bool
    switch_closed: bool


class Thresholds(Model):
    """Settings in force that a picture of the pack needs."""

    covp_mv: int
    covp_rel_mv: int
    cuvp_mv: int
    cuvp_rel_mv: int
    povp_mv: int
    puvp_mv: int
    balance_mv: int
    chgot_celsius: float
    chgut_celsius: float
    dsgot_celsius: float
    dsgut_celsius: float


class ProtectionLamp(Model):
    """One bit of the protection word."""

    name: str
    bit: int
    state: Literal["clear", "pending", "tripped", "releasing"]


class Coming(Model):
    """The next event of a scenario."""

    at_s: float
    do: str
    note: str


class ScenarioState(Model):
    """How far a scenario is."""

    name: str
    title: str
    time_s: float
    lasts_s: float
    events: int
    happened: int
    next: Coming | None


class Link(Model):
    """A way into a unit."""

    kind: str
    address: str
    clients: list[str]
    bytes_in: int | None
    bytes_out: int | None
    lost: int = Field(description="bytes that a client left unread")


class Ring(Model):
    """Which rows of traffic are kept."""

    first: int
    next: int


class ActiveFault(BaseModel):
    """A fault of a unit: its fields, and how often it has struck."""

    model_config = ConfigDict(extra="allow")
    id: str
    kind: str
    hits: int = Field(description="how often it has struck")
    seen: int = Field(description="exchanges that matched it")
    healed: bool


class State(Summary):
    """A unit, whole."""

    title: str
    board_name: str
    mode: Literal["asleep", "normal", "factory"]
    sleeps: bool
    plugged: bool
    clock: Clock
    pin: Pin
    pack: Pack
    fets: Fets
    limits: Thresholds
    protections: list[ProtectionLamp]
    counters: dict[str, int]
    faults: list[ActiveFault]
    scenario: ScenarioState | None
    links: list[Link]
    t_s: float
    traffic: Ring


class SettingField(Model):
    """A value inside a setting."""

    name: str
    value: bool | int | float | str | list[str] | list[int] | None
    unit: str


class Setting(Model):
    """A register of settings."""

    register_: str = Field(alias="register", serialization_alias="register")
    name: str
    title: str
    raw: str
    fields_: list[SettingField] = Field(alias="fields", serialization_alias="fields")
    grade: Grade
    source: str


class Settings(Model):
    """Every setting in force."""

    settings: list[Setting]


class Entry(Model):
    """A row of traffic in words."""

    n: int
    t_s: float
    line: str = Field(description="which line it passed; empty for none")
    dir: Literal["rx", "tx", "silence", "fault"] = Field(description="as the board sees it")
    hex: str
    words: str
    why: str | None = Field(description="why the board answers so")
    grade: Grade | None = Field(description="how well that is known")
    source: str | None


class Traffic(Model):
    """Rows of traffic, oldest first."""

    first: int = Field(description="number of the oldest row that is kept")
    next: int = Field(description="what to ask for next, as `since`")
    lost: int = Field(description="rows that were asked for and are forgotten")
    entries: list[Entry]


class Evidenced(Model):
    """A fact and how well it is known."""

    value: Any
    grade: Grade
    source: str


class Firmware(Model):
    """A firmware that can be flashed."""

    version: str
    title: str
    facts: dict[str, Evidenced]


class ScenarioRow(Model):
    """A scenario of the gallery."""

    name: str
    title: str
    about: str
    lasts_s: float
    board: str | None


class ScenarioText(ScenarioRow):
    """A scenario of the gallery with its source."""

    toml: str


# -- what may be asked of it -------------------------------------------------------------------


class SetPin(Model):
    """Six digits, or null for none."""

    digits: Annotated[StrictStr, Field(pattern=r"^[0-9]{6}$", max_length=6)] | None


class SetSpeed(Model):
    """How many times faster than the clock the pack lives."""

    speed: Annotated[StrictInt, Field(ge=1, le=10_000), AsWhole]


class SetLoad(Model):
    """A constant current at the terminals; 0 takes it off."""

    current_ma: Milliamps


class SetCharger(Model):
    """A supply at the terminals; 0 mA takes it off."""

    voltage_mv: float = Field(ge=1, le=1e6, allow_inf_nan=False, strict=True)
    current_ma: Milliamps


class SetCurrent(Model):
    """A current driven through the pack whatever is connected; null lets go."""

    held_ma: Annotated[float, Field(ge=-1e7, le=1e7, allow_inf_nan=False, strict=True)] | None


class SetCell(Model):
    """Changes to a cell; what is left out stays."""

    held_mv: Annotated[float, Field(ge=0, le=10_000, allow_inf_nan=False, strict=True)] | None = (
        None
    )
    soc: float = Field(0, ge=0, le=100, allow_inf_nan=False, strict=True, description="percent")
    capacity_factor: float = Field(1, ge=0.01, le=2, allow_inf_nan=False, strict=True)
    resistance_factor: float = Field(1, ge=0.01, le=1000, allow_inf_nan=False, strict=True)
    leak_ma: float = Field(0, ge=0, le=1e6, allow_inf_nan=False, strict=True)


class SetNtc(Model):
    """Changes to a probe; what is left out stays."""

    state: Literal["ok", "open", "short"] = "ok"
    held_celsius: Celsius | None = None


class SetAmbient(Model):
    """The temperature of the air."""

    celsius: Celsius


class SetFets(Model):
    """Locks of the FETs, and the external switch; what is left out stays."""

    charge: StrictBool = True
    discharge: StrictBool = True
    switch_closed: StrictBool = True


class SetCable(Model):
    """The cable between adapter and board."""

    plugged: StrictBool


class SetScenario(Model):
    """A scenario of the gallery by name, or one of your own as TOML."""

    name: Annotated[StrictStr, Field(max_length=100)] | None = None
    toml: Annotated[StrictStr, Field(max_length=32_768)] | None = None


class SetFirmware(Model):
    """The version byte of a firmware that there is."""

    version: Literal[FIRMWARE_VERSIONS]  # type: ignore[valid-type]  # a row each of the table
