"""The checklist of a camera: what is computed from facts, and what a person says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext as spoken
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants.access import Actor
from vsaas.agents.states import CLOCK_RIGHT_US
from vsaas.audit.services import record_act, what, who
from vsaas.cameras import acts
from vsaas.cameras.errors import InvalidCheck
from vsaas.cameras.kept import default_retention_days, kept_footage
from vsaas.cameras.models import Camera, CameraCheck, CameraPassword
from vsaas.cameras.protection import ENCRYPTED, PINNED
from vsaas.cameras.shown import LATE_US
from vsaas.cameras.states import RECORDING, camera_states
from vsaas.common import clock

OK, TODO, ACCEPTED = "ok", "to-do", "accepted"
PICTURE_AGE_US: Final = 120_000_000
"""A picture older than this does not show that there is one: heartbeats come every few seconds."""
REASON_CHARS_MAX: Final = 300


@dataclass(frozen=True)
class Point:
    """One point. `by_person`: only a person can say so. `todo`: what to do about it. `name` is what the audit log keeps."""

    key: str
    name: str
    todo: str | Promise
    by_person: bool = False


POINTS: Final = (
    Point("named", gettext_noop("named"), _("Give it the name people of the house use."), by_person=True),
    Point("aimed", gettext_noop("aimed"), _("Look at the live picture while you turn it."), by_person=True),
    Point(
        "view",
        gettext_noop("view checked"),
        _("Look for what is in the way: glare, foliage, a door that opens, the dark."),
        by_person=True,
    ),
    Point("picture", gettext_noop("picture"), _("The agent has received no picture for two minutes.")),
    Point("time", gettext_noop("camera's clock"), _("Give the camera a time server: its clock is off or not known.")),
    Point("password", gettext_noop("password changed"), _("Have the agent give it a password of its own.")),
    Point("link", gettext_noop("camera link encrypted"), _("Use an address that begins with rtsps:// where the camera offers it.")),
    Point("recording", gettext_noop("recording"), _("Nothing is recorded at the moment.")),
    Point("upload", gettext_noop("recordings seen in the store"), _("No recording was seen in the store, or one waits for ten minutes.")),
    Point("retention", gettext_noop("retention"), _("Say how long its recordings are kept.")),
)  # fmt: skip
BY_KEY: Final = {point.key: point for point in POINTS}


@dataclass(frozen=True)
class Checked:
    """A point of one camera as it stands: `state` one of OK, TODO, ACCEPTED; who said so, where a person did."""

    point: Point
    state: str
    reason: str = ""
    by_name: str = ""
    at_us: int | None = None

    def json(self) -> dict[str, Any]:
        return {
            "point": self.point.key,
            "state": self.state,
            "reason": self.reason or None,
            "by": self.by_name or None,
            "at_us": self.at_us,
        }


@dataclass(frozen=True)
class Checklist:
    """A camera's. `facts`: what its points are computed from, as the report holds it."""

    camera: Camera
    facts: dict[str, Any]
    points: tuple[Checked, ...]

    @property
    def open(self) -> int:
        """How many points are to be done."""
        return sum(one.state == TODO for one in self.points)

    def json(self) -> dict[str, Any]:
        return self.facts | {"open": self.open, "checks": [one.json() for one in self.points]}


def checklists(actor: Actor, cameras: Iterable[Camera]) -> list[Checklist]:
    """Of these cameras, which the caller has checked `camera:edit` on, in their order. The number of queries does not grow with
    them. What the actor may not know of a camera is not known here."""
    rows = list(cameras)
    ids = [camera.id for camera in rows]
    states = {state["id"]: state for state in camera_states(actor, rows)}
    kept, default_days = kept_footage(ids), default_retention_days()
    set_at = dict(
        CameraPassword.objects.filter(camera_id__in=ids, changed_at__isnull=False).values_list(
            "camera_id", "changed_at"
        )
    )
    said: dict[UUID, dict[str, CameraCheck]] = {one: {} for one in ids}
    for check in CameraCheck.objects.filter(camera_id__in=ids):
        said[check.camera_id][check.point] = check
    found = []
    for camera in rows:
        stored = kept[camera.id].stored_bytes if camera.id in kept else 0
        facts = _facts(states[str(camera.id)], stored)
        facts["retention_days"] = camera.retention_days or default_days
        facts["password_set_us"] = clock.to_us(set_at[camera.id]) if camera.id in set_at else None
        found.append(Checklist(camera, facts, _points(facts, said[camera.id])))
    return found


def _facts(state: Mapping[str, Any], stored_bytes: int) -> dict[str, Any]:
    main = min(state["health"], key=lambda row: row["stream"], default={})
    return {
        "id": state["id"],
        "name": state["name"],
        "version": state["version"],
        "agent_id": state["agent_id"],
        "hardware": state["hardware"],
        "state": state["state"],
        "link": state["protection"]["link"],
        "certificate": state["certificate"]["accepted"],
        "picture_us": main.get("last_frame_us"),
        "clock_offset_us": main.get("clock_offset_us"),
        "newest_us": state["newest_us"],
        "oldest_unsent_us": min(
            (row["oldest_unsent_us"] for row in state["health"] if row.get("oldest_unsent_us")), default=None
        ),
        "stored_bytes": stored_bytes,
        "streams": [
            {name: row[name] for name in ("stream", "codec", "width", "height", "frames_per_s", "bits_per_s")}
            for row in state["health"]
        ],
    }


def _points(facts: Mapping[str, Any], said: Mapping[str, CameraCheck]) -> tuple[Checked, ...]:
    holds = _holding(facts)
    found = []
    for point in POINTS:
        check = said.get(point.key)
        if not point.by_person and point.key in holds:
            found.append(Checked(point, OK))
        elif check is None or (not point.by_person and not check.reason):
            found.append(Checked(point, TODO))
        else:
            state = ACCEPTED if check.reason else OK
            found.append(Checked(point, state, check.reason, check.by_name, clock.to_us(check.at)))
    return tuple(found)


def _holding(facts: Mapping[str, Any]) -> set[str]:
    """The points that facts show to be so."""
    now_us = clock.now_us()
    picture_us, offset_us, unsent_us = (
        facts["picture_us"],
        facts["clock_offset_us"],
        facts["oldest_unsent_us"],
    )
    recording = facts["state"] == RECORDING
    shown = {
        "picture": recording and picture_us is not None and now_us - picture_us < PICTURE_AGE_US,
        "time": offset_us is not None and abs(offset_us) <= CLOCK_RIGHT_US,
        "password": facts["password_set_us"] is not None,
        "link": facts["link"] in (ENCRYPTED, PINNED),
        "recording": recording and facts["newest_us"] is not None,
        "upload": facts["stored_bytes"] > 0 and (unsent_us is None or now_us - unsent_us < LATE_US),
        "retention": facts["retention_days"] > 0,
    }
    return {key for key, so in shown.items() if so}


def say(camera: Camera, key: str, state: str, reason: str, actor: Actor) -> None:
    """A person confirms a point (OK), accepts it as it is with a reason (ACCEPTED), or takes back what was said (TODO). Said again,
    nothing changes. Raises InvalidCheck."""
    point, reason = BY_KEY.get(key), reason.strip()
    if point is None:
        raise InvalidCheck("point", _("is one of %(points)s") % {"points": ", ".join(BY_KEY)})
    if state not in (OK, TODO, ACCEPTED):
        raise InvalidCheck("state", _("is one of ok, accepted, to-do"))
    if state == OK and not point.by_person:
        raise InvalidCheck(
            "state", _("this point is seen by itself; accept it with a reason where it stays as it is")
        )
    if state == ACCEPTED and not reason:
        raise InvalidCheck("reason", _("say why it stays as it is"))
    if len(reason) > REASON_CHARS_MAX:
        raise InvalidCheck("reason", _("%(most)s characters are the most") % {"most": REASON_CHARS_MAX})
    rows = CameraCheck.objects.filter(camera=camera, point=key)
    if state == TODO:
        if rows.delete()[0]:
            record_act(acts.CHECK_REOPENED, who(actor), what(camera), point=point.name)
        return
    kept = reason if state == ACCEPTED else ""
    if rows.filter(reason=kept).exists():
        return
    CameraCheck.objects.update_or_create(
        camera=camera,
        point=key,
        defaults={"reason": kept, "by_id": actor.account_id, "by_name": actor.name, "at": clock.now()},
    )
    if kept:
        record_act(acts.CHECK_ACCEPTED, who(actor), what(camera), point=point.name, reason=kept)
    else:
        record_act(acts.CHECKED, who(actor), what(camera), point=point.name)


def label(point: Point) -> str:
    """What a point is called, in the reader's language."""
    words = spoken(point.name)
    return words[:1].upper() + words[1:]
