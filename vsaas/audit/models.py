"""Inbox and chained log, per tenant and for the platform itself."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.ids import uuid7
from tenants.models import TenantModel
from vsaas.common import clock


class Event(models.Model):
    """What was done: by whom, to what, from where. Names are kept as they were then."""

    class Outcome(models.TextChoices):
        DONE = "done", "done"
        REFUSED = "refused", "refused"

    at = models.DateTimeField(default=clock.now)
    act = models.CharField(max_length=60)
    outcome = models.CharField(max_length=10, choices=Outcome.choices, default=Outcome.DONE)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True)
    actor_name = models.CharField(max_length=200, blank=True)
    object_kind = models.CharField(max_length=40, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField(max_length=200, blank=True)
    network = models.CharField(max_length=64, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.act} at {self.at}"


EVENT_FIELDS = tuple(field.name for field in Event._meta.local_fields)


class Chained(models.Model):
    """An event's place in its chain."""

    event_id = models.UUIDField(default=uuid.uuid4, editable=False)
    seq = models.BigIntegerField()
    prev_hash = models.BinaryField()
    hash = models.BinaryField()

    class Meta:
        abstract = True


class AuditInbox(TenantModel, Event):
    """Events of a tenant, inserted in the act's own transaction and soon moved by the sequencer."""

    class Meta(TenantModel.Meta):
        abstract = False


class AuditEntry(TenantModel, Event, Chained):
    """A tenant's chained log. The app may insert and read, never change or delete."""

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "seq"], name="audit_entry_seq_once")]
        indexes = [
            models.Index(fields=["tenant", "-at"], name="audit_entry_at"),
            models.Index(fields=["tenant", "event_id"], name="audit_entry_event"),
        ]


class PlatformInbox(Event):
    """Events that belong to no tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)


class PlatformEntry(Event, Chained):
    """The platform's chained log."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["seq"], name="platform_entry_seq_once")]


class Signed(models.Model):
    """What the audit key signed. `public_key` says which key: whether it counts, the worker's key file says."""

    at_us = models.BigIntegerField()
    signature = models.BinaryField()
    public_key = models.BinaryField()

    class Meta:
        abstract = True


class Checkpoint(Signed):
    """The first `size` entries of a log end with the hash `head` (`vsaas.audit.proof`)."""

    size = models.BigIntegerField()
    head = models.BinaryField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"checkpoint of {self.size} entries"


class AuditCheckpoint(TenantModel, Checkpoint):
    """Of a tenant's log. The app may insert and read, never change or delete."""

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "size"], name="audit_checkpoint_size_once")]


class PlatformCheckpoint(Checkpoint):
    """Of the platform's log."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["size"], name="platform_checkpoint_size_once")]


class Pruning(Signed):
    """Entries before `first_seq` are gone: their retention was over. Written by the maintenance role's function alone."""

    first_seq = models.BigIntegerField()
    prev_hash = models.BinaryField()
    count = models.BigIntegerField()
    oldest_us = models.BigIntegerField()
    newest_us = models.BigIntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.count} entries before {self.first_seq} were pruned"


class AuditPruning(TenantModel, Pruning):
    """Of a tenant's log."""

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "first_seq"], name="audit_pruning_first_once")
        ]


class PlatformPruning(Pruning):
    """Of the platform's log."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["first_seq"], name="platform_pruning_first_once")]


RETENTION_YEARS = (1, 10)
RETENTION_DEFAULT = 2


class AuditPolicy(TenantModel):
    """How long a tenant keeps its audit log; no row: RETENTION_DEFAULT years."""

    retention_years = models.SmallIntegerField(default=RETENTION_DEFAULT)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant"], name="audit_policy_once"),
            models.CheckConstraint(
                condition=models.Q(retention_years__gte=RETENTION_YEARS[0])
                & models.Q(retention_years__lte=RETENTION_YEARS[1]),
                name="audit_policy_years",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.retention_years} years"


class Cursor(models.Model):
    """How far a log has got that is sent on: everything before `next_seq` has arrived. `leased_until`: a worker is at it."""

    next_seq = models.BigIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    failures = models.IntegerField(default=0)
    failing_since = models.DateTimeField(null=True)
    next_try_at = models.DateTimeField(default=clock.now)
    error = models.CharField(max_length=500, blank=True)
    leased_until = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class AuditDestination(TenantModel, Cursor):
    """Where a tenant's log is sent on to (a SIEM)."""

    class Kind(models.TextChoices):
        SYSLOG = "syslog", _("Syslog (RFC 5424) over TLS")
        CEF = "cef", _("CEF in syslog over TLS")
        OCSF = "ocsf", _("OCSF JSON over HTTPS")

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    address = models.CharField(max_length=500)
    ca_pem = models.TextField(blank=True)
    header_name = models.CharField(max_length=60, blank=True)
    sealed_token = models.BinaryField(null=True)
    enabled = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="audit_destination_name_once")]

    def __str__(self) -> str:
        return self.name


class PlatformDestination(Cursor):
    """Where the platform's log is sent on to: the address of the settings (VSAAS_AUDIT_PLATFORM_SYSLOG). Another address begins
    anew, with all that is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    address = models.CharField(max_length=500)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["address"], name="platform_destination_once")]

    def __str__(self) -> str:
        return self.address
