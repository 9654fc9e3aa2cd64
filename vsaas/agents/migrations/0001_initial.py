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
            name="Agent",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=80)),
                ("software", models.CharField(max_length=80)),
                ("enrolled_at", models.DateTimeField()),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
                ("last_contact_at", models.DateTimeField(blank=True, null=True)),
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
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="AgentHealth",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("received_at", models.DateTimeField()),
                ("instance", models.UUIDField()),
                ("past_instances", models.JSONField(default=list)),
                ("cloned_at", models.DateTimeField(blank=True, null=True)),
                ("software", models.CharField(max_length=200)),
                ("started_us", models.BigIntegerField()),
                ("clock_offset_us", models.BigIntegerField()),
                ("clock_synchronised", models.BooleanField()),
                ("spool_bytes", models.BigIntegerField()),
                ("spool_budget_bytes", models.BigIntegerField()),
                ("disk_free_bytes", models.BigIntegerField()),
                ("days_left", models.FloatField(blank=True, null=True)),
                ("oldest_unsent_us", models.BigIntegerField(blank=True, null=True)),
                ("streams", models.JSONField(default=list)),
                (
                    "agent",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="health", to="agents.agent"
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
            name="EnrolmentCode",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("secret_hash", models.BinaryField(max_length=32, unique=True)),
                ("issued_by", models.UUIDField(blank=True, null=True)),
                ("issued_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("used_at", models.DateTimeField(blank=True, null=True)),
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
                (
                    "used_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="agents.agent",
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.CreateModel(
            name="AgentKey",
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
                        choices=[("record", "record"), ("transport", "transport"), ("box", "box")],
                        max_length=16,
                    ),
                ),
                ("kid", models.BinaryField(max_length=16, unique=True)),
                ("public_key", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField()),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="keys", to="agents.agent"
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
                        fields=("tenant", "agent", "purpose"), name="agents_one_key_per_purpose"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CommandDocument",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.PositiveIntegerField()),
                ("signed", models.BinaryField()),
                ("issued_at", models.DateTimeField()),
                (
                    "agent",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="agents.agent"
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
                        fields=("tenant", "agent", "number"), name="agents_command_number_once"
                    )
                ],
            },
        ),
        *rls.protect("agents_agent", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("agents_agent", "site_id", "tenants_site"),
        *rls.protect("agents_agentkey", grants=("SELECT", "INSERT")),
        *rls.composite_fk("agents_agentkey", "agent_id", "agents_agent"),
        *rls.protect("agents_enrolmentcode", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("agents_enrolmentcode", "site_id", "tenants_site"),
        *rls.composite_fk("agents_enrolmentcode", "used_by_id", "agents_agent"),
        *rls.protect("agents_commanddocument", grants=("SELECT", "INSERT")),
        *rls.composite_fk("agents_commanddocument", "agent_id", "agents_agent"),
        *rls.protect("agents_agenthealth", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("agents_agenthealth", "agent_id", "agents_agent"),
        *rls.definer_function(
            "lookup_agent_key",
            "p_kid bytea",
            "TABLE (tenant_id uuid, id uuid)",
            "SELECT k.tenant_id, k.agent_id FROM agents_agentkey k WHERE k.kid = p_kid",
        ),
        *rls.definer_function(
            "lookup_enrolment_code",
            "p_hash bytea",
            "TABLE (tenant_id uuid, id uuid)",
            "SELECT c.tenant_id, c.id FROM agents_enrolmentcode c WHERE c.secret_hash = p_hash",
        ),
    ]
