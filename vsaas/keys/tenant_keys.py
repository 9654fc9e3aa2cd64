"""The key pairs of a tenant: made once, kept wrapped, opened for one act at a time."""

from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.utils.translation import gettext_lazy as _

from sealing.cose import Ed25519Signer
from sealing.ids import box_kid, kid
from vsaas.common import clock
from vsaas.keys.errors import HeldByCustomer, NoTenantKeys
from vsaas.keys.kms import WrapContext, kms
from vsaas.keys.models import KeyPurpose, TenantKey


def make_key(tenant_id: UUID, purpose: KeyPurpose, epoch: int = 1) -> TenantKey:
    """Makes and stores a key pair of the current tenant; its private half leaves this function wrapped only."""
    if purpose is KeyPurpose.RECIPIENT:
        box = X25519PrivateKey.generate()
        private, public = box.private_bytes_raw(), box.public_key().public_bytes_raw()
        key_id = box_kid(public)
    else:
        signing = Ed25519PrivateKey.generate()
        private, public = signing.private_bytes_raw(), signing.public_key().public_bytes_raw()
        key_id = kid(public)
    return TenantKey.objects.create(
        purpose=purpose,
        epoch=epoch,
        kid=key_id,
        public_key=public,
        wrapped_private=kms().wrap(private, WrapContext(purpose.value, tenant_id, key_id)),
        created_at=clock.now(),
    )


def newest_key(tenant_id: UUID, purpose: KeyPurpose) -> TenantKey:
    """The key of this purpose that is in force. Raises NoTenantKeys."""
    key: TenantKey | None = TenantKey.objects.filter(purpose=purpose).order_by("-epoch").first()
    if key is None:
        raise NoTenantKeys(f"tenant {tenant_id} has no {purpose.value} key: make its keys first")
    return key


def recipient_key(tenant_id: UUID, recipient_id: bytes) -> TenantKey | None:
    """The recipient key of any epoch with this kid, or None."""
    return TenantKey.objects.filter(purpose=KeyPurpose.RECIPIENT, kid=recipient_id).first()


def erase_private(purpose: KeyPurpose) -> int:
    """Erases the private halves of every epoch; returns of how many. The public ones stay, to verify and to recognise."""
    erased: int = TenantKey.objects.filter(purpose=purpose, wrapped_private__isnull=False).update(
        wrapped_private=None
    )
    return erased


def signer(key: TenantKey) -> Ed25519Signer:
    """Signs with a tenant's Ed25519 key. Raises KmsError."""
    return Ed25519Signer(open_private(key))


def open_private(key: TenantKey) -> bytes:
    """The private half (32 raw bytes), for the act at hand. Raises KmsError, HeldByCustomer when it was erased."""
    if key.wrapped_private is None:
        raise HeldByCustomer(
            _(
                "the organisation holds its keys itself: only a holder of them can do this, signed in to the page Keys "
                "with a browser"
            )
        )
    context = WrapContext(key.purpose, key.tenant_id, bytes(key.kid))
    return kms().unwrap(bytes(key.wrapped_private), context)
