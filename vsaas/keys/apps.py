from django.apps import AppConfig


class KeysConfig(AppConfig):
    """Tenant keys, statements, envelopes, releases."""

    name = "vsaas.keys"
    label = "keys"

    def ready(self) -> None:
        from django.db.models.signals import pre_delete

        from vsaas.accounts.hours_pages import register_note
        from vsaas.approvals.standing import register_kept
        from vsaas.common.pages import register_banner
        from vsaas.keys.held.custody import hours_note, keep_a_holder, keeps_holders
        from vsaas.keys.pages import banner

        register_banner(banner)
        register_note(hours_note)
        register_kept(keeps_holders)
        pre_delete.connect(keep_a_holder, sender="accounts.Account", dispatch_uid="keys.keep_a_holder")
