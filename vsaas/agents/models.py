"""Agents: the on-premise recorders of a tenant, their keys, and what the portal last told and heard."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import UUID

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
    """A public key of an agent. `kid` is unique over all tenants, so a request's key id names one agent.

    In force is the one that was not replaced. One that was counts until `ended_at`, for what it still signs or opens.
    """

    site_path = "agent__site_id"

    agent = models.ForeignKey(Agent, on_delete=models.PROTECT, related_name="keys")
    purpose = models.CharField(max_length=16, choices=AgentKeyPurpose.choices)
    kid = models.BinaryField(max_length=16, unique=True)
    public_key = models.BinaryField(max_length=32)
    created_at = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "agent", "purpose"],
                condition=models.Q(replaced_at=None),
                name="agents_one_key_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} key {bytes(self.kid).hex()}"


def key_in_force(agent_id: UUID, purpose: AgentKeyPurpose) -> AgentKey:
    """The agent's newest key of this purpose. Raises AgentKey.DoesNotExist."""
    return AgentKey.objects.get(agent_id=agent_id, purpose=purpose, replaced_at=None)


class RolloverState(models.TextChoices):
    """How far an agent is with new keys."""

    ASKED = "asked", _("waits for the agent")
    OFFERED = "offered", _("waits for the organisation's signature")
    STATED = "stated", _("in use")
    DONE = "done", _("done")
    REFUSED = "refused", _("refused")
    NO_ANSWER = "no-answer", _("no answer")

    @classmethod
    def under_way(cls) -> tuple[RolloverState, ...]:
        """Those in which no others are asked for."""
        return (cls.ASKED, cls.OFFERED, cls.STATED)


class AgentRollover(TenantModel):
    """New keys an agent was asked for last, and what became of that.

    Public halves once it has offered them; `submitted`: the organisation was asked to state them. `rolled_at`: since when the
    keys in force are.
    """

    site_path = "agent__site_id"

    agent = models.OneToOneField(Agent, on_delete=models.PROTECT, related_name="rollover")
    state = models.CharField(max_length=16, choices=RolloverState.choices, default=RolloverState.ASKED)
    reason = models.CharField(max_length=200, blank=True)
    asked_at = models.DateTimeField()
    offered_at = models.DateTimeField(null=True, blank=True)
    record_public = models.BinaryField(max_length=32, null=True, blank=True)
    transport_public = models.BinaryField(max_length=32, null=True, blank=True)
    box_public = models.BinaryField(max_length=32, null=True, blank=True)
    submitted = models.BooleanField(default=False)
    rolled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.state


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
    `alarms` what a person must look at, `box` a `protocol.health.BoxHealth` and `update` an
    `UpdateHealth` (null from agents that tell none).
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
    update = models.JSONField(null=True, blank=True)

    @cached_property
    def streams_by_camera(self) -> dict[str, list[dict[str, Any]]]:
        """`streams` by the camera's id, main before sub."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in sorted(self.streams, key=lambda row: row["stream"]):
            found[row["camera"]].append(row)
        return dict(found)

    def __str__(self) -> str:
        return f"health of {self.agent_id} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class UpdateState(models.TextChoices):
    """How far an agent is with the release it is to run."""

    NONE = "none", _("not ordered")
    PLANNED = "planned", _("waits for its window")
    ORDERED = "ordered", _("under way")
    INSTALLED = "installed", _("installed")
    ROLLED_BACK = "rolled-back", _("went back")
    REFUSED = "refused", _("not installed")
    NO_ANSWER = "no-answer", _("no answer")

    @classmethod
    def failures(cls) -> tuple[UpdateState, ...]:
        """Those after which an agent is not where it was to be."""
        return (cls.ROLLED_BACK, cls.REFUSED, cls.NO_ANSWER)


class AgentUpdate(TenantModel):
    """The release an agent is to run, and what became of it.

    `held`: it stays at its version. `document`: SHA-256 of the release document. `stage` of the rollout it came with, null
    when a person asked for it. `interruption_ms`: how long recording was interrupted at most.
    """

    site_path = "agent__site_id"

    agent = models.OneToOneField(Agent, on_delete=models.PROTECT, related_name="ordered_update")
    held = models.BooleanField(default=False)
    version = models.CharField(max_length=40, blank=True)
    document = models.BinaryField(max_length=32, null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    stage = models.PositiveIntegerField(null=True, blank=True)
    state = models.CharField(max_length=16, choices=UpdateState.choices, default=UpdateState.NONE)
    reason = models.CharField(max_length=200, blank=True)
    interruption_ms = models.BigIntegerField(null=True, blank=True)
    ordered_at = models.DateTimeField(null=True, blank=True)
    settled_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.version} {self.state}"


class UpdatePolicy(TenantModel):
    """How an organisation updates its agents (`vsaas.agents.rollouts.Policy`): one row."""

    automatic = models.BooleanField(default=False)
    days = models.JSONField(default=list)
    starts = models.CharField(max_length=5, default="02:00")
    ends = models.CharField(max_length=5, default="05:00")
    first = models.JSONField(default=list)
    healthy_hours = models.PositiveIntegerField(default=24)
    wave_percent = models.PositiveSmallIntegerField(default=25)
    stop_percent = models.PositiveSmallIntegerField(default=20)

    class Meta(TenantModel.Meta):
        constraints = [models.UniqueConstraint(fields=["tenant"], name="agents_one_update_policy")]

    def __str__(self) -> str:
        return "automatic" if self.automatic else "by hand"


class RolloutState(models.TextChoices):
    """Whether a rollout goes on."""

    RUNNING = "running", _("under way")
    STOPPED = "stopped", _("stopped")
    DONE = "done", _("done")


class UpdateRollout(TenantModel):
    """A release on its way to an organisation's agents, in stages (0: the agents chosen to be first)."""

    version = models.CharField(max_length=40)
    document = models.BinaryField(max_length=32)
    state = models.CharField(max_length=16, choices=RolloutState.choices, default=RolloutState.RUNNING)
    stage = models.PositiveIntegerField(default=0)
    started_at = models.DateTimeField()
    stage_at = models.DateTimeField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=models.Q(state="running"), name="agents_one_rollout_runs"
            )
        ]

    def __str__(self) -> str:
        return f"{self.version} {self.state}"
