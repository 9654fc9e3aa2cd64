from django.apps import AppConfig


class CamerasConfig(AppConfig):
    """Cameras and their sources."""

    name = "vsaas.cameras"
    label = "cameras"

    def ready(self) -> None:
        """Who may see a camera is decided below; where cameras and their groups are is known here."""
        from tenants.access import register_cameras
        from vsaas.agents.editing import register_take_along
        from vsaas.agents.succession import register_hand_over
        from vsaas.agents.telling import register_teller
        from vsaas.audit.cameras import register_camera_source
        from vsaas.cameras.commands import tell_agent
        from vsaas.cameras.handing_over import hand_over
        from vsaas.cameras.models import Camera, CameraGroup
        from vsaas.cameras.protection import certificate_findings, link_findings
        from vsaas.cameras.services import take_along
        from vsaas.cameras.shown import cameras_of_the_log
        from vsaas.installation.organisations import register_source

        register_source(link_findings)
        register_source(certificate_findings)
        register_teller(tell_agent)
        register_hand_over(hand_over)
        register_take_along(take_along)
        register_cameras(
            lambda: Camera.objects.all(), lambda: CameraGroup.objects.all(), CameraGroup.names_of
        )
        register_camera_source(cameras_of_the_log)
