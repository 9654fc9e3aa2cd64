"""Keys of a tenant, as the rest of the cloud uses them.

Every function runs inside the scope of the tenant it speaks of: `tenant_scope(tenant)` for statements and signatures,
`tenant_scope(tenant, keys=True)` for envelopes and releases. Keys in clear live in memory for one call, period keys
for a few seconds; no function returns or logs one.
"""

from dataclasses import dataclass
from uuid import UUID

from vsaas.keys.envelopes import destroy_envelopes, envelope_camera, known_key_ids, store_envelopes
from vsaas.keys.errors import EnvelopeRefused, KeysExist, KmsError, NoTenantKeys, ReleaseRefused
from vsaas.keys.held.custody import is_held
from vsaas.keys.held.requests import state, waits
from vsaas.keys.models import KeyPurpose, Vault
from vsaas.keys.release import (
    Released,
    ReleaseProblem,
    ReleaseTo,
    SegmentKeyRequest,
    release_live_key,
    release_segment_keys,
)
from vsaas.keys.statements import (
    create_tenant_keys,
    deletion_statement_number,
    newest_statement_number,
    root_fingerprint,
    sign_command,
    sign_commissioning,
    sign_order,
    sign_statement,
    sign_tombstone,
    statements_since,
    verified_trust,
)
from vsaas.keys.tenant_keys import newest_key

__all__ = [
    "EnvelopeRefused",
    "KeysExist",
    "KmsError",
    "NoTenantKeys",
    "ReleaseProblem",
    "ReleaseRefused",
    "ReleaseTo",
    "Released",
    "SegmentKeyRequest",
    "TenantRecipient",
    "create_tenant_keys",
    "deletion_statement_number",
    "destroy_envelopes",
    "envelope_camera",
    "is_held",
    "known_key_ids",
    "newest_statement_number",
    "release_live_key",
    "release_segment_keys",
    "root_fingerprint",
    "sign_command",
    "sign_commissioning",
    "sign_order",
    "sign_statement",
    "sign_tombstone",
    "state",
    "statements_since",
    "store_envelopes",
    "tenant_recipient",
    "verified_trust",
    "waits",
]


@dataclass(frozen=True)
class TenantRecipient:
    """Whom agents seal keys to: X25519 public key, its kid and epoch (statement `recipients`)."""

    public_key: bytes
    kid: bytes
    epoch: int


def tenant_recipient(tenant_id: UUID) -> TenantRecipient:
    """The recipient agents seal to now what belongs to no camera with a key of its own. Raises NoTenantKeys."""
    vault = Vault.objects.filter(retired_at=None).first()
    if vault is not None:
        return TenantRecipient(bytes(vault.recipient_public), bytes(vault.recipient_kid), 1)
    key = newest_key(tenant_id, KeyPurpose.RECIPIENT)
    return TenantRecipient(bytes(key.public_key), bytes(key.kid), key.epoch)
