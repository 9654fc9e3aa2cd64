"""How cameras are, as people and programs are told."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Prefetch, QuerySet

from tenants import access
from tenants.access import Actor
from tenants.permissions import (
    AGENT_VIEW,
    CAMERA_AUDIO,
    CAMERA_CLIP,
    CAMERA_EDIT,
    CAMERA_LIVE,
    CAMERA_PLAYBACK,
    CAMERA_PTZ,
    CAMERA_VIEW,
)
from tenants.sight import sight
from vsaas.agents.health import is_online
from vsaas.agents.models import AgentHealth
from vsaas.cameras.models import Camera, CameraGroup, CameraSource, StreamKind
from vsaas.cameras.newest import newest_recorded_us
from vsaas.cameras.protection import protection_of
from vsaas.cameras.services import accepted_certificate, present
from vsaas.cameras.steering import steers_of
from vsaas.common import clock

RECORDING = "recording"
WAITING = "waiting"
OFFLINE = "offline"
DISABLED = "disabled"
AGENT_OFFLINE = "agent-offline"
DELETED = "deleted"
BY_PLAN = "by-plan"
WAITING_FOR_EVENT = "waiting-for-event"

# What an agent says of a stream (protocol.health.CAMERA_STATES) → what people are told; all others mean offline.
_TOLD = {
    "recording": RECORDING,
    "connecting": WAITING,
    "disabled": DISABLED,
    "by-plan": BY_PLAN,
    "waiting-for-event": WAITING_FOR_EVENT,
}
WELL = (RECORDING, BY_PLAN, WAITING_FOR_EVENT)


def camera_states(actor: Actor, cameras: Iterable[Camera] | None = None) -> list[dict[str, Any]]:
    """Cameras with their state, as `GET /api/v1/cameras` answers (docs/architecture.md); those the actor may see.

    `cameras`: only these, deleted ones too, on which the caller has checked a right (who may change a camera is told what
    it became, also with an access token that lends no `camera:view`). The number of queries does not grow with the number
    of cameras.
    """
    if cameras is None:
        chosen = present(access.visible(actor, CAMERA_VIEW, Camera.objects.all()))
    else:
        chosen = Camera.objects.filter(id__in=[camera.id for camera in cameras])
    rows = list(_loaded(chosen))
    newest = newest_recorded_us([camera.id for camera in rows])
    return [_state_json(actor, camera, newest.get(camera.id)) for camera in rows]


def groups_in_use(actor: Actor) -> list[str]:
    """Names of the groups with a camera the actor may see, in order. One query."""
    rows = access.visible(actor, CAMERA_VIEW, CameraGroup.objects.filter(camera__deleted_at=None))
    return list(rows.order_by("name").values_list("name", flat=True).distinct())


def _loaded(cameras: QuerySet[Camera]) -> QuerySet[Camera]:
    # Agents are fetched once each, not joined: a heartbeat names every camera of its agent.
    return cameras.select_related("site").prefetch_related(
        "agent__health",
        Prefetch("sources", CameraSource.objects.only("camera", "stream", "scheme")),
        "groups",
    )


def _state_json(actor: Actor, camera: Camera, newest_us: int | None) -> dict[str, Any]:
    state, since_us, reason = state_of(camera)
    return {
        "id": str(camera.id),
        "name": camera.name,
        "site": camera.site.name,
        "site_id": str(camera.site_id),
        "agent": camera.agent.name,
        "agent_id": str(camera.agent_id),
        "groups": [group.name for group in camera.groups.all()],
        "enabled": camera.enabled,
        "retention_days": camera.retention_days,
        "version": camera.version,
        "time_zone": camera.site.timezone,
        "state": state,
        "since_us": since_us,
        "reason": reason,
        "newest_us": newest_us if may_know(actor, camera, newest_us) else None,
        "streams": [StreamKind(source.stream).name.lower() for source in _sources(camera)],
        "audio": camera.audio,
        "recording": camera.recording,
        "events": camera.events,
        "detection": camera.detection,
        "hardware": camera.hardware,
        "steers": steers_of(camera) if _steers(actor, camera) else [],
        "protection": protection_of(camera),
        "certificate": {"accepted": accepted_certificate(camera), "shown": _shown_certificate(camera)},
        "health": _streams(camera) if access.may(actor, AGENT_VIEW, camera) else [],
        "may": {
            "live": camera.deleted_at is None and access.may(actor, CAMERA_LIVE, camera),
            "playback": access.may(actor, CAMERA_PLAYBACK, camera),
            "audio": access.may(actor, CAMERA_AUDIO, camera),
            "clip": access.may(actor, CAMERA_PLAYBACK, camera) and access.may(actor, CAMERA_CLIP, camera),
            "edit": camera.deleted_at is None and access.may(actor, CAMERA_EDIT, camera),
        },
    }


def _steers(actor: Actor, camera: Camera) -> bool:
    return camera.deleted_at is None and access.may(actor, CAMERA_PTZ, camera)


def may_know(actor: Actor, camera: Camera, newest_us: int | None) -> bool:
    """Whether the hours of the actor let them know of the newest second; it belongs to the time before it."""
    if newest_us is None:
        return False
    return bool(sight(actor, camera, CAMERA_VIEW).spans(newest_us - 1, newest_us))


def state_of(camera: Camera) -> tuple[str, int | None, str | None]:
    """State, since when (UTC µs), and the agent's word for what is wrong (protocol.health.CAMERA_STATES)."""
    if camera.deleted_at is not None:
        return DELETED, clock.to_us(camera.deleted_at), None
    if not camera.enabled:
        return DISABLED, None, None
    health: AgentHealth | None = getattr(camera.agent, "health", None)
    if camera.agent.revoked_at is not None:
        return AGENT_OFFLINE, clock.to_us(camera.agent.revoked_at), "revoked"
    if health is None or not is_online(health):
        heard = camera.agent.last_contact_at
        return AGENT_OFFLINE, None if heard is None else clock.to_us(heard), None
    streams = _streams(camera)
    if not streams:
        return WAITING, None, None
    main = min(streams, key=lambda row: row["stream"])
    if main["state"] == "by-plan":
        # Where the plan keeps the sub stream alone, that one says how the camera is recorded.
        main = max(streams, key=lambda row: row["stream"])
    told = _TOLD.get(main["state"], OFFLINE)
    return told, main["since_us"], None if told in WELL else main["state"]


def _streams(camera: Camera) -> list[dict[str, Any]]:
    """What the agent's newest heartbeat says of the camera's streams; [] when it was never heard from."""
    health: AgentHealth | None = getattr(camera.agent, "health", None)
    return [] if health is None else health.streams_by_camera.get(str(camera.id), [])


def _shown_certificate(camera: Camera) -> str | None:
    """SHA-256 in hex of the certificate the camera showed its agent last, as the agent says."""
    shown = [row.get("certificate") for row in sorted(_streams(camera), key=lambda row: row["stream"])]
    return next((one for one in shown if one), None)


def _sources(camera: Camera) -> list[Any]:
    return sorted(camera.sources.all(), key=lambda source: source.stream)
