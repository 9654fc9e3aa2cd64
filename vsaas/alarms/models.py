"""Alarms: what fell silent and when it was back; and who is told of what."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.models import Site, TenantModel
from vsaas.agents.models import Agent
from vsaas.cameras.models import Camera
from vsaas.common import clock


class AlarmKind(models.TextChoices):
    """What fell silent."""

    AGENT = "agent-silent", _("Agent silent")
    CAMERA = "camera-silent", _("Camera silent")


class Alarm(TenantModel):
    """One stretch in which an agent was not heard, or a camera not recorded.

    `cause`: the agent's word for the camera's stream (`protocol.health.CAMERA_STATES`), "" for an agent. `began_at`: the last
    moment all was well; `noticed_at`: when the portal opened the alarm. Open while `ended_at` is null, once per subject.
    """

    kind = models.CharField(max_length=20, choices=AlarmKind.choices)
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="+")
    camera = models.ForeignKey(Camera, on_delete=models.CASCADE, null=True, related_name="+")
    cause = models.CharField(max_length=30, blank=True)
    began_at = models.DateTimeField()
    noticed_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "agent"],
                condition=Q(ended_at=None, camera=None),
                name="alarm_of_agent_open_once",
            ),
            models.UniqueConstraint(
                fields=["tenant", "camera"],
                condition=Q(ended_at=None, camera__isnull=False),
                name="alarm_of_camera_open_once",
            ),
        ]
        indexes = [
            models.Index(fields=["tenant", "-noticed_at", "-id"], name="alarm_newest"),
            models.Index(fields=["tenant", "ended_at"], name="alarm_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} since {self.began_at:%Y-%m-%d %H:%M:%S}"


class AlarmSubscription(TenantModel):
    """Whether somebody is written to, and up to which moment they were told. `by_mail` null: they chose nothing, so they are
    told as long as they may change cameras."""

    account = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    by_mail = models.BooleanField(null=True)
    all_sites = models.BooleanField(default=True)
    told_until = models.DateTimeField(default=clock.now)
    mailed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"alarms for {self.account_id}"


class AlarmSubscriptionSite(TenantModel):
    """A site somebody wants to be told of, where it is not all of them."""

    subscription = models.ForeignKey(AlarmSubscription, on_delete=models.CASCADE, related_name="sites")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="+")

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(fields=["tenant", "subscription", "site"], name="alarm_site_once"),
        ]

    def __str__(self) -> str:
        return f"alarms of {self.site_id}"
