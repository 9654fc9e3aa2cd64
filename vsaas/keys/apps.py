from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Tenant keys, statements, envelopes, releases."""

    name = "vsaas.keys"
    label = "keys"

    def ready(self) -> None:
        from vsaas.common.pages import register_banner
        from vsaas.keys.pages import banner

        register_banner(banner)
