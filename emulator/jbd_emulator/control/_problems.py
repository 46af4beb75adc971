"""Refusals as RFC 9457 has them: one line, the field, and what it may be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse

from ..faults import KINDS

if TYPE_CHECKING:
    from ._guard import Refusal

_TITLES: Final[Mapping[int, str]] = {
    400: "Malformed request",
    401: "Token needed",
    403: "Not from here",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Not in this state",
    413: "Too large",
    422: "Invalid",
    429: "Too many requests",
    500: "Fault of the emulator",
    503: "Busy",
}
_LIMITS: Final = ("ge", "gt", "le", "lt", "multiple_of", "max_length", "min_length", "pattern",
                  "expected")  # fmt: skip
_SAID: Final = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below",
                "multiple_of": "a multiple of", "max_length": "characters at most",
                "min_length": "characters at least", "pattern": "like", "expected": "one of",
                }  # fmt: skip


def problem(
    status: int,
    kind: str,
    detail: str,
    *,
    field: str | None = None,
    limit: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer to a request that is refused."""
    return JSONResponse(
        {
            "type": f"urn:jbd-emulator:problem:{kind}",
            "title": _TITLES.get(status, "Refused"),
            "status": status,
            "detail": detail,
            "field": field,
            "limit": limit,
        },
        status_code=status,
        headers=dict(headers or {}),
        media_type="application/problem+json",
    )


def problem_response(refusal: Refusal) -> JSONResponse:
    """Return the answer to a request that the guard refuses."""
    return problem(refusal.status, refusal.kind, refusal.detail, field=refusal.field,
                   limit=refusal.limit, headers=refusal.headers)  # fmt: skip


def from_validation(errors: list[Mapping[str, Any]]) -> JSONResponse:  # Any: pydantic's own
    """Return the answer to a request that is not what the model says; the first error tells."""
    first = errors[0]
    # A fault's place begins with the kind that tells it from others; it is no field.
    place = [str(part) for part in first["loc"][1:]]
    if place and place[0] in KINDS:
        del place[0]
    kind = str(first["type"])
    if kind == "json_invalid":
        place = []  # where it broke off is no field either
    elif kind.startswith("union_tag"):
        place = ["kind"]
    context = first.get("ctx") or {}
    if kind.startswith("union_tag"):
        context = {"expected": ", ".join(KINDS)}
    limit = next((f"{_SAID[key]} {context[key]}" for key in _LIMITS if key in context), None)
    field = place[0] if place else str(first["loc"][0])
    return problem(422, "invalid", f"{field}: {first['msg']}", field=field, limit=limit)
