from django.apps import AppConfig


class CamerasConfig(AppConfig):
    """Cameras and their sources."""

    name = "vsaas.cameras"
    label = "cameras"

    def ready(self) -> None:
        from vsaas.audit.cameras import register_camera_source
        from vsaas.cameras.shown import cameras_of_the_log

        register_camera_source(cameras_of_the_log)
