from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People: sign-in, second factors, sessions, set-up."""

    name = "vsaas.accounts"
    label = "accounts"

    def ready(self) -> None:
        from django.conf import settings

        from vsaas.accounts import factor_plugins, lost, owing, role_limits, rules, stepping_up
        from vsaas.accounts.second import declare_acts, for_approvals
        from vsaas.approvals.people import register_accounts
        from vsaas.common.pages import register_banner

        factor_plugins.load(settings.ENV.factor_plugins)
        register_accounts(for_approvals())
        stepping_up.register()
        rules.declare_it()
        register_banner(owing.banner)
        declare_acts()
        lost.declare_it()
        role_limits.declare_it()
