"""Period-key envelopes in the key store: taken from agents, asked for, and destroyed."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sealing.errors import SealingError
from sealing.ids import EnvelopePurpose
from sealing.keys import EnvelopeInfo, RecScope, parse_envelope
from vsaas.common import clock
from vsaas.keys.errors import EnvelopeRefused
from vsaas.keys.models import Envelope, KeyPurpose, TenantKey
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
    recipients = TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT).values_list("kid", "epoch")
    epochs = {bytes(key_id): epoch for key_id, epoch in recipients}
    for item in parsed:
        _check_addressed(item.info, tenant_id, epochs)
    rows = [_row(item) for item in parsed]
    Envelope.objects.bulk_create(rows, ignore_conflicts=True)
    _check_same(parsed)
    return {item.info.key_id for item in parsed}


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
        destroyed += rows.update(sealed=None, destroyed_at=clock.now())
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


def _check_addressed(info: EnvelopeInfo, tenant_id: UUID, epochs: dict[bytes, int]) -> None:
    if info.tenant != tenant_id:
        raise EnvelopeRefused(f"the envelope of key {info.key_id.hex()} is for another tenant")
    if epochs.get(info.recipient) != info.epoch:
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


def _slices(key_ids: Iterable[bytes]) -> Iterable[list[bytes]]:
    wanted = sorted(set(key_ids))
    return (wanted[start : start + IDS_AT_ONCE] for start in range(0, len(wanted), IDS_AT_ONCE))
