from django.db import migrations, models


class Migration(migrations.Migration):
    """What agents themselves look for in pictures."""

    dependencies = [("cameras", "0012_commission")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="detection",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
