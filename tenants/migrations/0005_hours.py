from django.db import migrations, models

# Where all sites of an organisation lie in one zone, its hours are meant in that one.
ZONE_OF_SITES = """
UPDATE tenants_tenant t SET timezone = s.zone
FROM (SELECT tenant_id, min(timezone) AS zone FROM tenants_site GROUP BY tenant_id HAVING count(DISTINCT timezone) = 1) s
WHERE s.tenant_id = t.id
"""


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_roles_and_places")]

    operations = [
        migrations.AddField(
            model_name="tenant",
            name="timezone",
            field=models.CharField(db_default="UTC", default="UTC", max_length=64),
        ),
        migrations.AddField(
            model_name="tenant",
            name="holidays",
            field=models.JSONField(blank=True, db_default=[], default=list),
        ),
        migrations.RunSQL(ZONE_OF_SITES, migrations.RunSQL.noop, hints={"database": "default"}),
    ]
