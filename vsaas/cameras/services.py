"""Cameras as the rest of the cloud adds, changes and finds them. Every function runs inside the tenant's scope."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from protocol.camera_source import seal_source
from protocol.detection import Detection
from protocol.errors import ProtocolError
from protocol.plan import RecordingPlan
from sealing.ids import Stream
from tenants import access
from tenants.access import Actor, Place, place_of
from tenants.models import Membership, Site
from tenants.permissions import CAMERA_EDIT
from vsaas.accounts.gains import Move, require_no_gain
from vsaas.agents.models import Agent, AgentKeyPurpose, key_in_force
from vsaas.audit.services import Who, differences, record_act, what, who
from vsaas.cameras import acts, detection, recording
from vsaas.cameras.addresses import wrong_in_words
from vsaas.cameras.commands import detection_order, recording_plan, tell_agent
from vsaas.cameras.errors import (
    AgentGone,
    CameraAddedAlready,
    CameraDeleted,
    CameraNameTaken,
    InvalidCamera,
    StaleVersion,
)
from vsaas.cameras.models import (
    RETENTION_DAYS_MAX,
    Camera,
    CameraGroup,
    CameraPassword,
    CameraSource,
    StreamKind,
)
from vsaas.common import clock
from vsaas.common.errors import VsaasError
from vsaas.common.names import CHARS_MAX, BadName, clean_name

NAME_CHARS_MAX = CHARS_MAX
GROUPS_MAX = 20


@dataclass(frozen=True)
class SealedAddress:
    """An address that is sealed already, for the agent and for the camera's id and stream (`protocol.camera_source`).
    `scheme`: of the address inside."""

    sealed: bytes = field(repr=False)
    scheme: str


@dataclass(frozen=True)
class NewCamera:
    """What a camera begins with. URLs: `rtsp://user:password@host[:port]/path` (rtsps too); not shown in any repr.

    `site`: None for the agent's own. `id`: the one its sealed addresses were sealed for; None: a new one. `service`: its ONVIF
    device service, where it is known. `hardware`, `offers`: see `Camera`."""

    name: str
    main_url: str | SealedAddress = field(repr=False)
    sub_url: str | SealedAddress | None = field(default=None, repr=False)
    audio: bool = True
    enabled: bool = True
    retention_days: int | None = None
    site: Site | None = None
    groups: Sequence[str] = ()
    id: UUID | None = None
    service: str = ""
    hardware: dict[str, str] | None = None
    offers: dict[str, Any] | None = None


@dataclass(frozen=True)
class CameraChange:
    """New values of a camera; what is None stays. `retention_days` 0: the tenant's default. `sub_url` "": no sub.
    `certificate`: SHA-256 in hex of the only one the camera may show over rtsps; "": whichever it shows.
    `recording`: None: everything, always; its zone is that of the camera's site. `detection`: None: nothing is looked for.

    `version`: what the change was based on; None: whatever is stored now.
    """

    name: str | None = None
    enabled: bool | None = None
    audio: bool | None = None
    events: bool | None = None
    retention_days: int | None = None
    main_url: str | None = field(default=None, repr=False)
    sub_url: str | None = field(default=None, repr=False)
    site: Site | None = None
    groups: Sequence[str] | None = None
    certificate: str | None = None
    recording: RecordingPlan | Literal["as it is"] | None = "as it is"
    detection: Detection | Literal["as it is"] | None = "as it is"
    version: int | None = None


def present(cameras: QuerySet[Camera]) -> QuerySet[Camera]:
    """Those that are not deleted."""
    return cameras.filter(deleted_at=None)


def camera_add(agent: Agent, new: NewCamera, by: Who) -> Camera:
    """Registers a camera on an agent and sends the agent its next command document.

    URLs are sealed to the agent's box key at once; only the envelopes are stored. Raises InvalidCamera,
    CameraNameTaken, CameraAddedAlready or AgentGone. The caller has checked that `by` holds `camera:edit` on the agent's
    site, and on `new.site`.
    """
    camera = _put(agent, new, by)
    tell_agent(agent)
    return camera


def cameras_add(agent: Agent, news: Sequence[NewCamera], by: Who) -> list[Camera | VsaasError]:
    """Registers many cameras on an agent, which is told once. Returns for each the camera, or why it was not added.

    The caller has checked what `camera_add` asks for.
    """
    done: list[Camera | VsaasError] = []
    for new in news:
        try:
            with transaction.atomic():
                done.append(_put(agent, new, by))
        except (InvalidCamera, CameraNameTaken, CameraAddedAlready, AgentGone) as error:
            done.append(error)
    if any(isinstance(one, Camera) for one in done):
        tell_agent(agent)
    return done


def _put(agent: Agent, new: NewCamera, by: Who) -> Camera:
    if agent.revoked_at is not None:
        raise AgentGone(
            _("the agent %(agent)s is revoked: enrol another and add the camera there")
            % {"agent": agent.name}
        )
    if new.id is not None and Camera.objects.filter(id=new.id).exists():
        raise CameraAddedAlready(_("the camera %(camera)s was added already") % {"camera": new.name})
    camera = Camera(
        **({} if new.id is None else {"id": new.id}),
        agent=agent,
        site_id=agent.site_id if new.site is None else new.site.id,
        name=_name(new.name),
        enabled=new.enabled,
        audio=new.audio,
        retention_days=_retention(new.retention_days),
        created_at=clock.now(),
        hardware=new.hardware,
        offers=new.offers,
    )
    _save(camera)
    _seal(camera, StreamKind.MAIN, new.main_url)
    if new.sub_url is not None:
        _seal(camera, StreamKind.SUB, new.sub_url)
    if new.service:
        CameraPassword.objects.create(camera=camera, service=new.service)
    _set_groups(camera, new.groups)
    record_act(acts.ADDED, by, what(camera), agent=agent.name)
    return camera


def camera_update(camera: Camera, change: CameraChange, by: Who) -> Camera:
    """Changes a camera, and sends its agent the next command document where the change concerns it.

    Returns the camera as it is now. Raises as `camera_add`, StaleVersion when somebody changed it since
    `change.version`, or CameraDeleted. The caller has checked `camera:edit` on the camera, and on `change.site`.
    """
    camera = _locked(camera)
    if change.version is not None and change.version != camera.version:
        raise StaleVersion(camera.name, camera.version)
    before = _told(camera)
    changed = _apply(camera, change)
    if change.main_url is not None:
        _seal(camera, StreamKind.MAIN, change.main_url)
        forget_password(camera)
        changed.append(acts.MAIN_ADDRESS)
    if change.sub_url is not None:
        _change_sub(camera, change.sub_url)
        changed.append(acts.SUB_ADDRESS)
    if change.groups is not None and _set_groups(camera, change.groups):
        changed.append("groups")
    _require_sub(camera, changed)
    if changed:
        camera.version += 1
        _save(camera)
        _record_change(camera, changed, by, before)
    # A plan is told in the zone of the site.
    only_here = {acts.RETENTION_DAYS, "groups"} | ({"site"} if camera.recording is None else set())
    if set(changed) - only_here:
        tell_agent(camera.agent)
    return camera


def recording_change(cameras: Sequence[Camera], plan: RecordingPlan | None, by: Who) -> int:
    """Has all these cameras recorded by one plan, each agent being told once; returns how many that changed. Raises
    InvalidCamera, which names the camera, and CameraDeleted; nothing is changed then.

    The caller has checked `camera:edit` on each.
    """
    agents: dict[UUID, Agent] = {}
    count = 0
    with transaction.atomic():
        for one in sorted(cameras, key=lambda camera: camera.id):
            camera = _locked(one)
            before = _told(camera)
            changed = _apply(camera, CameraChange(recording=plan))
            if not changed:
                continue
            _require_sub(camera, changed)
            camera.version += 1
            camera.save()
            _record_change(camera, changed, by, before)
            agents[camera.agent_id] = camera.agent
            count += 1
        for agent in agents.values():
            tell_agent(agent)
    return count


def _require_sub(camera: Camera, changed: Sequence[str]) -> None:
    """Refuse to keep the sub stream alone of a camera that has none: nothing would be recorded. Raises InvalidCamera."""
    plan = recording_plan(camera)
    if (
        plan is None
        or not {recording.FIELD, acts.SUB_ADDRESS} & set(changed)
        or not recording.needs_sub(plan)
    ):
        return
    if not CameraSource.objects.filter(camera=camera, stream=StreamKind.SUB).exists():
        raise InvalidCamera(
            recording.FIELD if recording.FIELD in changed else "sub_url",
            _("the camera %(camera)s has no sub stream, which is all its plan keeps at some times")
            % {"camera": camera.name},
        )


def camera_delete(camera: Camera, by: Who, *, erase_footage: bool) -> None:
    """Ends the recording of a camera for good and forgets its addresses. Raises CameraDeleted.

    Its recordings stay until the end of their retention, for whoever may see them; with `erase_footage` nobody is
    shown them any more, and the retention sweep deletes them: keys first, then bytes, with a signed tombstone.
    The caller has checked that `by` holds `camera:edit` on the camera.
    """
    camera = _locked(camera)
    camera.enabled = False
    camera.deleted_at = clock.now()
    camera.erase_footage = erase_footage
    camera.version += 1
    camera.save()
    CameraSource.objects.filter(camera=camera).delete()
    CameraPassword.objects.filter(camera=camera).delete()
    # A group that somebody's role speaks of stays on the recordings: what it gives or denies holds until they are gone.
    spoken_of = Membership.objects.exclude(group="").values("group")
    CameraGroup.objects.filter(camera=camera).exclude(name__in=spoken_of).delete()
    record_act(
        acts.DELETED,
        by,
        what(camera),
        footage=acts.GO_AT_ONCE if erase_footage else acts.STAY,
    )
    tell_agent(camera.agent)


def forget_password(camera: Camera) -> None:
    """Somebody typed another address, whose password is theirs: what an agent set before is the camera's no more."""
    gone = dict.fromkeys(("changed_at", "change", "sealed", "recipient", "former_main", "former_sub"))
    CameraPassword.objects.filter(camera=camera).update(**gone)


def replace_sources(camera: Camera, main: bytes, sub: bytes | None) -> None:
    """Puts sources in the place of those that differ from them in the password alone, as the agent itself sealed them. The
    caller has locked the camera, and tells the agent."""
    for stream, sealed in ((StreamKind.MAIN, main), (StreamKind.SUB, sub)):
        if sealed is not None:
            CameraSource.objects.filter(camera=camera, stream=stream).update(
                sealed=sealed, changed_at=clock.now()
            )
    camera.version += 1
    camera.save(update_fields=["version"])


def cameras_of_agent(agent_id: UUID) -> dict[UUID, Camera]:
    """Every camera registered on an agent, deleted ones too, by id (ingest checks records and envelopes against it)."""
    return {camera.id: camera for camera in Camera.objects.filter(agent_id=agent_id)}


def take_along(actor: Actor, agent: Agent, before: Site, after: Site) -> int:
    """Moves the cameras that an agent records on the site `before` to the site `after`, its agent being told once; returns how
    many. Raises Denied or NotFound for a camera the actor may not change, GivesRights, CameraNameTaken."""
    access.require(actor, CAMERA_EDIT, after)
    rows = present(Camera.objects.filter(agent=agent, site=before)).order_by("id")
    for one in rows:
        access.require(actor, CAMERA_EDIT, one)
        change = CameraChange(site=after)
        require_no_gain_by(actor, one, change)
        camera = _locked(one)
        told = _told(camera)
        changed = _apply(camera, change)
        camera.version += 1
        _save(camera)
        _record_change(camera, changed, who(actor), told)
    if rows:
        tell_agent(agent)
    return len(rows)


def require_no_gain_by(actor: Actor, camera: Camera, change: CameraChange) -> None:
    """Return when the change of site or groups gives and takes no rights that the actor may not give. Raises GivesRights,
    InvalidCamera."""
    if change.site is None and change.groups is None:
        return
    before = place_of(camera)
    after = Place(
        before.site_id if change.site is None else change.site.id,
        camera.id,
        before.groups if change.groups is None else frozenset(map(_group_name, change.groups)),
    )
    require_no_gain(actor, [Move(camera.name, before, after)])


def _locked(camera: Camera) -> Camera:
    """The camera as it is stored now; others who change it wait. Raises CameraDeleted."""
    found: Camera = (
        Camera.objects.select_for_update(of=("self",)).select_related("agent", "site").get(id=camera.id)
    )
    if found.deleted_at is not None:
        raise CameraDeleted(
            _("the camera %(camera)s was deleted: add it again to record it") % {"camera": found.name}
        )
    return found


def _apply(camera: Camera, change: CameraChange) -> list[str]:
    wanted: dict[str, object] = {
        "name": None if change.name is None else _name(change.name),
        "enabled": change.enabled,
        "audio": change.audio,
        "events": change.events,
        "site": change.site,
    }
    changed = [name for name, value in wanted.items() if value is not None and value != getattr(camera, name)]
    for name in changed:
        setattr(camera, name, wanted[name])
    if change.retention_days is not None:
        days = _retention(change.retention_days or None)
        if days != camera.retention_days:
            camera.retention_days = days
            changed.append(acts.RETENTION_DAYS)
    if change.certificate is not None:
        certificate = _certificate(change.certificate)
        if certificate != (None if camera.certificate is None else bytes(camera.certificate)):
            camera.certificate = certificate
            changed.append(acts.CERTIFICATE)
    if change.recording != "as it is":
        document = None if change.recording is None else recording.plan_to_json(change.recording)
        if document != camera.recording:
            camera.recording = document
            changed.append(recording.FIELD)
    if change.detection != "as it is":
        document = None if change.detection is None else detection.detection_to_json(change.detection)
        if document != camera.detection:
            camera.detection = document
            changed.append(detection.FIELD)
    return changed


def _told(camera: Camera) -> dict[str, object]:
    """A camera's settings as the audit log tells a change of them. Its addresses are sealed to the agent: nobody here can
    tell them."""
    return {
        "enabled": camera.enabled,
        "name": camera.name,
        "audio": camera.audio,
        "events": camera.events,
        "site": camera.site.name,
        "retention days": camera.retention_days,
        "accepted certificate": accepted_certificate(camera),
        "recording": recording.plan_text(recording_plan(camera)),
        "detection": detection.detection_text(detection_order(camera)),
        "groups": set(CameraGroup.objects.filter(camera=camera).values_list("name", flat=True)),
    }


def _record_change(camera: Camera, changed: list[str], by: Who, before: dict[str, object]) -> None:
    after = _told(camera)
    if after.pop("enabled") != before.pop("enabled"):
        record_act(acts.SWITCHED_ON if camera.enabled else acts.SWITCHED_OFF, by, what(camera))
    others = [name for name in changed if name != "enabled"]
    if others:
        record_act(acts.CHANGED, by, what(camera), changed=", ".join(others), **differences(before, after))


def _save(camera: Camera) -> None:
    try:
        with transaction.atomic():
            camera.save()
    except IntegrityError as error:
        raise CameraNameTaken(
            _("this site has a camera called %(camera)s already: choose another name")
            % {"camera": camera.name}
        ) from error


def _seal(camera: Camera, stream: StreamKind, url: str | SealedAddress) -> None:
    if isinstance(url, SealedAddress):
        return _keep(camera, stream, url.sealed, url.scheme)
    box = key_in_force(camera.agent_id, AgentKeyPurpose.BOX)
    try:
        sealed = seal_source(camera.tenant_id, camera.id, Stream(stream), url, bytes(box.public_key))
    except ProtocolError as error:
        raise InvalidCamera(f"{StreamKind(stream).name.lower()}_url", wrong_in_words(error)) from None
    _keep(camera, stream, sealed, urlsplit(url).scheme)


def _keep(camera: Camera, stream: StreamKind, sealed: bytes, scheme: str) -> None:
    CameraSource.objects.update_or_create(
        camera=camera,
        stream=stream,
        defaults={"sealed": sealed, "scheme": scheme, "changed_at": clock.now()},
    )


def _change_sub(camera: Camera, url: str) -> None:
    if url:
        _seal(camera, StreamKind.SUB, url)
    else:
        CameraSource.objects.filter(camera=camera, stream=StreamKind.SUB).delete()


def _set_groups(camera: Camera, names: Sequence[str]) -> bool:
    """Puts a camera into the groups of these names and no others; returns whether that changed anything."""
    wanted = {_group_name(name) for name in names}
    if len(wanted) > GROUPS_MAX:
        raise InvalidCamera("groups", _("a camera is in at most %(most)s groups") % {"most": GROUPS_MAX})
    now = set(CameraGroup.objects.filter(camera=camera).values_list("name", flat=True))
    CameraGroup.objects.filter(camera=camera, name__in=now - wanted).delete()
    CameraGroup.objects.bulk_create([CameraGroup(camera=camera, name=name) for name in sorted(wanted - now)])
    return wanted != now


def _group_name(name: str) -> str:
    try:
        cleaned = clean_name(name)
    except BadName as error:
        raise InvalidCamera("groups", str(error)) from error
    if "," in cleaned:
        raise InvalidCamera("groups", _("the name of a group holds no comma"))
    return cleaned


def _name(name: str) -> str:
    try:
        return clean_name(name)
    except BadName as error:
        raise InvalidCamera("name", str(error)) from error


def accepted_certificate(camera: Camera) -> str | None:
    """SHA-256 in hex of the certificate a person accepted."""
    return None if camera.certificate is None else bytes(camera.certificate).hex()


def _certificate(text: str) -> bytes | None:
    if text and not re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidCamera(
            "certificate",
            _("must be the SHA-256 fingerprint of a certificate: 64 digits 0-9 and a-f, or empty"),
        )
    return bytes.fromhex(text) or None


def _retention(days: int | None) -> int | None:
    if days is not None and not 1 <= days <= RETENTION_DAYS_MAX:
        raise InvalidCamera(
            "retention_days",
            _("must be 1 to %(most)s") % {"most": RETENTION_DAYS_MAX},
        )
    return days
