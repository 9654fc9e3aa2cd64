from django.db import migrations, models

from vsaas.footage import schema


class Migration(migrations.Migration):
    """The timeline is answered from its index alone: the index holds the day, and whether a record is placed."""

    dependencies = [("footage", "0001_initial")]

    operations = [
        migrations.RunSQL(schema.ADD_PLACED, schema.DROP_PLACED),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AddField("record", "placed", models.BooleanField(default=True)),
            ]
        ),
    ]
