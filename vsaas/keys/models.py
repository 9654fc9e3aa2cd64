"""Tenant keys, statements and what customers hold of them (main database), envelopes (key store). No key in clear stands
in either."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.models import DetachedTenantModel, TenantModel


class KeyPurpose(models.TextChoices):
    """What a key pair of a tenant is for; also the purpose its wrapped private half is bound to."""

    ROOT = "root", _("root")
    COMMAND = "command", _("command")
    DELETION = "deletion", _("deletion")
    RECIPIENT = "recipient", _("recipient")


class TenantKey(TenantModel):
    """One key pair of a tenant: Ed25519, or X25519 for `recipient`. `epoch` counts from 1 per purpose.

    `wrapped_private` is null once the private half was erased: the customer holds that key's successor.
    """

    purpose = models.CharField(max_length=16, choices=KeyPurpose.choices)
    epoch = models.PositiveIntegerField(default=1)
    kid = models.BinaryField(max_length=16)
    public_key = models.BinaryField(max_length=32)
    wrapped_private = models.BinaryField(null=True)
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "purpose", "epoch"], name="keys_one_per_epoch"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key {self.epoch}"


class CameraAuthority(TenantModel):
    """The X.509 authority for the organisation's cameras: certificate (DER) and private key (wrapped, PKCS #8). `epoch` counts
    from 1; the newest signs."""

    epoch = models.PositiveIntegerField()
    key_id = models.BinaryField(max_length=16)
    certificate = models.BinaryField()
    wrapped_private = models.BinaryField()
    created_at = models.DateTimeField()
    not_after = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "epoch"], name="keys_one_camera_authority_per_epoch"),
        ]

    def __str__(self) -> str:
        return f"authority {self.epoch} for cameras"


class Statement(TenantModel):
    """A statement signed by the tenant root (SPEC 5). Never changed, never deleted."""

    number = models.PositiveIntegerField()
    kind = models.PositiveSmallIntegerField()
    signed = models.BinaryField()
    digest = models.BinaryField(max_length=32)
    issued_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="keys_statement_number_once"),
        ]

    def __str__(self) -> str:
        return f"statement {self.number}"


class Envelope(DetachedTenantModel):
    """A period key sealed to one recipient (SPEC 3.2, purpose rec).

    Destroying it empties `sealed`, which shreds the footage under that key. The row stays, so that an agent that
    sends its envelope again cannot bring the key back.
    """

    camera_id = models.UUIDField()
    rendition_class = models.PositiveSmallIntegerField()
    period_start_us = models.BigIntegerField()
    key_id = models.BinaryField(max_length=16)
    recipient_id = models.BinaryField(max_length=16)
    recipient_epoch = models.PositiveIntegerField()
    sealed = models.BinaryField(null=True)
    stored_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True, blank=True)

    class Meta(DetachedTenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant_id", "recipient_id", "camera_id", "id"],
                name="keys_envelope_of_recipient",
                condition=Q(destroyed_at__isnull=True),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant_id", "key_id", "recipient_id"], name="keys_envelope_once_per_recipient"
            ),
            models.CheckConstraint(
                condition=models.Q(sealed__isnull=True) ^ models.Q(destroyed_at__isnull=True),
                name="keys_envelope_sealed_or_destroyed",
            ),
        ]

    def __str__(self) -> str:
        return f"envelope of key {bytes(self.key_id).hex()}"


class Vault(TenantModel):
    """Public halves of what a customer's vault secret makes: its root and its tenant recipient (epoch 1).

    The one without `retired_at` is in force. `id` was chosen by the browser that made the secret. `completed_at`: the
    portal holds no private half any more that opens footage. `rewrap_of`: envelopes there were to re-wrap at the switch.
    """

    id = models.UUIDField(primary_key=True, editable=False)
    root_public = models.BinaryField(max_length=32)
    recipient_public = models.BinaryField(max_length=32)
    recipient_kid = models.BinaryField(max_length=16)
    rewrap_of = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)
    renew_wanted_at = models.DateTimeField(null=True, blank=True)
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(retired_at__isnull=True), name="keys_one_vault_in_force"
            ),
        ]

    def __str__(self) -> str:
        return f"vault {self.id}"


class VaultShare(TenantModel):
    """The vault secret sealed to the own key of a holder. `account_id` is no foreign key: that somebody knew the secret is
    remembered beyond their account."""

    vault = models.ForeignKey(Vault, on_delete=models.PROTECT, related_name="shares")
    account_id = models.UUIDField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "vault", "account_id"], name="keys_vault_share_once"),
        ]

    def __str__(self) -> str:
        return f"share of {self.vault_id}"


class OwnKey(TenantModel):
    """A person's own X25519 key: the public half. The private one is wrapped in each of its ways.

    `stated_number`: of the newest statement that names this very key for the account; null: none does.
    """

    account = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_key")
    public_key = models.BinaryField(max_length=32)
    kid = models.BinaryField(max_length=16)
    stated_number = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"own key {bytes(self.kid).hex()}"


class OwnKeyWay(TenantModel):
    """How a person opens their own key: by a passkey (PRF) or a passphrase (Argon2id). `data`: what the browser needs to
    make the wrapping key again; no secret. `wrapped`: nonce and AES-256-GCM of the private half."""

    class Kind(models.TextChoices):
        PASSKEY = "passkey", _("passkey")
        PASSPHRASE = "passphrase", _("passphrase")

    own_key = models.ForeignKey(OwnKey, on_delete=models.CASCADE, related_name="ways")
    kind = models.CharField(max_length=16, choices=Kind.choices)
    label = models.CharField(max_length=80)
    data = models.JSONField()
    wrapped = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return self.label


class CameraKey(TenantModel):
    """The public half of a camera's key, as a statement names it. `ended_at`: no envelope is sealed to it any more."""

    camera_id = models.UUIDField()
    kind = models.PositiveSmallIntegerField()  # sealing.ids.CameraKeyKind
    epoch = models.PositiveIntegerField()
    kid = models.BinaryField(max_length=16)
    public_key = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "camera_id", "kind", "epoch"], name="keys_camera_key_once"
            ),
            models.UniqueConstraint(fields=["tenant", "kid"], name="keys_camera_key_kid_once"),
        ]

    def __str__(self) -> str:
        return f"key {self.epoch} of camera {self.camera_id}"


class CameraShare(TenantModel):
    """The private half of a camera's key sealed to the own key of a person. `account_id` is no foreign key: that somebody
    knew the key is remembered beyond their account, until the key has ended."""

    camera_id = models.UUIDField()
    kind = models.PositiveSmallIntegerField()  # sealing.ids.CameraKeyKind
    epoch = models.PositiveIntegerField()
    account_id = models.UUIDField()
    sealed = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account_id", "camera_id", "kind", "epoch"], name="keys_camera_share_once"
            ),
        ]

    def __str__(self) -> str:
        return f"share of key {self.epoch} of camera {self.camera_id}"


class StatementRequest(TenantModel):
    """A statement the portal needs and cannot sign: `body` is canonical CBOR of what a holder's browser signs.

    `subject`: what it is about, an agent's id, and `about` its name. `number`: of the statement that fulfilled it.
    """

    kind = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    subject = models.UUIDField()
    about = models.CharField(max_length=200)
    asked_by = models.CharField(max_length=200)
    asked_at = models.DateTimeField()
    number = models.PositiveIntegerField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        indexes = [
            models.Index(
                fields=["tenant", "subject"], name="keys_request_open", condition=Q(number__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"statement asked for {self.about}"
