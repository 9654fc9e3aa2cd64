from django.db import migrations


class Migration(migrations.Migration):
    """Tries are counted in Redis: a row's count went with the transaction of a request that was refused."""

    dependencies = [
        ("accounts", "0010_sent_codes"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="sentfactor",
            name="tries_left",
        ),
    ]
