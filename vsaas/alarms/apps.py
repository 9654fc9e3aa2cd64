from django.apps import AppConfig


class AlarmsConfig(AppConfig):
    """Alarms: agents and cameras that fell silent, and who is told."""

    name = "vsaas.alarms"
    label = "alarms"

    def ready(self) -> None:
        from vsaas.alarms.shown import open_count
        from vsaas.common.pages import register_count

        register_count("alarms", open_count)
