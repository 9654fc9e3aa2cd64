from django.apps import AppConfig


class LiveConfig(AppConfig):
    """Control and live sockets, hub."""

    name = "vsaas.live"
    label = "live"

    def ready(self) -> None:
        from vsaas.live import news

        news.connect()
