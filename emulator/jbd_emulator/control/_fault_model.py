"""Faults as models, made from the table of kinds: a form, a schema and a check of one source."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final, Literal, Union

from pydantic import Field, StrictBool, StrictInt, StrictStr, create_model

from ..faults import KINDS, WHERE, Kind
from ..faults import Field as Row
from ._models import AsWhole, Model

_REGISTER: Final = r"^0x[0-9A-Fa-f]{1,2}$"


class KindField(Model):
    """A field of a kind of fault."""

    name: str
    type: Literal["whole", "number", "register", "bytes", "choice", "flag", "text"]
    about: str
    unit: str
    low: float
    high: float
    choices: list[str]
    default: int | float | bool | str | None
    needed: bool


class KindRow(Model):
    """A kind of fault."""

    name: str
    scope: Literal["wire", "answer", "board", "link"]
    about: str
    lasts: bool = Field(description="a state that stands until it is healed")
    directions: list[str]
    fields_: list[KindField] = Field(alias="fields", serialization_alias="fields")
    evidence: dict[str, str] | None


class Kinds(Model):
    """All kinds of faults, and the fields that every kind has."""

    where: list[KindField]
    kinds: list[KindRow]


def kinds() -> dict[str, Any]:  # Any: values of a JSON object
    """Return the table of kinds, as JSON takes it."""
    return {
        "where": [_field(row) for row in WHERE],
        "kinds": [
            {
                "name": kind.name,
                "scope": kind.scope,
                "about": kind.about,
                "lasts": kind.lasts,
                "directions": list(kind.directions),
                "fields": [_field(row) for row in kind.fields],
                "evidence": None if kind.evidence is None else {
                    "grade": str(kind.evidence.grade), "source": kind.evidence.source,
                },
            }
            for kind in KINDS.values()
        ],
    }  # fmt: skip


@cache
def fault_model() -> Any:  # Any: a union, built at run time
    """Return the model of a fault to add: one of a kind each, told apart by ``kind``."""
    models = [_model_of(kind) for kind in KINDS.values()]
    return Annotated[Union[tuple(models)], Field(discriminator="kind")]  # noqa: UP007  # a tuple


def _model_of(kind: Kind) -> type[Model]:
    fields: dict[str, Any] = {"kind": (Literal[kind.name], ...)}  # Any: what create_model takes
    for row in (*WHERE, *kind.fields):
        choices = kind.directions if row.name == "direction" else row.choices
        type_of = _type_of(row, choices)
        # `register` is a method of every model; the wire does not mind.
        fields[f"{row.name}_"] = (
            (type_of, Field(alias=row.name))
            if row.needed
            else (type_of | None, Field(None, alias=row.name))
        )
    name = "Fault" + kind.name.title().replace("_", "")
    return create_model(name, __base__=Model, __doc__=f"{kind.about.capitalize()}.", **fields)


def _type_of(row: Row, choices: tuple[str, ...]) -> Any:  # Any: a type, built at run time
    low, high, about = row.low, row.high, row.about + (f", {row.unit}" if row.unit else "")
    if row.type == "flag":
        return Annotated[StrictBool, Field(description=about)]
    if row.type == "choice":
        return Annotated[Literal[choices], Field(description=about)]
    if row.type == "number":
        return Annotated[
            float, Field(ge=low, le=high, allow_inf_nan=False, strict=True, description=about)
        ]
    if row.type == "whole":
        return Annotated[StrictInt, Field(ge=int(low), le=int(high), description=about), AsWhole]
    if row.type == "register":
        text = Annotated[StrictStr, Field(pattern=_REGISTER)]
        return Annotated[StrictInt, Field(ge=0, le=0xFF, description=about), AsWhole] | text
    if row.type == "bytes":
        pairs = f"^([0-9A-Fa-f]{{2}}){{{int(low)},{int(high)}}}$"
        return Annotated[StrictStr, Field(pattern=pairs, description=about)]
    return Annotated[StrictStr, Field(max_length=int(high), pattern=r"^[ -~]*$", description=about)]


def _field(row: Row) -> dict[str, Any]:  # Any: values of a JSON object
    default = row.default.hex() if isinstance(row.default, bytes) else row.default
    return {"name": row.name, "type": row.type, "about": row.about, "unit": row.unit,
            "low": row.low, "high": row.high, "choices": list(row.choices),
            "default": default, "needed": row.needed}  # fmt: skip
