from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class MailConfig(AppConfig):
    """Mail to people: outbox, sending, what could not be delivered."""

    name = "vsaas.mail"
    label = "mail"

    def ready(self) -> None:
        autodiscover_modules("letters")
