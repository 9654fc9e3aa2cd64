import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


def _tenant() -> models.ForeignKey:
    return models.ForeignKey(
        default=tenants.scope.tenant_default,
        editable=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name="+",
        to="tenants.tenant",
    )


def _id() -> models.UUIDField:
    return models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False)


class Migration(migrations.Migration):
    """Checklists of cameras and the sign-offs of sites."""

    dependencies = [
        ("cameras", "0010_events"),
        ("tenants", "0006_sign_in_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="CameraCheck",
            fields=[
                ("id", _id()),
                ("point", models.CharField(max_length=20)),
                ("reason", models.CharField(blank=True, default="", max_length=300)),
                ("by_id", models.UUIDField()),
                ("by_name", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="checks",
                        to="cameras.camera",
                    ),
                ),
                ("tenant", _tenant()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "camera", "point"), name="camera_check_once_per_point"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SignOff",
            fields=[
                ("id", _id()),
                ("by_name", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                ("remarks", models.CharField(blank=True, default="", max_length=2000)),
                ("signed", models.BinaryField()),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.site"
                    ),
                ),
                ("tenant", _tenant()),
            ],
            options={
                "ordering": ["-at", "-id"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "site", "at"], name="sign_off_of_site")],
            },
        ),
        *rls.protect("cameras_cameracheck"),
        *rls.composite_fk("cameras_cameracheck", "camera_id", "cameras_camera"),
        *rls.protect("cameras_signoff"),
        *rls.composite_fk("cameras_signoff", "site_id", "tenants_site"),
    ]
