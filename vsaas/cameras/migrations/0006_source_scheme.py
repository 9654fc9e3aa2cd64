from django.db import migrations, models


class Migration(migrations.Migration):
    """Whether a camera's link is encrypted. Sources set before stay without an answer: their address cannot be opened."""

    dependencies = [("cameras", "0005_membership_camera")]

    operations = [
        migrations.AddField(
            model_name="camerasource",
            name="scheme",
            field=models.CharField(max_length=8, default="", db_default="", blank=True),
        )
    ]
