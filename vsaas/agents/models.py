"""Agents: the on-premise recorders of a tenant, their keys, and what the portal last told and heard."""

from collections import defaultdict
from typing import Any

from django.db import models
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from tenants.models import Site, TenantModel


class Agent(TenantModel):
    """An enrolled recorder. Revoking it is one row: `revoked_at`.

    `replaces`: the agent whose place this one took. `adopted_at`: when it last told that it has brought all that the disk of
    that one still held.
    """

    site_path = "site_id"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    software = models.CharField(max_length=80)
    enrolled_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_contact_at = models.DateTimeField(null=True, blank=True)
    replaces = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="successor"
    )
    adopted_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class AgentKeyPurpose(models.TextChoices):
    """What an agent's key is for. Separate keys for separate acts."""

    RECORD = "record", _("record")
    TRANSPORT = "transport", _("transport")
    BOX = "box", _("box")


class AgentKey(TenantModel):
    """A public key of an agent. `kid` is unique over all tenants, so a request's key id names one agent."""

    site_path = "agent__site_id"

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="keys")
    purpose = models.CharField(max_length=16, choices=AgentKeyPurpose.choices)
    kid = models.BinaryField(max_length=16, unique=True)
    public_key = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "agent", "purpose"], name="agents_one_key_per_purpose"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key {bytes(self.kid).hex()}"


class EnrolmentCode(TenantModel):
    """A one-time right to enrol an agent on a site. Only a hash of the secret is kept. `replaces`: whose place the agent takes."""

    site_path = "site_id"

    site = models.ForeignKey(Site, on_delete=models.PROTECT, related_name="+")
    secret_hash = models.BinaryField(max_length=32, unique=True)
    issued_by = models.UUIDField(null=True, blank=True)
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True, blank=True)
    used_by = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    replaces = models.ForeignKey(Agent, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    def __str__(self) -> str:
        return f"enrolment code of {self.issued_at:%Y-%m-%d %H:%M}"


class CommandDocument(TenantModel):
    """What an agent was told, numbered and signed under the command key. The newest number is what holds."""

    site_path = "agent__site_id"

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="+")
    number = models.PositiveIntegerField()
    signed = models.BinaryField()
    issued_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "agent", "number"], name="agents_command_number_once"),
        ]

    def __str__(self) -> str:
        return f"command document {self.number}"


class AgentHealth(TenantModel):
    """An agent's newest heartbeat, and what its heartbeats together betray.

    `instance` is the run of the agent process that spoke last, `past_instances` the ones it replaced: when one of
    those speaks again, two boxes share one identity. `streams` holds `protocol.health.StreamHealth` as JSON,
    `alarms` what a person must look at, `box` a `protocol.health.BoxHealth` (null from agents that tell none).
    `clock_offset_us` is the agent's clock minus ours.
    """

    site_path = "agent__site_id"

    agent = models.OneToOneField(Agent, on_delete=models.PROTECT, related_name="health")
    received_at = models.DateTimeField()
    instance = models.UUIDField()
    past_instances = models.JSONField(default=list)
    cloned_at = models.DateTimeField(null=True, blank=True)
    software = models.CharField(max_length=200)
    started_us = models.BigIntegerField()
    clock_offset_us = models.BigIntegerField()
    clock_synchronised = models.BooleanField()
    spool_bytes = models.BigIntegerField()
    spool_budget_bytes = models.BigIntegerField()
    disk_free_bytes = models.BigIntegerField()
    days_left = models.FloatField(null=True, blank=True)
    oldest_unsent_us = models.BigIntegerField(null=True, blank=True)
    streams = models.JSONField(default=list)
    alarms = models.JSONField(default=list)
    box = models.JSONField(null=True, blank=True)

    @cached_property
    def streams_by_camera(self) -> dict[str, list[dict[str, Any]]]:
        """`streams` by the camera's id, main before sub."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sorted(self.streams, key=lambda row: row["stream"]):
            found[row["camera"]].append(row)
        return dict(found)

    def __str__(self) -> str:
        return f"health of {self.agent_id} at {self.received_at:%Y-%m-%d %H:%M:%S}"
