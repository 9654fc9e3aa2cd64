from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("cameras", "0009_recording")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="events",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
