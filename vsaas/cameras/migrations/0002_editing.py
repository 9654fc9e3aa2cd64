from django.db import migrations, models


class Migration(migrations.Migration):
    """Names up to 200 characters, a version for editing, deletion. New columns have defaults in the database, so code of
    the release before can still write; it shows a deleted camera as a disabled one."""

    dependencies = [("cameras", "0001_initial")]

    operations = [
        migrations.AlterField(model_name="camera", name="name", field=models.CharField(max_length=200)),
        migrations.AddField(
            model_name="camera",
            name="version",
            field=models.PositiveIntegerField(default=1, db_default=1),
        ),
        migrations.AddField(
            model_name="camera", name="deleted_at", field=models.DateTimeField(null=True, blank=True)
        ),
        migrations.AddField(
            model_name="camera",
            name="erase_footage",
            field=models.BooleanField(default=False, db_default=False),
        ),
        migrations.RemoveConstraint(model_name="camera", name="camera_name_once_per_site"),
        migrations.AddConstraint(
            model_name="camera",
            constraint=models.UniqueConstraint(
                fields=("tenant", "site", "name"),
                name="camera_name_once_per_site",
                condition=models.Q(("deleted_at__isnull", True)),
            ),
        ),
    ]
