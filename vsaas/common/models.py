"""What the API itself keeps: answers to requests that may be sent again."""

from __future__ import annotations

from django.db import models

from tenants.models import TenantModel
from vsaas.common import clock


class KeptAnswer(TenantModel):
    """The answer to a request that came with an Idempotency-Key (vsaas.common.idempotency), kept for a day.

    `key_hash` stands for the caller and the key, `request_hash` for what was asked, `rights_hash` for what the caller might
    do then. `sealed` opens only with the key the caller chose, since an answer may hold something that is shown once.
    """

    key_hash = models.BinaryField(max_length=32)
    request_hash = models.BinaryField(max_length=32)
    rights_hash = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField(null=True)
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField()

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "key_hash"], name="kept_answer_once")]

    def __str__(self) -> str:
        return f"kept answer {self.id}"
