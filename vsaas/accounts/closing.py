"""Closing one's own account."""

from __future__ import annotations

from django.http import HttpRequest

from tenants.models import Tenant
from vsaas.accounts import acts, letters, people
from vsaas.accounts.models import Account, SetupLink
from vsaas.approvals.standing import keeps_approvers
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.mail import outbox


def close(request: HttpRequest, account: Account) -> None:
    """End one's own account: sessions, factors, access tokens and open links go with it; recordings and the audit log stay.
    Raises LastOwner, NobodyToApprove. The caller has checked password and second factor."""
    # One change of people at a time, as `people.lock_people`.
    Tenant.objects.select_for_update(no_key=True).get()
    if people.is_owner(account):
        people.keep_an_owner(account)
    people.end_links_of(account)
    SetupLink.objects.filter(account=account, used_at=None).update(expires_at=clock.now())
    before = people.grants_in_words(account)
    record_act(acts.CLOSED, who(account), what(account), request=request, email=account.email, before=before)
    about = {"name": account.name, "at_us": str(clock.now_us())}
    outbox.post(letters.account_closed, account.email, about, language=account.language)
    with keeps_approvers():
        account.delete()
    request.session.flush()
