from django.db import migrations, models


class Migration(migrations.Migration):
    """When a camera is recorded and how much of it."""

    dependencies = [("cameras", "0008_passwords")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="recording",
            field=models.JSONField(null=True, blank=True),
        )
    ]
