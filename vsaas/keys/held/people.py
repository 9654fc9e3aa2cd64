"""Which keys of cameras each person should hold by their rights, hours left aside; and who holds what. Needs the tenant's
scope."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from uuid import UUID

from sealing.ids import CameraKeyKind
from tenants import access
from tenants.access import Actor, place_of
from tenants.permissions import CAMERA_AUDIO, CAMERA_LIVE, CAMERA_PLAYBACK
from tenants.scope import current_tenant_id
from vsaas.accounts.models import Account
from vsaas.keys.held.shares import KeyName
from vsaas.keys.models import CameraKey, CameraShare, OwnKey

PICTURE, SOUND = int(CameraKeyKind.PICTURE), int(CameraKeyKind.SOUND)

Opens = tuple[UUID, int]
"""What a key of a camera opens: the camera, and picture or sound."""


@dataclass
class Person:
    """An account, its own key if it made one, what it may open, and which keys in use it lacks or has in excess."""

    account: Account
    own: OwnKey | None
    may: set[Opens]
    missing: list[KeyName] = field(default_factory=list)
    excess: list[KeyName] = field(default_factory=list)

    @property
    def waits(self) -> bool:
        """Whether a holder has something to do for this person."""
        return self.own is not None and bool(self.missing or (self.may and self.own.stated_number is None))


def what_opens(actor: Actor, cameras: Iterable[object]) -> set[Opens]:
    """Pictures of the cameras the actor may watch, live or recorded, and the sound of those they may also listen to."""
    found: set[Opens] = set()
    for camera in cameras:
        place = place_of(camera)
        if actor.allows(CAMERA_LIVE, place) or actor.allows(CAMERA_PLAYBACK, place):
            assert place.camera_id is not None
            found.add((place.camera_id, PICTURE))
            if actor.allows(CAMERA_AUDIO, place):
                found.add((place.camera_id, SOUND))
    return found


def keys_in_use() -> list[CameraKey]:
    """Every key of a camera to which something is sealed, or will be."""
    return list(CameraKey.objects.filter(ended_at=None).order_by("camera_id", "kind", "epoch"))


def people(account_ids: Collection[UUID] | None = None) -> list[Person]:
    """Everybody with an account in force (or those named), by name. Eight queries, whatever their number."""
    accounts = Account.objects.filter(is_active=True).order_by("name", "id")
    if account_ids is not None:
        accounts = accounts.filter(pk__in=account_ids)
    rows = list(accounts)
    ids = [account.pk for account in rows]
    grants = access.grants_of(ids)
    own = {key.account_id: key for key in OwnKey.objects.filter(account_id__in=ids).prefetch_related("ways")}
    cameras = list(access.cameras().prefetch_related("groups"))
    held: dict[UUID, set[KeyName]] = defaultdict(set)
    for share in CameraShare.objects.filter(account_id__in=ids):
        held[share.account_id].add((share.camera_id, share.kind, share.epoch))
    in_use = [(key.camera_id, key.kind, key.epoch) for key in keys_in_use()]
    found = []
    for account in rows:
        actor = Actor(current_tenant_id(), account.pk, str(account), grants.get(account.pk, ()))
        may = what_opens(actor, cameras)
        has = held.get(account.pk, set())
        missing = [key for key in in_use if key[:2] in may and key not in has]
        excess = [key for key in in_use if key[:2] not in may and key in has]
        found.append(Person(account, own.get(account.pk), may, missing, excess))
    return found


def known_to_others(everybody: Iterable[Person]) -> dict[KeyName, int]:
    """Keys in use that are known to people who may no longer open what they open, and to how many: rights taken away, a
    camera moved, an account closed."""
    count: dict[KeyName, int] = defaultdict(int)
    listed = list(everybody)
    for person in listed:
        for key in person.excess:
            count[key] += 1
    in_use = {(key.camera_id, key.kind, key.epoch) for key in keys_in_use()}
    gone = CameraShare.objects.exclude(account_id__in=[person.account.pk for person in listed])
    for share in gone:
        key = (share.camera_id, share.kind, share.epoch)
        if key in in_use:
            count[key] += 1
    return dict(count)
