import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import tenants.ids
import tenants.scope
import vsaas.common.clock
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_people"),
        ("tenants", "0003_site_name_200"),
    ]

    operations = [
        migrations.CreateModel(
            name="AccessToken",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("token_hash", models.BinaryField(unique=True)),
                ("hint", models.CharField(max_length=20)),
                ("scopes", models.JSONField()),
                ("created_at", models.DateTimeField(default=vsaas.common.clock.now, editable=False)),
                ("expires_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(null=True)),
                ("last_used_at", models.DateTimeField(null=True)),
                ("last_used_network", models.CharField(blank=True, max_length=64)),
                ("use_audited_at", models.DateTimeField(null=True)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="access_tokens",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
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
        *rls.protect("accounts_accesstoken"),
        *rls.composite_fk("accounts_accesstoken", "account_id", "accounts_account"),
        *rls.composite_fk("accounts_accesstoken", "site_id", "tenants_site"),
        *rls.definer_function(
            "lookup_access_token",
            "p_hash bytea",
            "TABLE (id uuid, slug text, name text, token uuid)",
            "SELECT t.id, t.slug::text, t.name::text, a.id FROM accounts_accesstoken a "
            "JOIN tenants_tenant t ON t.id = a.tenant_id WHERE a.token_hash = p_hash",
        ),
    ]
