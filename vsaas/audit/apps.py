from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class AuditConfig(AppConfig):
    """Who did what: inbox, sequencer, chained log."""

    name = "vsaas.audit"
    label = "audit"

    def ready(self) -> None:
        from vsaas.audit.services import on_refused_request
        from vsaas.common.problems import on_refusal

        autodiscover_modules("acts")
        on_refusal(on_refused_request)
