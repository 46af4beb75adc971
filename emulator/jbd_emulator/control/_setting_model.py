"""The settings as a model, made from the register tables: names, units, ranges and steps."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StrictBool, StrictInt, StrictStr, create_model

from jbd_protocol import FUNCTION_FLAGS, SETTINGS, ZERO_CELSIUS_DK, Kind
from jbd_protocol import Field as Row

from ._models import AsWhole, Model

_MOST_TEXT: Final = 31


@cache
def setting_model() -> type[Model]:
    """Return the model of a body that changes settings: every field optional, none unknown."""
    fields: dict[str, Any] = {}  # Any: what create_model takes
    for row in SETTINGS.values():
        for field in row.layout:
            kind = _type_of(field)
            if kind is not None:
                fields[field.name] = (kind, None)
    for flag in FUNCTION_FLAGS:
        fields[flag] = (Annotated[StrictBool, Field(description="a bit of 0x2D")], None)
    return create_model(
        "SetSettings",
        __base__=Model,
        __doc__="Settings by field name, in the field's unit; what is left out stays.",
        **fields,
    )


def _type_of(field: Row) -> Any:  # Any: a type, built at run time
    """Return what a field may be, None for the kinds that only a board writes."""
    about = f"in {field.unit}" if field.unit else None
    if field.kind is Kind.SIZED_TEXT:
        return Annotated[
            StrictStr, Field(max_length=_MOST_TEXT, pattern=r"^[ -~]*$", description=about)
        ]
    if field.kind is Kind.FLAG:
        return Annotated[StrictBool, Field(description=about)]
    if field.kind is not Kind.NUMBER:
        return None
    if field.codes:
        return Annotated[Literal[field.codes], AsWhole]
    bits = field.bits[0] - field.bits[1] + 1 if field.bits else 8 * field.size
    low = -(1 << bits - 1) if field.signed else 0
    high = (1 << bits - 1) - 1 if field.signed else (1 << bits) - 1
    if field.unit == "dK":
        about = f"in tenths of a kelvin, {ZERO_CELSIUS_DK} is 0 degC"
    return Annotated[
        StrictInt,
        Field(ge=low * field.scale, le=high * field.scale, multiple_of=field.scale,
              description=about),
        AsWhole,
    ]  # fmt: skip
