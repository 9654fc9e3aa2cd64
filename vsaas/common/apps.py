from django.apps import AppConfig


class CommonConfig(AppConfig):
    """What every part of the portal shares: errors, clock, tasks, connections."""

    name = "vsaas.common"
    label = "common"
