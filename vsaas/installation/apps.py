from django.apps import AppConfig


class InstallationConfig(AppConfig):
    """How safe this installation is."""

    name = "vsaas.installation"
    label = "installation"

    def ready(self) -> None:
        from vsaas.installation import checks  # noqa: F401  registers the system check
