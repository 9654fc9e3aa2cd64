"""What waits for a second person, how an organisation demands it, and the sealed codes for when nobody can give it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from tenants.models import TenantModel
from vsaas.common import clock

HOLDS_S_LEAST, HOLDS_S_MOST, HOLDS_S_USUAL = 900, 7 * 24 * 3600, 8 * 3600


class State(models.TextChoices):
    """Where a request stands. Each step is a conditional UPDATE from the one before. That time ran out is no state of its
    own (`ApprovalRequest.expired`)."""

    WAITING = "waiting"
    APPROVED = "approved"  # and not used yet
    USED = "used"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


class BreakGlassCode(TenantModel):
    """A sealed code for when nobody can approve a sign-in; the code itself is shown once. Works once."""

    code_hash = models.BinaryField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    made_by_name = models.CharField(max_length=120)
    made_at = models.DateTimeField(default=clock.now, editable=False)
    revoked_at = models.DateTimeField(null=True)
    used_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    used_by_name = models.CharField(max_length=120, blank=True)
    used_at = models.DateTimeField(null=True)
    acknowledged_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "code_hash"], name="break_glass_code_once")]

    def __str__(self) -> str:
        return f"break-glass code {self.id}"


class ApprovalRequest(TenantModel):
    """Something a person asked for that a second one must approve. `digest` is what the approval covers
    (`vsaas.approvals.digest`); `session_id` the row of the session it was asked in, which names no living row for long."""

    act = models.CharField(max_length=60)
    requester = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    requester_name = models.CharField(max_length=120)
    session_id = models.UUIDField()
    parameters = models.JSONField()
    digest = models.BinaryField()
    reason = models.CharField(max_length=200, blank=True)
    network = models.CharField(max_length=64, blank=True)
    device = models.CharField(max_length=80, blank=True)
    asked_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    decided_by_name = models.CharField(max_length=120, blank=True)
    decided_at = models.DateTimeField(null=True)
    break_glass = models.ForeignKey(BreakGlassCode, on_delete=models.SET_NULL, null=True, related_name="+")
    used_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        indexes = [
            models.Index(fields=["tenant", "state", "expires_at"], name="approval_by_state"),
            models.Index(fields=["tenant", "requester", "session_id"], name="approval_by_session"),
        ]

    def __str__(self) -> str:
        return f"{self.act} of {self.requester_name}"

    @property
    def expired(self) -> bool:
        """Whether nobody decided, or nobody used what was decided, in time."""
        now = clock.now()
        if self.state == State.WAITING:
            return now >= self.expires_at
        return self.state == State.APPROVED and self.valid_until is not None and now >= self.valid_until

    @property
    def holds(self) -> bool:
        """Whether it was approved and used, and still lets its session in."""
        return self.state == State.USED and self.valid_until is not None and clock.now() < self.valid_until


class ApprovalPolicy(TenantModel):
    """What an organisation demands a second person for, beside its roles' own rule. At most one row."""

    roles_need_second = models.BooleanField(default=False)
    sign_in_holds_s = models.IntegerField(
        default=HOLDS_S_USUAL, validators=[MinValueValidator(HOLDS_S_LEAST), MaxValueValidator(HOLDS_S_MOST)]
    )
    version = models.IntegerField(default=1)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints: ClassVar[list[Any]] = [
            models.UniqueConstraint(fields=["tenant"], name="approval_policy_once"),
            models.CheckConstraint(
                condition=Q(sign_in_holds_s__gte=HOLDS_S_LEAST, sign_in_holds_s__lte=HOLDS_S_MOST),
                name="approval_holds_in_bounds",
            ),
        ]

    def __str__(self) -> str:
        return f"approval policy of {self.tenant_id}"
