from django.apps import AppConfig


class TenantsConfig(AppConfig):
    """Who belongs where, and who may do what."""

    name = "tenants"

    def ready(self) -> None:
        from tenants import checks  # noqa: F401  registers the system check
