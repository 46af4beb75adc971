"""The client models of the bench as clients of the gallery: what they take, they show."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .._link import LinkError
from ..clients import CLIENTS, ClientModel, Direction, Report, User, client_model
from ._client import Drive, GalleryClient
from ._entry import MONITOR, SETTINGS
from ._look import Look, Use, seen_in
from ._stage import LINE, MODULE, Stage

_MONITORED: Final = (0x03, 0x04)
_STALE_S: Final = 6.0
"""Seconds without a new answer after which a screen shows the past: three slow rounds."""
_REAL: Final = "bms-tools-1.2.0"
"""Not here, for the program itself is in the gallery."""


def model_clients() -> tuple[GalleryClient, ...]:
    """Return every model; the capacities a model shows, and how it counts charge, are not known."""
    return tuple(_client(client_model(name)) for name in CLIENTS if name != _REAL)


def _client(model: ClientModel) -> GalleryClient:
    opens = opens_settings(model)
    return GalleryClient(
        id=model.id,
        title=model.title,
        can=frozenset({MONITOR, SETTINGS}) if opens else frozenset({MONITOR}),
        # An app of a phone reaches every board through its module, entry or not.
        over=(LINE,) if model.radio is None else (MODULE,),
        drive=_drive(model.id, opens=opens),
    )


def opens_settings(model: ClientModel) -> bool:
    """Return whether the model has frames for a page of settings: it enters factory mode."""
    return any(step.wire[1:3] == b"\x5a\x00" for step in model.steps)


def _drive(model_id: str, *, opens: bool) -> Drive:
    def drive(stage: Stage, over: str) -> Use:
        entry = stage.entry
        asked = opens and SETTINGS in entry.uses
        user = User(polls=entry.looks, opens_parameters=asked, module_password=entry.secret)
        try:
            # A model presents the module's password by itself, or not at all.
            link = stage.link(over, logs_in=False)
        except LinkError as error:
            return Use(ended=str(error))
        try:
            report = client_model(model_id).run(link, user)
        except LinkError as error:
            return Use(ended=str(error))
        finally:
            link.close()
        return use_of(report, opens=asked)

    return drive


def use_of(report: Report, *, opens: bool) -> Use:
    """Return a model's run as the user of the app lived it.

    Args:
        report: of the run.
        opens: whether the settings were to be opened.
    """
    use = Use()
    use.looks = [
        replace(seen_in(taken.asked, taken.answer.data), at_s=taken.at_s)
        for taken in report.taken
        if taken.asked in _MONITORED
    ]
    if not report.monitoring:
        use.ended = report.symptom
    elif use.looks:
        until_s = _watched_until(report)
        times = [look.at_s for look in use.looks if look.at_s <= until_s]
        silent_s = until_s - times[-1] if times else until_s
        if silent_s > _STALE_S:
            use.looks.append(Look(at_s=until_s, error=f"nothing new for {silent_s:.0f} s"))
    if opens:
        use.settings = "" if report.parameters else report.symptom
    return use


def _watched_until(report: Report) -> float:
    """Return when the user turned from live data to something else."""
    turned = [row.t_s for row in report.log if row.direction is Direction.USER]
    return turned[0] if turned else report.log[-1].t_s
