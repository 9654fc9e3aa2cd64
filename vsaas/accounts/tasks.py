"""Periodic work of the accounts."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from tenants.lookups import tenants_for_task
from tenants.scope import tenant_scope
from vsaas.accounts import devices, sent_codes
from vsaas.accounts.factor_plugins import NotDelivered, plugins
from vsaas.accounts.models import (
    AccessToken,
    Account,
    AccountLink,
    Invitation,
    KnownDevice,
    RememberedBrowser,
    Session,
    SetupLink,
)
from vsaas.approvals.models import ApprovalRequest
from vsaas.common import clock
from vsaas.common.models import KeptAnswer
from vsaas.common.tasks import platform_task

KEEP_LINKS = dt.timedelta(days=7)
KEEP_INVITATIONS = dt.timedelta(days=30)
KEEP_TOKENS = dt.timedelta(days=30)
KEEP_REQUESTS = dt.timedelta(days=30)


@platform_task(
    "hands one code of a tenant's account to the plug-in that sends it; makes it in the tenant's scope"
)
def send_code(tenant_id: str, factor_id: str, asked_in: str, language: str) -> None:
    """Outside any transaction while the plug-in's service is spoken to. A code is made once: this task, delivered again,
    finds it made and sends nothing."""
    with tenant_scope(UUID(tenant_id)):
        made = sent_codes.make(factor_id, asked_in)
        plugin = None if made is None else plugins().get(made[0].kind)
        sending = None if made is None else sent_codes.sending_of(*made, language)
    if made is None or sending is None:
        return
    try:
        if plugin is None:
            raise NotDelivered("there is no such plug-in any more")
        plugin.send(sending)
    except NotDelivered as error:
        with tenant_scope(UUID(tenant_id)):
            sent_codes.not_sent(made[0], error)


@platform_task(
    "removes sessions, links, invitations, devices, access tokens, requests for approval and kept answers that ended, tenant by tenant",
    every_s=3600,
)
def remove_ended() -> None:
    """Each hour. What ended opens nothing any more; this only tidies up."""
    now = clock.now()
    idle_since = now - dt.timedelta(seconds=settings.SESSION_IDLE_S)
    for tenant_id in tenants_for_task("remove ended sessions"):
        with tenant_scope(tenant_id):
            Session.objects.filter(Q(expires_at__lt=now) | Q(last_seen_at__lt=idle_since)).delete()
            old_links = SetupLink.objects.filter(expires_at__lt=now - KEEP_LINKS)
            # Accounts begun by a link and never finished; one that was ever signed in to is none of them.
            Account.objects.filter(
                pk__in=old_links.values("account_id"), is_active=False, last_login=None
            ).delete()
            old_links.delete()
            # What was decided stays in the audit log; what still lets a session in stays here.
            ended = ApprovalRequest.objects.filter(expires_at__lt=now - KEEP_REQUESTS)
            ended.exclude(valid_until__gt=now).delete()
            # What became of an invitation stays in the audit log; one that ran out can be renewed for a while.
            settled = Q(accepted_at__lt=now - KEEP_LINKS) | Q(revoked_at__lt=now - KEEP_LINKS)
            Invitation.objects.filter(settled | Q(expires_at__lt=now - KEEP_INVITATIONS)).delete()
            ended = Q(expires_at__lt=now - KEEP_TOKENS) | Q(revoked_at__lt=now - KEEP_TOKENS)
            AccessToken.objects.filter(ended).delete()
            AccountLink.objects.filter(expires_at__lt=now - KEEP_LINKS).delete()
            # A session begun by its being remembered may still rest on it, for a week at most.
            RememberedBrowser.objects.filter(expires_at__lt=now - KEEP_LINKS).delete()
            KnownDevice.objects.filter(last_seen_at__lt=now - devices.DAYS).delete()
            KeptAnswer.objects.filter(expires_at__lt=now).delete()
