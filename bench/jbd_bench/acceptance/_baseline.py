"""What a unit is compared with: what the sources say of a firmware, or an earlier run."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from jbd_emulator import FIRMWARE
from jbd_protocol import LocalError

from ._result import FAILED, KIND, NOT_JUDGED, NOT_MEANT, PASSED, SCHEMA, UnitResult

BASELINE_KIND: Final = "jbd-bench baseline"
UNKNOWN: Final = "unknown"
_OUTCOMES: Final = frozenset({PASSED, FAILED, NOT_JUDGED, NOT_MEANT})
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class BaselineError(LocalError):
    """A baseline that cannot be used; one line names the file, the field and the limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """What is expected.

    Attributes:
        name: for a person.
        judged_as: the firmware whose expectations hold; None for what is common to all.
        outcomes: of an earlier run, by requirement; None where everything is expected to pass.
        failed_cases: of an earlier run, the tests that failed, by requirement, as far as told.
        measurements: of an earlier run, by name; see ``Measurement.row``.
        identity: the board of that run.
    """

    name: str
    judged_as: int | None
    outcomes: Mapping[str, str] | None = None
    failed_cases: Mapping[str, frozenset[str]] = field(default_factory=lambda: _EMPTY)
    measurements: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: _EMPTY)
    identity: Mapping[str, Any] = field(default_factory=lambda: _EMPTY)  # Any: JSON values

    def outcome(self, requirement: str) -> str:
        """Return what the baseline does with a requirement."""
        if self.outcomes is None:
            return PASSED
        return self.outcomes.get(requirement, UNKNOWN)


def find_baseline(text: str) -> Baseline:
    """Return the baseline that ``0x21``, ``2.1`` or a file's path names.

    Raises:
        BaselineError: neither a known firmware nor a readable baseline.
    """
    version = _version(text)
    if version is not None:
        return baseline_of_firmware(version)
    path = Path(text)
    if not path.exists():
        known = ", ".join(f"0x{row:02X}" for row in FIRMWARE)
        raise BaselineError(f"baseline {text!r}: must be a file, or a firmware of {known}")
    return load_baseline(path)


def baseline_of_firmware(version: int) -> Baseline:
    """Return what the sources say of a firmware: that it meets every requirement about it.

    Raises:
        BaselineError: no source says anything of that firmware.
    """
    profile = FIRMWARE.get(version)
    if profile is None:
        known = ", ".join(f"0x{row:02X}" for row in FIRMWARE)
        raise BaselineError(
            f"baseline 0x{version:02X}: unknown firmware; there is {known}. "
            "A release with a new version is compared with the one before it"
        )
    return Baseline(
        name=f"firmware 0x{version:02X} ({version >> 4}.{version & 15}), as the sources have it",
        judged_as=version,
    )


def load_baseline(path: Path) -> Baseline:
    """Return the baseline that a file holds: one that was written as such, or a result.

    Raises:
        BaselineError: the file cannot be read or is none; file, field and limit are named.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BaselineError(f"baseline {path}: {(error.strerror or str(error)).lower()}") from None
    except (ValueError, RecursionError):
        raise BaselineError(f"baseline {path}: not JSON") from None
    units = _field(path, document, "units", list)
    kind, schema = document.get("kind"), document.get("schema")
    if kind not in (KIND, BASELINE_KIND) or schema != SCHEMA:
        raise BaselineError(
            f"baseline {path}: kind {kind!r}, schema {schema!r}; must be {BASELINE_KIND!r} or "
            f"{KIND!r}, schema {SCHEMA}"
        )
    if len(units) != 1:
        raise BaselineError(f"baseline {path}: units: has {len(units)}, must have exactly 1")
    return _of_unit(path, units[0], str(document.get("started", "")))


def _of_unit(path: Path, unit: object, started: str) -> Baseline:
    target = _field(path, unit, "target", str)
    rows = _field(path, unit, "requirements", list)
    assert isinstance(unit, dict)
    outcomes: dict[str, str] = {}
    failed: dict[str, frozenset[str]] = {}
    measurements: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        outcome = _field(path, row, "outcome", str)
        if outcome not in _OUTCOMES:
            known = ", ".join(sorted(_OUTCOMES))
            raise BaselineError(f"baseline {path}: outcome {outcome!r}: must be of {known}")
        outcomes[_field(path, row, "id", str)] = outcome
        cases = _field(path, row, "cases", list)
        failed[row["id"]] = frozenset(
            _field(path, case, "test", str)
            for case in cases
            if isinstance(case, dict) and case.get("outcome") == FAILED
        )
        for case in cases:
            for one in _field(path, case, "measurements", list):
                measurements[_field(path, one, "name", str)] = one
                if not math.isfinite(_field(path, one, "value", float)):
                    raise BaselineError(f"baseline {path}: value: must be a finite number")
                for sample in _field(path, one, "samples", list):
                    if not isinstance(sample, int | float) or not math.isfinite(sample):
                        raise BaselineError(f"baseline {path}: samples: must be finite numbers")
    judged = unit.get("judged_as")
    version = None if judged is None else _version(str(judged))
    if judged is not None and version is None:
        raise BaselineError(f"baseline {path}: judged_as {judged!r}: must be as 0x21, or null")
    when = f", {started[:10]}" if started else ""
    return Baseline(
        name=f"{path.name}: {target}{when}",
        judged_as=version,
        outcomes=MappingProxyType(outcomes),
        failed_cases=MappingProxyType(failed),
        measurements=MappingProxyType(measurements),
        identity=MappingProxyType(_field(path, unit, "identity", dict)),
    )


def baseline_document(unit: UnitResult, version: str, started: str) -> dict[str, object]:
    """Return a unit as a baseline file: a result without its frames and most of what passed."""
    document = unit.to_json()
    rows = document["requirements"]
    assert isinstance(rows, list)
    for row in rows:
        row["cases"] = [
            {**case, "traffic": []}
            for case in row["cases"]
            if case["measurements"] or case["outcome"] == FAILED
        ]
    return {
        "kind": BASELINE_KIND,
        "schema": SCHEMA,
        "tool": "jbd-bench",
        "version": version,
        "started": started,
        "units": [document],
    }


def _version(text: str) -> int | None:
    digits = text.lower().removeprefix("0x")
    if digits == text.lower() and text[1:2] != ".":
        return None
    try:
        number = int(digits.replace(".", ""), 16)
    except ValueError:
        return None
    return number if 0 <= number <= 0xFF else None


_KINDS: Final[Mapping[str, tuple[tuple[type, ...], str]]] = MappingProxyType(
    {
        "list": ((list,), "a list"),
        "str": ((str,), "text"),
        "float": ((int, float), "a number"),
        "dict": ((dict,), "an object"),
    }
)


def _field(path: Path, holder: object, name: str, kind: type) -> Any:  # Any: of that kind
    value = holder.get(name) if isinstance(holder, dict) else None
    types, wanted = _KINDS[kind.__name__]
    if not isinstance(value, types):
        raise BaselineError(f"baseline {path}: {name}: must be {wanted}")
    return value
