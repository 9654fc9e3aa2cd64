from django.db import migrations, models


class Migration(migrations.Migration):
    """What a camera offers by ONVIF, as its agent saw it last."""

    dependencies = [("cameras", "0015_hardware")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="offers",
            field=models.JSONField(blank=True, null=True),
        ),
    ]
