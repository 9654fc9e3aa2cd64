import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls
from vsaas.footage import schema

TENANT_TABLES = (
    "footage_chain",
    "footage_finding",
    "footage_footagehour",
    "footage_footagepolicy",
    "footage_streamstatus",
    "footage_tombstone",
)
COMPOSITE_KEYS = (
    ("footage_chain", "agent_id", "agents_agent"),
    ("footage_chain", "camera_id", "cameras_camera"),
    ("footage_finding", "agent_id", "agents_agent"),
    ("footage_finding", "camera_id", "cameras_camera"),
    ("footage_footagehour", "camera_id", "cameras_camera"),
    ("footage_streamstatus", "camera_id", "cameras_camera"),
    ("footage_tombstone", "camera_id", "cameras_camera"),
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0001_initial"),
        ("cameras", "0001_initial"),
        ("tenants", "0002_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Record",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id",
                        "chain",
                        "seq",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("camera_id", models.UUIDField()),
                ("stream", models.SmallIntegerField()),
                ("chain", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("kind", models.SmallIntegerField()),
                ("state", models.SmallIntegerField(default=0)),
                ("flags", models.SmallIntegerField(default=0)),
                ("reason", models.SmallIntegerField(null=True)),
                ("start_us", models.BigIntegerField()),
                ("end_us", models.BigIntegerField()),
                ("segment", models.UUIDField(null=True)),
                ("run", models.UUIDField(null=True)),
                ("continues", models.UUIDField(null=True)),
                ("size_bytes", models.BigIntegerField(null=True)),
                ("crc32c", models.BinaryField(null=True)),
                ("claimed_us", models.BigIntegerField()),
                ("received_us", models.BigIntegerField()),
                ("hash", models.BinaryField()),
                ("version_id", models.TextField(null=True)),
                ("stored_us", models.BigIntegerField(null=True)),
            ],
            options={
                "db_table": "footage_record",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="RecordBody",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "tenant_id",
                        "chain",
                        "seq",
                        "day",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                ("chain", models.UUIDField()),
                ("seq", models.BigIntegerField()),
                ("signed", models.BinaryField()),
                ("index_part", models.BinaryField(null=True)),
            ],
            options={
                "db_table": "footage_record_body",
                "managed": False,
            },
        ),
        migrations.CreateModel(
            name="Chain",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stream", models.SmallIntegerField()),
                ("chain", models.UUIDField()),
                ("record_public", models.BinaryField()),
                ("head_seq", models.BigIntegerField()),
                ("head_hash", models.BinaryField()),
                ("forked", models.BooleanField(default=False)),
                ("opened_us", models.BigIntegerField()),
                ("genesis_reason", models.SmallIntegerField()),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.agent"
                    ),
                ),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cameras.camera"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["tenant", "agent", "camera", "stream"], name="footage_chain_of_agent"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "chain"), name="footage_chain_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Finding",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("fork", "two different records for one place in a chain"),
                            ("tip-mismatch", "an agent continued from another state than the portal knows"),
                            ("unplaced", "records whose time cannot be right"),
                            ("overlap", "segments that overlap"),
                            ("segment-repeated", "a segment id used twice"),
                            ("object-missing", "a stored object is gone"),
                            ("object-changed", "a stored object is not the one its record describes"),
                            ("object-unknown", "an object in the store that no record speaks of"),
                            ("record-refused", "records that were refused"),
                        ],
                        max_length=32,
                    ),
                ),
                ("subject", models.CharField(max_length=200)),
                ("detail", models.CharField(blank=True, default="", max_length=500)),
                ("first_us", models.BigIntegerField()),
                ("last_us", models.BigIntegerField()),
                ("count", models.BigIntegerField(default=1)),
                ("closed_us", models.BigIntegerField(null=True)),
                (
                    "agent",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                    ),
                ),
                (
                    "camera",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="cameras.camera",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "last_us"], name="footage_finding_recent")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("closed_us__isnull", True)),
                        fields=("tenant", "kind", "subject"),
                        name="footage_finding_open_once",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FootageHour",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stream", models.SmallIntegerField()),
                ("hour_us", models.BigIntegerField()),
                ("segments", models.IntegerField(default=0)),
                ("pending", models.IntegerField(default=0)),
                ("declared_bytes", models.BigIntegerField(default=0)),
                ("stored_bytes", models.BigIntegerField(default=0)),
                ("keep_from_us", models.BigIntegerField()),
                (
                    "key_ids",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.BinaryField(), default=list, size=None
                    ),
                ),
                ("checked_us", models.BigIntegerField(default=0)),
                (
                    "erasure",
                    models.SmallIntegerField(
                        choices=[
                            (0, "kept"),
                            (1, "chosen for deletion"),
                            (2, "keys destroyed"),
                            (3, "objects deleted"),
                            (4, "tombstone signed, records marked"),
                        ],
                        default=0,
                    ),
                ),
                ("erasure_policy", models.CharField(blank=True, default="", max_length=200)),
                ("erasure_until_us", models.BigIntegerField(default=0)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cameras.camera"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        condition=models.Q(("pending__gt", 0)),
                        fields=["tenant", "hour_us"],
                        name="footage_hour_pending",
                    ),
                    models.Index(
                        condition=models.Q(("erasure__lt", 4)),
                        fields=["tenant", "keep_from_us"],
                        name="footage_hour_kept",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "camera", "stream", "hour_us"), name="footage_hour_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="FootagePolicy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("retention_days", models.PositiveIntegerField(default=30)),
                ("quota_bytes", models.BigIntegerField(null=True)),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [models.UniqueConstraint(fields=("tenant",), name="footage_policy_once")],
            },
        ),
        migrations.CreateModel(
            name="StreamStatus",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stream", models.SmallIntegerField()),
                ("newest_us", models.BigIntegerField(null=True)),
                ("received_us", models.BigIntegerField()),
                ("last_kind", models.SmallIntegerField()),
                ("last_reason", models.SmallIntegerField(null=True)),
                ("oldest_unsent_us", models.BigIntegerField(null=True)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cameras.camera"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "camera", "stream"), name="footage_stream_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Tombstone",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stream", models.SmallIntegerField()),
                ("from_us", models.BigIntegerField()),
                ("to_us", models.BigIntegerField()),
                ("deleted_us", models.BigIntegerField()),
                ("policy", models.CharField(max_length=200)),
                ("segments", models.IntegerField()),
                ("signed", models.BinaryField()),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="cameras.camera"
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["tenant", "camera", "stream", "from_us"], name="footage_tombstone_range"
                    )
                ],
            },
        ),
        migrations.RunSQL(
            schema.CREATE_RECORD + schema.CREATE_RECORD_BODY + schema.PROTECT_DEFAULTS, schema.DROP_TABLES
        ),
        *rls.protect("footage_record", unique=False, grants=("SELECT", "INSERT", "UPDATE")),
        *rls.protect("footage_record_body", unique=False, grants=("SELECT", "INSERT")),
        *rls.definer_function(
            "make_partitions",
            "p_from date, p_to date, p_rescue_from date",
            "integer",
            schema.MAKE_PARTITIONS,
            execute=(rls.MAINT_ROLE,),
            language="plpgsql",
        ),
        migrations.RunSQL(
            "SELECT make_partitions(current_date - 2, current_date + 14, current_date - 400)",
            migrations.RunSQL.noop,
        ),
        *[operation for table in TENANT_TABLES for operation in rls.protect(table)],
        *[
            operation
            for table, column, ref_table in COMPOSITE_KEYS
            for operation in rls.composite_fk(table, column, ref_table)
        ],
    ]
