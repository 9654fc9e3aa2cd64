from django.db import migrations

from vsaas.footage import schema


class Migration(migrations.Migration):
    """Events are found by camera and time without looking at the other records (`events`)."""

    dependencies = [("footage", "0003_late")]

    operations = [migrations.RunSQL(schema.ADD_EVENTS, schema.DROP_EVENTS)]
