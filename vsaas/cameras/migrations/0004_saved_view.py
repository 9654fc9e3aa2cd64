import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("cameras", "0003_groups"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                (
                    "layout",
                    models.CharField(
                        choices=[
                            ("auto", "Automatic"),
                            ("1", "One"),
                            ("2x2", "2 × 2"),
                            ("3x3", "3 × 3"),
                            ("1+5", "1 + 5"),
                            ("4x4", "4 × 4"),
                            ("5x5", "5 × 5"),
                        ],
                        default="auto",
                        max_length=8,
                    ),
                ),
                (
                    "cameras",
                    django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), size=None),
                ),
                ("carousel_s", models.PositiveSmallIntegerField(null=True)),
                ("shared", models.BooleanField(default=False)),
                ("changed_at", models.DateTimeField()),
                (
                    "account",
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
            ],
            options={
                "ordering": ["name", "id"],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.AddConstraint(
            model_name="savedview",
            constraint=models.UniqueConstraint(
                fields=("tenant", "account", "name"), name="saved_view_name_once_per_account"
            ),
        ),
        *rls.protect("cameras_savedview"),
        *rls.composite_fk("cameras_savedview", "account_id", "accounts_account"),
    ]
