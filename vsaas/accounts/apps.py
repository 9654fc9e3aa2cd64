from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People: sign-in, second factors, sessions, set-up."""

    name = "vsaas.accounts"
    label = "accounts"

    def ready(self) -> None:
        from vsaas.accounts import role_limits
        from vsaas.accounts.second import declare_acts, for_approvals
        from vsaas.approvals.people import register_accounts

        register_accounts(for_approvals())
        declare_acts()
        role_limits.declare_it()
