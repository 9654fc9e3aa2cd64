from django.db import migrations, models


class Migration(migrations.Migration):
    """The certificate of a camera that a person accepted."""

    dependencies = [("cameras", "0006_source_scheme")]

    operations = [
        migrations.AddField(
            model_name="camera",
            name="certificate",
            field=models.BinaryField(max_length=32, null=True, blank=True),
        )
    ]
