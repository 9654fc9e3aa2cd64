import django.db.models.deletion
from django.db import migrations, models

import tenants.ids
import tenants.scope
from tenants import rls


class Migration(migrations.Migration):
    dependencies = [("cameras", "0002_editing"), ("tenants", "0003_site_name_200")]

    operations = [
        migrations.CreateModel(
            name="CameraGroup",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=tenants.ids.uuid7, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "camera",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="groups",
                        to="cameras.camera",
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        default=tenants.scope.tenant_default,
                        editable=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="tenants.tenant",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [models.Index(fields=["tenant", "name"], name="camera_group_name")],
                "constraints": [
                    models.UniqueConstraint(fields=("tenant", "camera", "name"), name="camera_group_once")
                ],
            },
        ),
        *rls.protect("cameras_cameragroup", grants=("SELECT", "INSERT", "DELETE")),
        *rls.composite_fk("cameras_cameragroup", "camera_id", "cameras_camera"),
    ]
