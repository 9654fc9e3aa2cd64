"""Certificates that the organisation's authority issued to cameras."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls

STATES = [
    ("asked", "under way"),
    ("issued", "being put into the camera"),
    ("held", "in use"),
    ("failed", "not done"),
]


class Migration(migrations.Migration):
    dependencies = [("cameras", "0016_offers")]

    operations = [
        migrations.CreateModel(
            name="CameraCertificate",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("state", models.CharField(choices=STATES, default="asked", max_length=10)),
                ("cause", models.CharField(blank=True, default="", max_length=40)),
                ("change", models.UUIDField()),
                ("service", models.CharField(blank=True, default="", max_length=1000)),
                ("asked_at", models.DateTimeField()),
                ("host", models.CharField(blank=True, default="", max_length=253)),
                ("coming", models.BinaryField(blank=True, null=True)),
                ("held", models.BinaryField(blank=True, null=True)),
                ("held_until", models.DateTimeField(blank=True, null=True)),
                (
                    "camera",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="issued",
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
            options={"abstract": False, "base_manager_name": "objects"},
        ),
        *rls.protect("cameras_cameracertificate"),
        *rls.composite_fk("cameras_cameracertificate", "camera_id", "cameras_camera"),
    ]
