"""Runs and passwords as pages and API tell them: only what the actor may change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from tenants import access
from tenants.access import Actor
from tenants.errors import NotFound
from tenants.permissions import CAMERA_EDIT, CAMERA_PASSWORD
from vsaas.cameras.models import (
    Camera,
    CameraPassword,
    PasswordChange,
    PasswordRun,
    PasswordSchedule,
    PasswordState,
)
from vsaas.cameras.password_schedules import next_changes
from vsaas.cameras.password_words import CAUSES
from vsaas.cameras.passwords import SPARE, can_reveal, under_way
from vsaas.common import clock


def visible_changes(actor: Actor) -> QuerySet[PasswordChange]:
    return access.visible(actor, CAMERA_EDIT, PasswordChange.objects.all())


def visible_runs(actor: Actor) -> QuerySet[PasswordRun]:
    """Those with a camera the actor may change."""
    return PasswordRun.objects.filter(id__in=visible_changes(actor).values("run_id"))


def run_of(actor: Actor, run_id: UUID) -> tuple[PasswordRun, list[PasswordChange]]:
    """A run, and those of its changes the actor may see, in words that name no other camera (`with_own_words`). Raises NotFound
    where that is none."""
    rows = visible_changes(actor).filter(run_id=run_id).select_related("run", "camera__site", "camera__agent")
    changes = list(rows.order_by("camera__name", "id"))
    if not changes:
        raise NotFound()
    return with_own_words(actor, [changes[0].run])[0], changes


def with_own_words(actor: Actor, runs: Sequence[PasswordRun]) -> list[PasswordRun]:
    """The runs, not to be saved: where the actor may not see all cameras of one, its words are the names of those they may."""
    of_runs = PasswordChange.objects.filter(run__in=list(runs))
    seen: dict[UUID, list[str]] = {run.id: [] for run in runs}
    mine = access.visible(actor, CAMERA_EDIT, of_runs).order_by("camera__name", "id")
    for run_id, name in mine.values_list("run_id", "camera__name"):
        seen[run_id].append(name)
    counted = Counter(of_runs.values_list("run_id", flat=True))
    for run in runs:
        if len(seen[run.id]) < counted[run.id]:
            run.about = ", ".join(seen[run.id])[:300]
    return list(runs)


def run_json(run: PasswordRun, changes: Sequence[PasswordChange] | None = None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": str(run.id),
        "about": run.about,
        "asked_by": run.asked_by or None,
        "restores": run.restores,
        "started_us": clock.to_us(run.started_at),
        "ended_us": None if run.ended_at is None else clock.to_us(run.ended_at),
    }
    return row if changes is None else row | {"changes": [change_json(change) for change in changes]}


def change_json(change: PasswordChange) -> dict[str, Any]:
    reason, next_step = CAUSES.get(change.cause, ("", ""))
    return {
        "id": str(change.id),
        "camera": str(change.camera_id),
        "name": change.camera.name,
        "state": change.state,
        "cause": change.cause or None,
        "reason": str(reason),
        "next_step": str(next_step),
        "ended_us": None if change.ended_at is None else clock.to_us(change.ended_at),
    }


def counts(changes: Sequence[PasswordChange]) -> dict[str, int]:
    """How many are in which state, of how many."""
    told = {str(state): sum(change.state == state for change in changes) for state in PasswordState}
    return told | {"all": len(changes), "over": told["done"] + told["failed"]}


def password_json(actor: Actor, camera: Camera) -> dict[str, Any]:
    """What is known of a camera's password; never the password."""
    known = CameraPassword.objects.filter(camera=camera).first()
    due = next_changes([camera]).get(camera.id)
    may = access.may(actor, CAMERA_PASSWORD, camera)
    return {
        "camera": str(camera.id),
        "changed_us": None if known is None or known.changed_at is None else clock.to_us(known.changed_at),
        "next_us": None if due is None else clock.to_us(due),
        "under_way": bool(under_way([camera.id])),
        "way": "onvif" if known is None else known.way,
        "service": "" if known is None else known.service,
        "may": {
            "reveal": may and can_reveal(known),
            "reveal_spare": may and can_reveal(known, SPARE),
            "restore": known is not None and known.former_main is not None,
        },
    }


def schedule_json(schedule: PasswordSchedule) -> dict[str, Any]:
    return {
        "id": str(schedule.id),
        "site": None if schedule.site_id is None else str(schedule.site_id),
        "group": schedule.group or None,
        "months": schedule.months,
        "hour": schedule.hour,
    }
