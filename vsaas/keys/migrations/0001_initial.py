import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0002_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Envelope",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("tenant_id", models.UUIDField(default=tenants.scope.tenant_default, editable=False)),
                ("camera_id", models.UUIDField()),
                ("rendition_class", models.PositiveSmallIntegerField()),
                ("period_start_us", models.BigIntegerField()),
                ("key_id", models.BinaryField(max_length=16)),
                ("recipient_id", models.BinaryField(max_length=16)),
                ("recipient_epoch", models.PositiveIntegerField()),
                ("sealed", models.BinaryField(null=True)),
                ("stored_at", models.DateTimeField()),
                ("destroyed_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant_id", "key_id", "recipient_id"),
                        name="keys_envelope_once_per_recipient",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("sealed__isnull", True), ("destroyed_at__isnull", True), _connector="XOR"
                        ),
                        name="keys_envelope_sealed_or_destroyed",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Statement",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("kind", models.PositiveSmallIntegerField()),
                ("signed", models.BinaryField()),
                ("digest", models.BinaryField(max_length=32)),
                ("issued_at", models.DateTimeField()),
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
                    models.UniqueConstraint(fields=("tenant", "number"), name="keys_statement_number_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="TenantKey",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("root", "root"),
                            ("command", "command"),
                            ("deletion", "deletion"),
                            ("recipient", "recipient"),
                        ],
                        max_length=16,
                    ),
                ),
                ("epoch", models.PositiveIntegerField(default=1)),
                ("kid", models.BinaryField(max_length=16)),
                ("public_key", models.BinaryField(max_length=32)),
                ("wrapped_private", models.BinaryField()),
                ("created_at", models.DateTimeField()),
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
                    models.UniqueConstraint(fields=("tenant", "purpose", "epoch"), name="keys_one_per_epoch")
                ],
            },
        ),
        # Signed statements and wrapped keys are added, never changed.
        *rls.protect("keys_tenantkey", grants=("SELECT", "INSERT")),
        *rls.protect("keys_statement", grants=("SELECT", "INSERT")),
        # An envelope may only be destroyed.
        *rls.protect(
            "keys_envelope", database="keys", grants=("SELECT", "INSERT", "UPDATE (sealed, destroyed_at)")
        ),
    ]
