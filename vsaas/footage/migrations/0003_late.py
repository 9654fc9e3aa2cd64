from django.db import migrations

from vsaas.footage import schema


class Migration(migrations.Migration):
    """Segments that came at another time than they state are found without looking at the others (`timeline`)."""

    dependencies = [("footage", "0002_placed")]

    operations = [migrations.RunSQL(schema.ADD_LATE, schema.DROP_LATE)]
