"""Inbox and chained log, per tenant and for the platform itself."""

from __future__ import annotations

import uuid

from django.db import models

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
