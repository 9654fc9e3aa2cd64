"""The organisation's authority for its cameras."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [("keys", "0002_customer_held")]

    operations = [
        migrations.CreateModel(
            name="CameraAuthority",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("epoch", models.PositiveIntegerField()),
                ("key_id", models.BinaryField(max_length=16)),
                ("certificate", models.BinaryField()),
                ("wrapped_private", models.BinaryField()),
                ("created_at", models.DateTimeField()),
                ("not_after", models.DateTimeField()),
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
                    models.UniqueConstraint(
                        fields=("tenant", "epoch"), name="keys_one_camera_authority_per_epoch"
                    )
                ],
            },
        ),
        *rls.protect("keys_cameraauthority", grants=("SELECT", "INSERT")),
    ]
