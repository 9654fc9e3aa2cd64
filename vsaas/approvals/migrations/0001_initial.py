import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.scope
import vsaas.common.clock
from tenants import rls


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0004_roles_and_places"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BreakGlassCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("code_hash", models.BinaryField()),
                ("made_by_name", models.CharField(max_length=120)),
                ("made_at", models.DateTimeField(default=vsaas.common.clock.now, editable=False)),
                ("revoked_at", models.DateTimeField(null=True)),
                ("used_by_name", models.CharField(blank=True, max_length=120)),
                ("used_at", models.DateTimeField(null=True)),
                ("acknowledged_at", models.DateTimeField(null=True)),
                (
                    "made_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "used_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ApprovalRequest",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("act", models.CharField(max_length=60)),
                ("requester_name", models.CharField(max_length=120)),
                ("session_id", models.UUIDField()),
                ("parameters", models.JSONField()),
                ("digest", models.BinaryField()),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("network", models.CharField(blank=True, max_length=64)),
                ("device", models.CharField(blank=True, max_length=80)),
                ("asked_at", models.DateTimeField(default=vsaas.common.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("approved", "Approved"),
                            ("used", "Used"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("decided_by_name", models.CharField(blank=True, max_length=120)),
                ("decided_at", models.DateTimeField(null=True)),
                ("used_at", models.DateTimeField(null=True)),
                ("valid_until", models.DateTimeField(null=True)),
                (
                    "decided_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requester",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "break_glass",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="approvals.breakglasscode",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="ApprovalPolicy",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("roles_need_second", models.BooleanField(default=False)),
                (
                    "sign_in_holds_s",
                    models.IntegerField(
                        default=28800,
                        validators=[
                            django.core.validators.MinValueValidator(900),
                            django.core.validators.MaxValueValidator(604800),
                        ],
                    ),
                ),
                ("version", models.IntegerField(default=1)),
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
                    models.UniqueConstraint(fields=("tenant",), name="approval_policy_once"),
                    models.CheckConstraint(
                        condition=models.Q(("sign_in_holds_s__gte", 900), ("sign_in_holds_s__lte", 604800)),
                        name="approval_holds_in_bounds",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="breakglasscode",
            constraint=models.UniqueConstraint(fields=("tenant", "code_hash"), name="break_glass_code_once"),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(fields=["tenant", "state", "expires_at"], name="approval_by_state"),
        ),
        migrations.AddIndex(
            model_name="approvalrequest",
            index=models.Index(fields=["tenant", "requester", "session_id"], name="approval_by_session"),
        ),
        *rls.protect("approvals_breakglasscode"),
        *rls.composite_fk("approvals_breakglasscode", "made_by_id", "accounts_account"),
        *rls.composite_fk("approvals_breakglasscode", "used_by_id", "accounts_account"),
        *rls.protect("approvals_approvalrequest"),
        *rls.composite_fk("approvals_approvalrequest", "requester_id", "accounts_account"),
        *rls.composite_fk("approvals_approvalrequest", "decided_by_id", "accounts_account"),
        *rls.composite_fk("approvals_approvalrequest", "break_glass_id", "approvals_breakglasscode"),
        *rls.protect("approvals_approvalpolicy"),
    ]
