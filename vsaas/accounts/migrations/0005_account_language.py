from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_view_edit_scope")]

    operations = [
        migrations.AddField("account", "language", models.CharField(max_length=16, null=True, blank=True)),
    ]
