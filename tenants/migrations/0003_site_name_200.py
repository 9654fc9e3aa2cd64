from django.db import migrations, models


class Migration(migrations.Migration):
    """A wider column: code of the release before keeps working on it."""

    dependencies = [("tenants", "0002_membership")]

    operations = [
        migrations.AlterField(model_name="site", name="name", field=models.CharField(max_length=200)),
    ]
