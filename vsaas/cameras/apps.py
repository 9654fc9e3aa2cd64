from django.apps import AppConfig


class CamerasConfig(AppConfig):
    """Cameras and their sources."""

    name = "vsaas.cameras"
    label = "cameras"
