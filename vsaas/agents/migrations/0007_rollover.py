"""Agents' keys are rolled over: an agent has keys of before, and what became of the newest wish for others."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls

STATES = [
    ("asked", "waits for the agent"),
    ("offered", "waits for the organisation's signature"),
    ("stated", "in use"),
    ("done", "done"),
    ("refused", "refused"),
    ("no-answer", "no answer"),
]


class Migration(migrations.Migration):
    dependencies = [("agents", "0006_updates")]

    operations = [
        migrations.AddField(
            model_name="agentkey", name="replaced_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="agentkey", name="ended_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.RemoveConstraint(model_name="agentkey", name="agents_one_key_per_purpose"),
        migrations.AddConstraint(
            model_name="agentkey",
            constraint=models.UniqueConstraint(
                condition=models.Q(("replaced_at", None)),
                fields=("tenant", "agent", "purpose"),
                name="agents_one_key_in_force",
            ),
        ),
        migrations.RunSQL(
            "GRANT UPDATE (replaced_at, ended_at) ON agents_agentkey TO vsaas_app",
            "REVOKE UPDATE (replaced_at, ended_at) ON agents_agentkey FROM vsaas_app",
            hints={"database": "default"},
        ),
        migrations.CreateModel(
            name="AgentRollover",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("state", models.CharField(choices=STATES, default="asked", max_length=16)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("asked_at", models.DateTimeField()),
                ("offered_at", models.DateTimeField(blank=True, null=True)),
                ("record_public", models.BinaryField(blank=True, max_length=32, null=True)),
                ("transport_public", models.BinaryField(blank=True, max_length=32, null=True)),
                ("box_public", models.BinaryField(blank=True, max_length=32, null=True)),
                ("submitted", models.BooleanField(default=False)),
                ("rolled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "agent",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rollover",
                        to="agents.agent",
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
        *rls.protect("agents_agentrollover", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("agents_agentrollover", "agent_id", "agents_agent"),
    ]
