from django.db import migrations

TIE = """
ALTER TABLE tenants_membership ADD CONSTRAINT tenants_membership_camera_id_same_tenant
FOREIGN KEY (tenant_id, camera_id) REFERENCES cameras_camera (tenant_id, id)
ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
"""
UNTIE = "ALTER TABLE tenants_membership DROP CONSTRAINT tenants_membership_camera_id_same_tenant"


class Migration(migrations.Migration):
    """A role on one camera names a camera of the same tenant, and goes with it. `tenants` does not know cameras, so the
    key is tied here."""

    dependencies = [("cameras", "0004_saved_view"), ("tenants", "0004_roles_and_places")]

    operations = [migrations.RunSQL(TIE, UNTIE, hints={"database": "default"})]
