import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.scope
import vsaas.common.clock
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0009_sign_in_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="account",
            name="password_by_mail",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="signinpolicy",
            name="code_minutes",
            field=models.PositiveSmallIntegerField(db_default=5, default=5),
        ),
        migrations.CreateModel(
            name="SentFactor",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "name",
                    models.CharField(help_text="The human-readable name of this device.", max_length=64),
                ),
                ("confirmed", models.BooleanField(default=True, help_text="Is this device ready for use?")),
                (
                    "throttling_failure_timestamp",
                    models.DateTimeField(
                        blank=True,
                        default=None,
                        help_text="A timestamp of the last failed verification attempt. Null if last attempt succeeded.",
                        null=True,
                    ),
                ),
                (
                    "throttling_failure_count",
                    models.PositiveIntegerField(default=0, help_text="Number of successive failed attempts."),
                ),
                ("kind", models.CharField(max_length=40)),
                ("number_sealed", models.BinaryField(null=True)),
                ("created_at", models.DateTimeField(default=vsaas.common.clock.now, editable=False)),
                ("asked_in", models.CharField(blank=True, max_length=64)),
                ("asked_at", models.DateTimeField(null=True)),
                ("code_hash", models.BinaryField(null=True)),
                ("expires_at", models.DateTimeField(null=True)),
                ("tries_left", models.PositiveSmallIntegerField(default=0)),
                ("trouble", models.CharField(blank=True, max_length=200)),
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
                    "user",
                    models.ForeignKey(
                        help_text="The user that this device belongs to.",
                        on_delete=django.db.models.deletion.CASCADE,
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "user", "kind"), name="sent_factor_once")
                ],
            },
        ),
        *rls.protect("accounts_sentfactor"),
        *rls.composite_fk("accounts_sentfactor", "user_id", "accounts_account"),
    ]
