"""What approvals need to know of accounts, which stand above them: accounts register it when they start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest

from tenants.access import Actor, actor_of, in_force
from vsaas.common import clock


@dataclass(frozen=True, slots=True)
class Accounts:
    """`check_factor(request, account, code, covers)`: whether a code typed now is right and unused, or is a passkey's answer
    to what it covers; raises TooMany.
    `check_password(request, account, password)`: the same of the account's password.
    `access_version(account)`: stands for the roles and places an account has now.
    `device_of(request)`: the request's browser and system, as the audit log keeps it.
    `device_spoken(stored)`: the same in the reader's language.
    `may_join(account ids)`: those of them that could sign in at all: active, with a second factor."""

    check_factor: Callable[[HttpRequest, Any, str, bytes], bool]
    check_password: Callable[[HttpRequest, Any, str], bool]
    access_version: Callable[[Any], str]
    device_of: Callable[[HttpRequest], str]
    device_spoken: Callable[[str], str]
    may_join: Callable[[set[UUID]], set[UUID]]


_accounts: Accounts | None = None


def register_accounts(accounts: Accounts) -> None:
    """Called once, by the app of the accounts."""
    global _accounts
    _accounts = accounts


def accounts() -> Accounts:
    """What was registered; ImproperlyConfigured while nothing is."""
    if _accounts is None:
        raise ImproperlyConfigured("no accounts: vsaas.accounts registers them in its AppConfig.ready")
    return _accounts


def account(account_id: UUID) -> Any | None:
    """The active account of this id in the current tenant, or None."""
    return get_user_model().objects.filter(pk=account_id, is_active=True).first()


def actor_now(account_id: UUID | None) -> Actor | None:
    """An account's actor with the rights that hold now; None when it is gone or not active."""
    found = None if account_id is None else account(account_id)
    return None if found is None else in_force(actor_of(found), clock.now_us())


def bound(actor: Actor) -> bool:
    """Whether somebody may sign in with a second person's approval alone: a role of theirs says so, wherever they hold it."""
    return any(grant.role.needs_approval and not grant.denies for grant in actor.grants)
