"""Heartbeats tell of the box as well."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("agents", "0003_agent_name_200")]

    operations = [
        migrations.AddField(
            model_name="agenthealth", name="box", field=models.JSONField(blank=True, null=True)
        ),
    ]
