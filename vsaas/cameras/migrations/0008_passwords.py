import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    """Passwords of cameras that agents set: what is known of each, runs of changes and their schedules."""

    dependencies = [
        ("cameras", "0007_certificate"),
        ("tenants", "0006_sign_in_rules"),
    ]

    operations = [
        migrations.CreateModel(
            name="PasswordRun",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("about", models.CharField(max_length=300)),
                ("asked_by", models.CharField(blank=True, default="", max_length=200)),
                ("restores", models.BooleanField(default=False)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
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
                "ordering": ["-started_at", "-id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="PasswordChange",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("asked", "under way"),
                            ("done", "done"),
                            ("failed", "not done"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("cause", models.CharField(blank=True, default="", max_length=40)),
                ("asked_at", models.DateTimeField(blank=True, null=True)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="cameras.camera"
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
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="changes",
                        to="cameras.passwordrun",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="PasswordSchedule",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("group", models.CharField(blank=True, default="", max_length=200)),
                (
                    "months",
                    models.PositiveSmallIntegerField(
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(60),
                        ]
                    ),
                ),
                (
                    "hour",
                    models.PositiveSmallIntegerField(
                        validators=[django.core.validators.MaxValueValidator(23)]
                    ),
                ),
                ("begun_at", models.DateTimeField()),
                (
                    "site",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="tenants.site",
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
        migrations.CreateModel(
            name="CameraPassword",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("service", models.CharField(blank=True, default="", max_length=1000)),
                ("way", models.CharField(default="onvif", max_length=40)),
                ("changed_at", models.DateTimeField(blank=True, null=True)),
                ("change", models.UUIDField(blank=True, null=True)),
                ("sealed", models.BinaryField(blank=True, null=True)),
                ("recipient", models.BinaryField(blank=True, max_length=16, null=True)),
                ("former_main", models.BinaryField(blank=True, null=True)),
                ("former_sub", models.BinaryField(blank=True, null=True)),
                ("spare", models.BinaryField(blank=True, null=True)),
                ("spare_change", models.UUIDField(blank=True, null=True)),
                ("spare_recipient", models.BinaryField(blank=True, max_length=16, null=True)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="passwords",
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("tenant", "camera"), name="camera_password_once_per_camera"
                    )
                ],
            },
        ),
        migrations.AddIndex(
            model_name="passwordrun",
            index=models.Index(
                condition=models.Q(("ended_at__isnull", True)), fields=["tenant"], name="password_run_open"
            ),
        ),
        migrations.AddIndex(
            model_name="passwordchange",
            index=models.Index(fields=["tenant", "camera", "ended_at"], name="password_change_of_camera"),
        ),
        migrations.AddConstraint(
            model_name="passwordchange",
            constraint=models.UniqueConstraint(
                fields=("tenant", "run", "camera"), name="password_change_once_per_run"
            ),
        ),
        migrations.AddConstraint(
            model_name="passwordschedule",
            constraint=models.UniqueConstraint(
                fields=("tenant", "site", "group"),
                name="password_schedule_once_per_place",
                nulls_distinct=False,
            ),
        ),
        *rls.protect("cameras_camerapassword"),
        *rls.composite_fk("cameras_camerapassword", "camera_id", "cameras_camera"),
        *rls.protect("cameras_passwordrun"),
        *rls.protect("cameras_passwordchange"),
        *rls.composite_fk("cameras_passwordchange", "run_id", "cameras_passwordrun"),
        *rls.composite_fk("cameras_passwordchange", "camera_id", "cameras_camera"),
        *rls.protect("cameras_passwordschedule"),
        *rls.composite_fk("cameras_passwordschedule", "site_id", "tenants_site"),
    ]
