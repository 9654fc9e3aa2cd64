"""A new box takes the place of an old one."""

from django.db import migrations, models
from django.db.models.deletion import PROTECT

from tenants import rls


class Migration(migrations.Migration):
    dependencies = [("agents", "0004_box_health")]

    operations = [
        migrations.AddField(
            model_name="agent",
            name="replaces",
            field=models.OneToOneField(
                blank=True, null=True, on_delete=PROTECT, related_name="successor", to="agents.agent"
            ),
        ),
        migrations.AddField(
            model_name="agent", name="adopted_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.AddField(
            model_name="enrolmentcode",
            name="replaces",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=PROTECT, related_name="+", to="agents.agent"
            ),
        ),
        *rls.composite_fk("agents_agent", "replaces_id", "agents_agent"),
        *rls.composite_fk("agents_enrolmentcode", "replaces_id", "agents_agent"),
    ]
