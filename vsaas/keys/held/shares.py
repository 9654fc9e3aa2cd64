"""Secrets sealed to a person's own key, checked as far as the portal can: it sees to whom and what for, never what."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from sealing.errors import SealingError
from sealing.ids import CameraKeyKind, EnvelopePurpose
from sealing.keys import CameraShareScope, EnvelopeInfo, VaultScope, parse_envelope
from vsaas.common import clock
from vsaas.keys.errors import ShareRefused
from vsaas.keys.models import CameraKey, CameraShare, OwnKey, Vault, VaultShare

PERSON_EPOCH = 0

KeyName = tuple[UUID, int, int]
"""A key of a camera: camera, kind and epoch."""


@dataclass(frozen=True, slots=True)
class NewShare:
    """A camera key's private half as a holder's browser sealed it."""

    camera: UUID
    kind: CameraKeyKind
    epoch: int
    sealed: bytes

    @property
    def key(self) -> KeyName:
        return self.camera, int(self.kind), self.epoch


def check_camera_share(tenant_id: UUID, own: OwnKey, share: NewShare, kid: bytes) -> None:
    """`kid`: of the camera key it is said to hold. Raises ShareRefused."""
    scope = CameraShareScope(share.camera, share.kind, share.epoch)
    _check(tenant_id, own, share.sealed, EnvelopePurpose.CAMERA_SHARE, scope, kid)


def check_vault_share(
    tenant_id: UUID, own: OwnKey, sealed: bytes, vault_id: UUID, recipient_kid: bytes
) -> None:
    """Raises ShareRefused."""
    _check(tenant_id, own, sealed, EnvelopePurpose.VAULT_SHARE, VaultScope(vault_id), recipient_kid)


def _check(
    tenant_id: UUID,
    own: OwnKey,
    sealed: bytes,
    purpose: EnvelopePurpose,
    scope: CameraShareScope | VaultScope,
    key_id: bytes,
) -> None:
    try:
        info, _sealed = parse_envelope(sealed)
    except SealingError as error:
        raise ShareRefused(_("a share is no envelope (%(error)s)") % {"error": error.name}) from error
    if info != EnvelopeInfo(purpose, tenant_id, scope, key_id, bytes(own.kid), PERSON_EPOCH):
        raise ShareRefused(
            _("a share is for another key, or sealed to another person: look at the page again and repeat it")
        )


def kids_of(keys: Iterable[KeyName]) -> dict[KeyName, bytes]:
    """Those of these keys that a statement names, with their key ids."""
    wanted = set(keys)
    rows = CameraKey.objects.filter(camera_id__in={camera for camera, _kind, _epoch in wanted})
    found = {(row.camera_id, row.kind, row.epoch): bytes(row.kid) for row in rows}
    return {key: found[key] for key in wanted & found.keys()}


def store_camera_shares(
    tenant_id: UUID, own: OwnKey, shares: Iterable[NewShare], kids: Mapping[KeyName, bytes]
) -> int:
    """Stores what was sealed to this own key; one that is there already is replaced. Raises ShareRefused."""
    rows = {share.key: share for share in shares}
    for key, share in rows.items():
        if key not in kids:
            raise ShareRefused(_("a share is of a camera key that no statement names"))
        check_camera_share(tenant_id, own, share, kids[key])
    CameraShare.objects.bulk_create(
        [
            CameraShare(
                camera_id=share.camera,
                kind=int(share.kind),
                epoch=share.epoch,
                account_id=own.account_id,
                sealed=share.sealed,
                created_at=clock.now(),
            )
            for share in rows.values()
        ],
        update_conflicts=True,
        unique_fields=["tenant", "account_id", "camera_id", "kind", "epoch"],
        update_fields=["sealed", "created_at"],
    )
    return len(rows)


def store_vault_share(tenant_id: UUID, own: OwnKey, vault: Vault, sealed: bytes) -> None:
    """Raises ShareRefused."""
    check_vault_share(tenant_id, own, sealed, vault.id, bytes(vault.recipient_kid))
    VaultShare.objects.update_or_create(
        vault=vault, account_id=own.account_id, defaults={"sealed": sealed, "created_at": clock.now()}
    )
