from django.apps import AppConfig


class CamerasConfig(AppConfig):
    """Cameras and their sources."""

    name = "vsaas.cameras"
    label = "cameras"

    def ready(self) -> None:
        """Who may see a camera is decided below; where cameras and their groups are is known here."""
        from tenants.access import register_cameras
        from vsaas.cameras.models import Camera, CameraGroup

        register_cameras(lambda: Camera.objects.all(), lambda: CameraGroup.objects.all())
