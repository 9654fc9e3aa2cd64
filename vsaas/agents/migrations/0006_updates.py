"""Signed, staged updates of agents."""

import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


def _tenant_fields():
    return [
        (
            "id",
            models.UUIDField(default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False),
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
    ]


OPTIONS = {"abstract": False, "base_manager_name": "objects"}
STATES = [
    ("none", "not ordered"),
    ("planned", "waits for its window"),
    ("ordered", "under way"),
    ("installed", "installed"),
    ("rolled-back", "went back"),
    ("refused", "not installed"),
    ("no-answer", "no answer"),
]
ROLLOUT_STATES = [("running", "under way"), ("stopped", "stopped"), ("done", "done")]


class Migration(migrations.Migration):
    dependencies = [("agents", "0005_succession")]

    operations = [
        migrations.AddField(
            model_name="agenthealth", name="update", field=models.JSONField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="AgentUpdate",
            fields=[
                *_tenant_fields(),
                (
                    "agent",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="ordered_update",
                        to="agents.agent",
                    ),
                ),
                ("held", models.BooleanField(default=False)),
                ("version", models.CharField(blank=True, max_length=40)),
                ("document", models.BinaryField(blank=True, max_length=32, null=True)),
                ("attempt", models.PositiveIntegerField(default=0)),
                ("stage", models.PositiveIntegerField(blank=True, null=True)),
                ("state", models.CharField(choices=STATES, default="none", max_length=16)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("interruption_ms", models.BigIntegerField(blank=True, null=True)),
                ("ordered_at", models.DateTimeField(blank=True, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
            ],
            options=OPTIONS,
        ),
        migrations.CreateModel(
            name="UpdatePolicy",
            fields=[
                *_tenant_fields(),
                ("automatic", models.BooleanField(default=False)),
                ("days", models.JSONField(default=list)),
                ("starts", models.CharField(default="02:00", max_length=5)),
                ("ends", models.CharField(default="05:00", max_length=5)),
                ("first", models.JSONField(default=list)),
                ("healthy_hours", models.PositiveIntegerField(default=24)),
                ("wave_percent", models.PositiveSmallIntegerField(default=25)),
                ("stop_percent", models.PositiveSmallIntegerField(default=20)),
            ],
            options=OPTIONS
            | {"constraints": [models.UniqueConstraint(fields=["tenant"], name="agents_one_update_policy")]},
        ),
        migrations.CreateModel(
            name="UpdateRollout",
            fields=[
                *_tenant_fields(),
                ("version", models.CharField(max_length=40)),
                ("document", models.BinaryField(max_length=32)),
                ("state", models.CharField(choices=ROLLOUT_STATES, default="running", max_length=16)),
                ("stage", models.PositiveIntegerField(default=0)),
                ("started_at", models.DateTimeField()),
                ("stage_at", models.DateTimeField()),
                ("reason", models.CharField(blank=True, max_length=200)),
            ],
            options=OPTIONS
            | {
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "running")),
                        fields=("tenant",),
                        name="agents_one_rollout_runs",
                    )
                ]
            },
        ),
        *rls.protect("agents_agentupdate", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.composite_fk("agents_agentupdate", "agent_id", "agents_agent"),
        *rls.protect("agents_updatepolicy", grants=("SELECT", "INSERT", "UPDATE")),
        *rls.protect("agents_updaterollout", grants=("SELECT", "INSERT", "UPDATE")),
    ]
