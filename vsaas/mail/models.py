"""The outbox: messages to people, written in the transaction of the act they speak of."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from tenants.ids import uuid7
from tenants.models import TenantModel
from vsaas.common import clock

PLATFORM = "mail"
"""The purpose of the platform's own rows."""


class Outgoing(models.Model):
    """One message to one address.

    `sealed` holds what the message is about, or (`kept`) the message itself, under `VSAAS_SECRET_KEY`: it can hold a link
    that opens an account. It is emptied once the message is sent.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "waiting"
        SENDING = "sending", "being sent"
        SENT = "sent", "sent"
        KEPT = "kept", "kept to be read here"
        FAILED = "failed", "not delivered"

    kind = models.CharField(max_length=40)
    to = models.EmailField(max_length=254)
    language = models.CharField(max_length=16)
    sealed = models.BinaryField(null=True)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    attempts = models.PositiveIntegerField(default=0)
    next_at = models.DateTimeField(default=clock.now)
    claimed_at = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    give_up_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    OPEN: ClassVar[tuple[str, ...]] = (State.WAITING, State.SENDING)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.kind} to {self.to}"


class Message(TenantModel, Outgoing):
    """A message of a tenant."""

    class Meta(TenantModel.Meta):
        abstract = False
        indexes = [
            models.Index(
                fields=["tenant", "next_at"],
                condition=models.Q(state__in=["waiting", "sending"]),
                name="mail_message_open",
            ),
            models.Index(fields=["tenant", "-created_at"], name="mail_message_newest"),
        ]


class PlatformMessage(Outgoing):
    """A message that belongs to no tenant: where somebody signs in. Reached inside `platform_scope(PLATFORM)` alone."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
