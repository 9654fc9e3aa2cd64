import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("agents", "0001_initial"),
        ("tenants", "0002_membership"),
    ]

    operations = [
        migrations.CreateModel(
            name="Camera",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("enabled", models.BooleanField(default=True)),
                ("audio", models.BooleanField(default=True)),
                (
                    "retention_days",
                    models.PositiveIntegerField(
                        blank=True,
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(3650),
                        ],
                    ),
                ),
                ("created_at", models.DateTimeField()),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.agent"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="tenants.site"
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
                "ordering": ["name", "id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="CameraSource",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("stream", models.PositiveSmallIntegerField(choices=[(1, "main"), (2, "sub")])),
                ("sealed", models.BinaryField()),
                ("changed_at", models.DateTimeField()),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sources",
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
            },
        ),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.UniqueConstraint(
                fields=("tenant", "site", "name"), name="camera_name_once_per_site"
            ),
        ),
        migrations.AddConstraint(
            model_name="camerasource",
            constraint=models.UniqueConstraint(
                fields=("tenant", "camera", "stream"), name="camera_source_once_per_stream"
            ),
        ),
        *rls.protect("cameras_camera", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("cameras_camera", "agent_id", "agents_agent"),
        *rls.composite_fk("cameras_camera", "site_id", "tenants_site"),
        *rls.protect("cameras_camerasource"),
        *rls.composite_fk("cameras_camerasource", "camera_id", "cameras_camera"),
    ]
