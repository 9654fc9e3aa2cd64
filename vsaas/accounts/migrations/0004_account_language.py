from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_access_tokens")]

    operations = [
        migrations.AddField("account", "language", models.CharField(max_length=16, null=True, blank=True)),
    ]
