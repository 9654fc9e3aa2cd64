"""Period-key envelopes in the key store: taken from agents, asked for, and destroyed."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connections

from sealing.errors import SealingError
from sealing.ids import CameraKeyKind, EnvelopePurpose, camera_key_kind
from sealing.keys import EnvelopeInfo, RecScope, parse_envelope
from vsaas.common import clock
from vsaas.keys.errors import EnvelopeRefused
from vsaas.keys.models import CameraKey, Envelope, KeyPurpose, TenantKey, Vault
from vsaas.keys.period_keys import period_keys

IDS_AT_ONCE = 5000


@dataclass(frozen=True)
class _Parsed:
    info: EnvelopeInfo
    scope: RecScope
    sealed: bytes


def envelope_camera(envelope: bytes) -> UUID:
    """The camera in the scope of a period-key envelope. Raises EnvelopeRefused."""
    return _parse(envelope).scope.camera


def store_envelopes(tenant_id: UUID, envelopes: Iterable[bytes]) -> set[bytes]:
    """Stores period-key envelopes (purpose rec) and returns their key ids.

    Idempotent: an envelope for a key and recipient that are known already, with the same scope, is success, and the
    stored one stays (HPKE makes other bytes each time). Raises EnvelopeRefused when one is malformed, of another
    tenant or purpose, sealed to an unknown recipient, or contradicts a stored one. That each camera belongs to the
    sending agent is for the caller to check (`envelope_camera`).
    """
    parsed = [_parse(envelope) for envelope in envelopes]
    if not parsed:
        return set()
    shared_with_stores(tenant_id)
    addresses = addresses_of({item.info.recipient for item in parsed})
    for item in parsed:
        _check_addressed(item, tenant_id, addresses)
    shredded = _shredded(item.info.key_id for item in parsed)
    rows = [_row(item) for item in parsed if item.info.key_id not in shredded]
    Envelope.objects.bulk_create(rows, ignore_conflicts=True)
    _check_same(parsed)
    in_use_again([item.info.recipient for item in parsed])
    return {item.info.key_id for item in parsed}


@dataclass(frozen=True)
class Address:
    """To whom period keys may be sealed: the tenant (`camera` None), or one camera and kind."""

    epoch: int
    camera: UUID | None = None
    kind: CameraKeyKind | None = None


def addresses_of(kids: Collection[bytes]) -> dict[bytes, Address]:
    """The recipients of these key ids that count now, by key id: keys of cameras, and the tenant's recipient. Once the
    customer holds the keys, the portal's own recipient counts no more."""
    found = {
        bytes(key.kid): Address(key.epoch, key.camera_id, CameraKeyKind(key.kind))
        for key in CameraKey.objects.filter(kid__in=kids)
    }
    vault = Vault.objects.filter(retired_at=None).first()
    if vault is not None:
        return found | {bytes(vault.recipient_kid): Address(1)}
    own = TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT, kid__in=kids)
    return found | {bytes(key.kid): Address(key.epoch) for key in own}


def _shredded(key_ids: Iterable[bytes]) -> set[bytes]:
    """Those of these period keys of which every envelope was destroyed: an envelope to somebody else, sent later, must not
    bring one back."""
    rows = Envelope.objects.filter(key_id__in=list(key_ids)).values_list("key_id", "destroyed_at")
    known = {bytes(key_id) for key_id, _ in rows}
    return known - {bytes(key_id) for key_id, destroyed_at in rows if destroyed_at is None}


def in_use_again(kids: Collection[bytes]) -> None:
    """Keys of cameras that were thought to be out of use, and to which an agent has sealed once more."""
    CameraKey.objects.filter(kid__in=kids, ended_at__isnull=False).update(ended_at=None)


def replace_envelopes(tenant_id: UUID, envelopes: Sequence[bytes]) -> dict[UUID, int]:
    """Puts envelopes to keys of cameras in the place of the older ones of the same period keys, which are destroyed; returns
    how many, by camera. What was shredded meanwhile stays shredded.

    Raises EnvelopeRefused when one is malformed, not to a key of its own camera and kind, or of no period key that is
    stored here under that scope.
    """
    parsed = {item.info.key_id: item for item in map(_parse, envelopes)}
    addresses = addresses_of({item.info.recipient for item in parsed.values()})
    for item in parsed.values():
        _check_addressed(item, tenant_id, addresses)
    # The rows are locked first: who shreds these keys meanwhile waits, and then finds the new ones.
    rows = Envelope.objects.filter(key_id__in=list(parsed), destroyed_at=None)
    locked = list(rows.order_by("id").select_for_update())
    alive = {bytes(row.key_id) for row in locked}
    fresh = [_row(item) for key_id, item in parsed.items() if key_id in alive]
    _check_same(list(parsed.values()))
    Envelope.objects.bulk_create(fresh, ignore_conflicts=True)
    older = [row.pk for row in locked if bytes(row.recipient_id) != parsed[bytes(row.key_id)].info.recipient]
    Envelope.objects.filter(pk__in=older).update(sealed=None, destroyed_at=clock.now())
    period_keys.forget(tenant_id, alive)
    return Counter(row.camera_id for row in fresh)


def known_key_ids(tenant_id: UUID, key_ids: Iterable[bytes]) -> set[bytes]:
    """Those of `key_ids` the tenant's key store holds an envelope for, or held one until it was destroyed."""
    found: set[bytes] = set()
    for some in _slices(key_ids):
        rows = Envelope.objects.filter(tenant_id=tenant_id, key_id__in=some).values_list("key_id", flat=True)
        found.update(bytes(key_id) for key_id in rows)
    return found


def destroy_envelopes(tenant_id: UUID, key_ids: Iterable[bytes], *, camera: UUID | None = None) -> int:
    """Destroys every envelope of these period keys, which shreds their footage; returns how many. Idempotent.

    `camera`: those of this camera alone. Key ids come out of agents' records: one that names another camera's key must
    not have that destroyed with its own footage.
    """
    destroyed = 0
    of_camera = {} if camera is None else {"camera_id": camera}
    for some in _slices(key_ids):
        rows = Envelope.objects.filter(tenant_id=tenant_id, key_id__in=some, destroyed_at=None, **of_camera)
        # Until nothing is left: who was re-wrapping one of these keys held the older envelope, and has stored a new one.
        while count := rows.update(sealed=None, destroyed_at=clock.now()):
            destroyed += count
        period_keys.forget(tenant_id, some)
    return destroyed


def _parse(envelope: bytes) -> _Parsed:
    try:
        info, _sealed = parse_envelope(envelope)
    except SealingError as error:
        raise EnvelopeRefused(f"an envelope was refused ({error.name}): {error}") from error
    if info.purpose is not EnvelopePurpose.REC or not isinstance(info.scope, RecScope):
        raise EnvelopeRefused("an envelope of another purpose than recorded footage is not stored here")
    return _Parsed(info, info.scope, envelope)


def _check_addressed(item: _Parsed, tenant_id: UUID, addresses: Mapping[bytes, Address]) -> None:
    info, to = item.info, addresses.get(item.info.recipient)
    if info.tenant != tenant_id:
        raise EnvelopeRefused(f"the envelope of key {info.key_id.hex()} is for another tenant")
    of_camera = item.scope.camera, camera_key_kind(item.scope.rendition_class)
    if to is not None and to.camera is not None and (to.camera, to.kind) != of_camera:
        raise EnvelopeRefused(f"the envelope of key {info.key_id.hex()} is sealed to another camera's key")
    if to is None or to.epoch != info.epoch:
        raise EnvelopeRefused(
            f"the envelope of key {info.key_id.hex()} is sealed to a recipient this tenant does not have: "
            "fetch the newest statements and seal the key again"
        )


def _row(item: _Parsed) -> Envelope:
    return Envelope(
        camera_id=item.scope.camera,
        rendition_class=item.scope.rendition_class,
        period_start_us=item.scope.period_start_us,
        key_id=item.info.key_id,
        recipient_id=item.info.recipient,
        recipient_epoch=item.info.epoch,
        sealed=item.sealed,
        stored_at=clock.now(),
    )


def _check_same(parsed: list[_Parsed]) -> None:
    """One key id stands for one key period: an envelope of another scope under a known id is a forgery or a fault."""
    rows = Envelope.objects.filter(key_id__in=[item.info.key_id for item in parsed])
    stored: dict[bytes, set[tuple[UUID, int, int]]] = {}
    for key_id, *period in rows.values_list("key_id", "camera_id", "rendition_class", "period_start_us"):
        stored.setdefault(bytes(key_id), set()).add((period[0], period[1], period[2]))
    for item in parsed:
        scope = item.scope
        if stored.get(item.info.key_id) != {(scope.camera, scope.rendition_class, scope.period_start_us)}:
            raise EnvelopeRefused(f"another key period has the key id {item.info.key_id.hex()} already")


def shared_with_stores(tenant_id: UUID) -> None:
    """Many may store at once; who erases a key waits for them (`alone_with_envelopes`), and they then see that it is gone."""
    _lock("pg_advisory_xact_lock_shared", tenant_id)


def alone_with_envelopes(tenant_id: UUID) -> None:
    """Waits until nobody is in the midst of storing envelopes, and has others wait until this transaction ends."""
    _lock("pg_advisory_xact_lock", tenant_id)


def _lock(function: str, tenant_id: UUID) -> None:
    with connections["keys"].cursor() as cursor:
        cursor.execute(f"SELECT {function}(hashtextextended(%s, 0))", [f"vsaas-envelopes:{tenant_id}"])


def _slices(key_ids: Iterable[bytes]) -> Iterable[list[bytes]]:
    wanted = sorted(set(key_ids))
    return (wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE))
