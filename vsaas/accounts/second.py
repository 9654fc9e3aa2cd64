"""What accounts tell approvals, which stand below them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest

from vsaas.accounts import acts, people, signin, user_agents
from vsaas.accounts.models import Account, TotpDevice
from vsaas.approvals.people import Accounts


def for_approvals() -> Accounts:
    """What `vsaas.approvals.people` asks for."""
    return Accounts(
        check_factor=_check_factor,
        check_password=signin.check_own_password,
        access_version=people.version_of,
        device_of=_device_of,
        device_spoken=acts.device_spoken,
        may_join=_may_join,
    )


def _check_factor(request: HttpRequest, account: Any, code: str) -> bool:
    return signin.check_factor(request, account, code) is not None


def _device_of(request: HttpRequest) -> str:
    return user_agents.device_of(request.headers.get("User-Agent", ""))


def _may_join(ids: set[UUID]) -> set[UUID]:
    able = TotpDevice.objects.filter(confirmed=True, user_id__in=ids).values("user_id")
    return set(Account.objects.filter(pk__in=able, is_active=True).values_list("pk", flat=True))
