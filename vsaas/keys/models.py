"""Tenant keys and statements (main database), envelopes (key store). No key in clear stands in either."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.models import DetachedTenantModel, TenantModel


class KeyPurpose(models.TextChoices):
    """What a key pair of a tenant is for; also the purpose its wrapped private half is bound to."""

    ROOT = "root", _("root")
    COMMAND = "command", _("command")
    DELETION = "deletion", _("deletion")
    RECIPIENT = "recipient", _("recipient")


class TenantKey(TenantModel):
    """One key pair of a tenant: Ed25519, or X25519 for `recipient`. `epoch` counts from 1 per purpose."""

    purpose = models.CharField(max_length=16, choices=KeyPurpose.choices)
    epoch = models.PositiveIntegerField(default=1)
    kid = models.BinaryField(max_length=16)
    public_key = models.BinaryField(max_length=32)
    wrapped_private = models.BinaryField()
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "purpose", "epoch"], name="keys_one_per_epoch"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key {self.epoch}"


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
