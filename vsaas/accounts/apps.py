from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """People: sign-in, second factors, sessions, set-up."""

    name = "vsaas.accounts"
    label = "accounts"
