from django.db import migrations, models

from tenants.rls import APP_ROLE


class Migration(migrations.Migration):
    """A wider column, and the right to delete enrolment codes that are spent, so that an empty site can go."""

    dependencies = [("agents", "0002_alarms")]

    operations = [
        migrations.AlterField(model_name="agent", name="name", field=models.CharField(max_length=200)),
        migrations.RunSQL(
            f"GRANT DELETE ON agents_enrolmentcode TO {APP_ROLE}",
            f"REVOKE DELETE ON agents_enrolmentcode FROM {APP_ROLE}",
            hints={"database": "default"},
        ),
    ]
