from django.db import migrations, models


class Migration(migrations.Migration):
    """What a camera said it is when it was found."""

    dependencies = [("cameras", "0013_detection")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="hardware",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
