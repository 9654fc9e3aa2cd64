"""Django's authentication backend over the current tenant's accounts."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from vsaas.accounts.models import Account, normalise_email


class TenantBackend(BaseBackend):
    """E-mail and password, within the tenant's scope. An unknown address costs the same hashing as a known one."""

    def authenticate(
        self,
        request: HttpRequest | None,
        email: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> Account | None:
        if email is None or password is None:
            return None
        account = Account.objects.filter(email=normalise_email(email)).first()
        if account is None:
            make_password(password)  # equal work, so that the time does not tell who has an account
            return None
        if not account.check_password(password) or not account.is_active:
            return None
        return account

    def get_user(self, user_id: UUID) -> Account | None:
        return Account.objects.filter(pk=user_id, is_active=True).first()
