"""What the portal knows of recorded footage.

Records stand in two tables partitioned by day: `Record` holds what is asked often (timeline, upload state),
`RecordBody` the signed bytes. No foreign key points into either; the conditional UPDATE of `Chain.head_seq` keeps
seq unique, which no index can across partitions. `FootageHour` sums up one camera-hour: it drives the confirmation
of uploads, retention and quota without touching the records.
"""

from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_noop

from tenants.models import ScopedManager, TenantModel

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


ADOPTED = 1 << 8
"""A bit of `Record.flags` beside those of `protocol.batch.RecordFlag`: the record, or what a segment holds, came off the disk
of a box that was replaced, brought by the box that took its place."""


class Chain(TenantModel):
    """Records of one agent, camera and stream since one start of the agent; `head_*` is the newest accepted one."""

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="+")
    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    stream = models.SmallIntegerField()
    chain = models.UUIDField()
    record_public = models.BinaryField()
    """The key that signs the chain's records (32 bytes), as its genesis names it."""
    head_seq = models.BigIntegerField()
    head_hash = models.BinaryField()
    forked = models.BooleanField(default=False)
    """Another record than the accepted one was once sent for a seq: a cloned box, a restored disk, or worse."""
    opened_us = models.BigIntegerField()
    genesis_reason = models.SmallIntegerField()

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "chain"], name="footage_chain_once"),
        ]
        indexes = [
            models.Index(fields=["tenant", "agent", "camera", "stream"], name="footage_chain_of_agent")
        ]

    def __str__(self) -> str:
        return f"chain {self.chain.hex} at {self.head_seq}"


class Record(models.Model):
    """One accepted record. `day` is the UTC day of `start_us`, or of receipt when the record is unplaced.

    For kinds without a span of their own, `start_us` and `end_us` are the claimed time of signing. `state` is a
    SegmentState for segments and 0 otherwise. `version_id` names the stored object's version.
    """

    pk = models.CompositePrimaryKey("tenant_id", "chain", "seq", "day")
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    day = models.DateField()
    camera_id = models.UUIDField()
    stream = models.SmallIntegerField()
    chain = models.UUIDField()
    seq = models.BigIntegerField()
    kind = models.SmallIntegerField()
    state = models.SmallIntegerField(default=0)
    flags = models.SmallIntegerField(default=0)
    placed = models.BooleanField(default=True)
    """False for what is flagged unplaced: kept, and left out of timeline and playback."""
    reason = models.SmallIntegerField(null=True)
    start_us = models.BigIntegerField()
    end_us = models.BigIntegerField()
    segment = models.UUIDField(null=True)
    run = models.UUIDField(null=True)
    continues = models.UUIDField(null=True)
    size_bytes = models.BigIntegerField(null=True)
    crc32c = models.BinaryField(null=True)
    claimed_us = models.BigIntegerField()
    received_us = models.BigIntegerField()
    hash = models.BinaryField()
    version_id = models.TextField(null=True)  # noqa: DJ001 - null: not stored yet
    stored_us = models.BigIntegerField(null=True)

    objects: ClassVar[ScopedManager[Any]] = ScopedManager()

    class Meta:
        db_table = "footage_record"
        managed = False

    def __str__(self) -> str:
        return f"record {self.seq} of chain {self.chain.hex}"


class RecordBody(models.Model):
    """The signed bytes of a record and, for a segment, its sealed index part. Same key as the Record."""

    pk = models.CompositePrimaryKey("tenant_id", "chain", "seq", "day")
    tenant = models.ForeignKey(
        "tenants.Tenant", on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    day = models.DateField()
    chain = models.UUIDField()
    seq = models.BigIntegerField()
    signed = models.BinaryField()
    index_part = models.BinaryField(null=True)

    objects: ClassVar[ScopedManager[Any]] = ScopedManager()

    class Meta:
        db_table = "footage_record_body"
        managed = False

    def __str__(self) -> str:
        return f"bytes of record {self.seq} of chain {self.chain.hex}"


class Erasure(models.IntegerChoices):
    """How far the deletion of a camera-hour has come; each step is safe to repeat."""

    KEPT = 0, "kept"
    CLAIMED = 1, "chosen for deletion"
    SHREDDED = 2, "keys destroyed"
    EMPTIED = 3, "objects deleted"
    DONE = 4, "tombstone signed, records marked"


class FootageHour(TenantModel):
    """One camera-hour of one stream: what was declared and stored, and how far its deletion has come.

    `hour_us` is the UTC hour in the object names. `keep_from_us` is when its retention starts to count: the end of
    the hour, or the time of receipt for unplaced segments, whichever is later.
    """

    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    stream = models.SmallIntegerField()
    hour_us = models.BigIntegerField()
    segments = models.IntegerField(default=0)
    pending = models.IntegerField(default=0)
    declared_bytes = models.BigIntegerField(default=0)
    stored_bytes = models.BigIntegerField(default=0)
    keep_from_us = models.BigIntegerField()
    key_ids = ArrayField(models.BinaryField(), default=list)
    checked_us = models.BigIntegerField(default=0)
    """When the store was last listed for this hour's pending objects."""
    erasure = models.SmallIntegerField(choices=Erasure.choices, default=Erasure.KEPT)
    erasure_policy = models.CharField(max_length=200, default="", blank=True)
    erasure_until_us = models.BigIntegerField(default=0)
    """While in the future, a sweep is working on the hour."""

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "camera", "stream", "hour_us"], name="footage_hour_once"
            ),
        ]
        indexes = [
            models.Index(
                fields=["tenant", "hour_us"], name="footage_hour_pending", condition=models.Q(pending__gt=0)
            ),
            models.Index(
                fields=["tenant", "keep_from_us"], name="footage_hour_kept", condition=models.Q(erasure__lt=4)
            ),
        ]

    def __str__(self) -> str:
        return f"hour {self.hour_us} of camera {self.camera_id}"


class StreamStatus(TenantModel):
    """The newest second known of one stream, and what its agent still holds back."""

    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    stream = models.SmallIntegerField()
    newest_us = models.BigIntegerField(null=True)
    received_us = models.BigIntegerField()
    last_kind = models.SmallIntegerField()
    last_reason = models.SmallIntegerField(null=True)
    oldest_unsent_us = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["tenant", "camera", "stream"], name="footage_stream_once"),
        ]

    def __str__(self) -> str:
        return f"stream {self.stream} of camera {self.camera_id}"


class Tombstone(TenantModel):
    """A deletion by policy, signed by the deletion key (SPEC 5); stands beside the records until the log exists."""

    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, related_name="+")
    stream = models.SmallIntegerField()
    from_us = models.BigIntegerField()
    to_us = models.BigIntegerField()
    deleted_us = models.BigIntegerField()
    policy = models.CharField(max_length=200)
    segments = models.IntegerField()
    signed = models.BinaryField()

    class Meta(TenantModel.Meta):
        abstract = False
        indexes = [
            models.Index(fields=["tenant", "camera", "stream", "from_us"], name="footage_tombstone_range")
        ]

    def __str__(self) -> str:
        return f"tombstone of {self.segments} segments of camera {self.camera_id}"


class FootagePolicy(TenantModel):
    """How long a tenant's footage is kept, and how much of it. Without a row, the defaults below hold."""

    DEFAULT_RETENTION_DAYS = 30

    retention_days = models.PositiveIntegerField(default=DEFAULT_RETENTION_DAYS)
    quota_bytes = models.BigIntegerField(null=True)
    """The oldest hours go first when the tenant's footage is larger; null: no limit."""

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant"], name="footage_policy_once")]

    def __str__(self) -> str:
        return f"keep {self.retention_days} days"


class FindingKind(models.TextChoices):
    """What can be wrong with footage; each is shown to people until it ends or is looked at. Labels are as the audit log keeps them."""

    FORK = "fork", gettext_noop("two different records for one place in a chain")
    TIP_MISMATCH = "tip-mismatch", gettext_noop("an agent continued from another state than the portal knows")
    UNPLACED = "unplaced", gettext_noop("records whose time cannot be right")
    OVERLAP = "overlap", gettext_noop("segments that overlap")
    SEGMENT_REPEATED = "segment-repeated", gettext_noop("a segment id used twice")
    OBJECT_MISSING = "object-missing", gettext_noop("a stored object is gone")
    OBJECT_CHANGED = "object-changed", gettext_noop("a stored object is not the one its record describes")
    OBJECT_UNKNOWN = "object-unknown", gettext_noop("an object in the store that no record speaks of")
    RECORD_REFUSED = "record-refused", gettext_noop("records that were refused")
    AFTER_REVOCATION = "after-revocation", gettext_noop("records signed after their agent was revoked")


class Finding(TenantModel):
    """A health entry about footage: counted while open, one open row per kind and subject."""

    kind = models.CharField(max_length=32, choices=FindingKind.choices)
    camera = models.ForeignKey("cameras.Camera", on_delete=models.PROTECT, null=True, related_name="+")
    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, null=True, related_name="+")
    subject = models.CharField(max_length=200)
    """The object it is about: a chain, an object name, an error name."""
    detail = models.CharField(max_length=500, blank=True, default="")
    first_us = models.BigIntegerField()
    last_us = models.BigIntegerField()
    count = models.BigIntegerField(default=1)
    closed_us = models.BigIntegerField(null=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "kind", "subject"],
                name="footage_finding_open_once",
                condition=models.Q(closed_us__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["tenant", "last_us"], name="footage_finding_recent")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"
