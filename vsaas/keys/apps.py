from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Tenant keys, statements, envelopes, releases."""

    name = "vsaas.keys"
    label = "keys"
