"""Keys of cameras: stated, changed when somebody knows one who may no longer, and what is still sealed to older ones."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from sealing.ids import CameraKeyKind, Rendition, Stream, camera_key_kind, rendition_class
from sealing.statement import CameraKeys
from tenants import access
from tenants.access import Actor
from vsaas.audit.services import What, record_many, who
from vsaas.common import clock
from vsaas.keys import acts
from vsaas.keys.envelopes import replace_envelopes
from vsaas.keys.errors import StatementRefused
from vsaas.keys.held.custody import vault_in_force
from vsaas.keys.held.people import Person, known_to_others
from vsaas.keys.models import CameraKey, CameraShare, Envelope

KINDS = tuple(CameraKeyKind)
CLASSES = sorted(
    {rendition_class(stream, one) for stream in Stream for one in (Rendition(stream), Rendition.AUDIO)}
)
AT_ONCE = 500
SETTLES = timedelta(hours=1)
"""So long after a key was replaced agents may still seal to it, who had not heard of the newer one."""


@dataclass(frozen=True)
class Roll:
    """A camera and kind with something to do for a holder. `epoch`: of the newest key, 0 when there is none; `known`: how
    many people know it who may no longer; `rewrap`: key periods sealed to an older key, or to the vault's recipient."""

    camera: UUID
    name: str
    kind: CameraKeyKind
    epoch: int
    known: int
    rewrap: int


def newest_keys() -> dict[tuple[UUID, int], CameraKey]:
    """The key in force of each camera and kind that has one."""
    return {(key.camera_id, key.kind): key for key in CameraKey.objects.order_by("epoch")}


def take_camera_keys(request: HttpRequest | None, actor: Actor, body: CameraKeys) -> None:
    """Keeps the keys a statement names, which the caller has verified: epochs grow. Raises StatementRefused for a camera
    that is not one of the organisation's."""
    cameras = {
        camera.id: camera for camera in access.cameras().filter(id__in={key.camera for key in body.keys})
    }
    if any(key.camera not in cameras for key in body.keys):
        raise StatementRefused(_("a statement names a camera that is not one of the organisation's"))
    before = newest_keys()
    CameraKey.objects.bulk_create(
        CameraKey(
            camera_id=key.camera,
            kind=int(key.what),
            epoch=key.epoch,
            kid=key.kid,
            public_key=key.public_key,
            created_at=clock.now(),
        )
        for key in body.keys
    )
    rows = []
    for key in body.keys:
        was = before.get((key.camera, int(key.what)))
        told = {
            "what": "sound" if key.what is CameraKeyKind.SOUND else "picture",
            "before": "epoch: none" if was is None else f"epoch: {was.epoch}",
            "after": f"epoch: {key.epoch}",
        }
        rows.append((What("camera", str(key.camera), cameras[key.camera].name), told))
    record_many(acts.CAMERA_KEY_CHANGED, who(actor), rows, request=request)


def rolls(everybody: Iterable[Person]) -> list[Roll]:
    """What there is to do about keys of cameras, by camera. Cameras that are there need keys of both kinds; of deleted ones
    only what is still sealed to older keys counts."""
    newest, known, waiting = newest_keys(), known_to_others(everybody), envelopes_behind()
    found = []
    for camera in access.cameras():
        for kind in KINDS:
            key = newest.get((camera.id, int(kind)))
            epoch = 0 if key is None else key.epoch
            roll = Roll(
                camera.id,
                camera.name,
                kind,
                epoch,
                known.get((camera.id, int(kind), epoch), 0),
                waiting.get((camera.id, int(kind)), 0),
            )
            lacks = key is None and camera.deleted_at is None
            if lacks or roll.known or roll.rewrap:
                found.append(roll)
    return found


def cameras_without_key() -> int:
    """How many cameras have no key for what they record now."""
    newest = newest_keys()
    there = access.cameras().filter(deleted_at=None).values_list("id", flat=True)
    return sum(any((camera, int(kind)) not in newest for kind in KINDS) for camera in there)


def envelopes_behind() -> dict[tuple[UUID, int], int]:
    """How many key periods are not sealed to the newest key of their camera, by camera and kind. One query of the key store."""
    newest = newest_keys()
    current = {bytes(key.kid) for key in newest.values()}
    older = {bytes(key.kid) for key in CameraKey.objects.filter(ended_at=None)} - current
    vault = vault_in_force()
    recipients = older | ({bytes(vault.recipient_kid)} if vault is not None else set())
    rows = Envelope.objects.filter(recipient_id__in=recipients, destroyed_at=None)
    counted: dict[tuple[UUID, int], int] = defaultdict(int)
    for camera, klass, count in rows.values_list("camera_id", "rendition_class").annotate(count=Count("id")):
        counted[camera, int(camera_key_kind(klass))] += count
    return dict(counted)


def envelopes_to_rewrap(
    camera: UUID, kind: CameraKeyKind, below_epoch: int, after: UUID | None
) -> list[Envelope]:
    """Up to AT_ONCE live envelopes of a camera and kind that are not sealed to a key of this epoch or a newer one, by id."""
    kept = CameraKey.objects.filter(camera_id=camera, kind=int(kind), epoch__gte=below_epoch)
    classes = [klass for klass in CLASSES if camera_key_kind(klass) is kind]
    rows = Envelope.objects.filter(camera_id=camera, rendition_class__in=classes, destroyed_at=None)
    rows = rows.exclude(recipient_id__in=[bytes(key.kid) for key in kept])
    if after is not None:
        rows = rows.filter(id__gt=after)
    return list(rows.order_by("id")[:AT_ONCE])


def take_envelopes(request: HttpRequest, actor: Actor, envelopes: Sequence[bytes]) -> int:
    """Puts what a holder's browser sealed anew in the place of the older envelopes; returns how many. Raises
    EnvelopeRefused."""
    counted = replace_envelopes(actor.tenant_id, envelopes)
    names = {camera.id: camera.name for camera in access.cameras().filter(id__in=counted)}
    rows = [(What("camera", str(one), names.get(one, "")), {"count": n}) for one, n in counted.items()]
    record_many(acts.SEALED_ANEW, who(actor), rows, request=request)
    end_unused()
    return sum(counted.values())


def end_unused() -> None:
    """Keys replaced a while ago to which nothing is sealed any more have ended, and what people held of them goes. An agent
    that has not heard of the newer key brings one back by sealing to it (`vsaas.keys.envelopes.in_use_again`)."""
    newest, settled = newest_keys(), clock.now() - SETTLES
    older = [
        key
        for key in CameraKey.objects.filter(ended_at=None)
        if (by := newest[key.camera_id, key.kind]).epoch != key.epoch and by.created_at < settled
    ]
    used = Envelope.objects.filter(recipient_id__in=[bytes(key.kid) for key in older], destroyed_at=None)
    in_use = {bytes(kid) for kid in used.values_list("recipient_id", flat=True).distinct()}
    ended = [key for key in older if bytes(key.kid) not in in_use]
    if not ended:
        return
    CameraKey.objects.filter(pk__in=[key.pk for key in ended]).update(ended_at=clock.now())
    of_these = Q()
    for key in ended:
        of_these |= Q(camera_id=key.camera_id, kind=key.kind, epoch=key.epoch)
    CameraShare.objects.filter(of_these).delete()
