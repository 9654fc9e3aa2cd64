"""Having a code sent: `vsaas.accounts.sent_codes` says what holds of it."""

from __future__ import annotations

import math
import secrets

from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tenants.errors import VsaasError
from tenants.scope import current_tenant_id
from vsaas.accounts import acts, letters, rules, sent_codes, tasks, throttle
from vsaas.accounts.models import Account, SentFactor
from vsaas.audit.services import record_act, who
from vsaas.common import clock
from vsaas.common.errors import InvalidField, TooMany
from vsaas.mail import outbox

AGAIN_AFTER_S = 60


def ask(request: HttpRequest, account: Account, kind: str) -> None:
    """Have a code sent, good in this session alone; those before are good no more. Raises InvalidField for a way that is not
    offered, TooMany."""
    if kind not in sent_codes.usable(account):
        raise InvalidField("kind", _("no code can be sent to you that way"))
    ask_at(request, _row(account, kind))


def _row(account: Account, kind: str) -> SentFactor:
    row, _made = SentFactor.objects.get_or_create(
        user=account, kind=kind, defaults={"name": kind, "confirmed": True}
    )
    return row


def try_to_ask(request: HttpRequest, account: Account, kind: str) -> VsaasError | None:
    """The same for a page, which says what was wrong."""
    try:
        ask(request, account, kind)
    except (InvalidField, TooMany) as error:
        return error
    return None


def ask_at(request: HttpRequest, factor: SentFactor) -> None:
    """The same of a row, confirmed or not. Raises TooMany."""
    row = SentFactor.objects.select_for_update(of=("self",)).select_related("user").get(pk=factor.pk)
    now = clock.now()
    if row.asked_at is not None and (waited := (now - row.asked_at).total_seconds()) < AGAIN_AFTER_S:
        raise TooMany(retry_after_s=math.ceil(AGAIN_AFTER_S - waited))
    throttle.SENT.attempt(str(row.tenant_id), str(row.user_id))
    nonce = secrets.token_urlsafe(32)
    request.session[sent_codes.KEPT] = [row.pk.hex, nonce]
    row.asked_in, row.asked_at = sent_codes.hash_nonce(nonce), now
    row.code_hash, row.expires_at, row.trouble = None, None, ""
    row.save()
    record_act(acts.CODE_ASKED, who(row.user), request=request, factor=sent_codes.noun_of(row.kind))
    _hand_over(row)


def _hand_over(row: SentFactor) -> None:
    if row.kind == rules.EMAIL_CODE:
        about = {"factor": str(row.pk), "asked_in": row.asked_in}
        outbox.post(letters.sign_in_code, row.user.email, about, language=row.user.language)
    else:
        language = row.user.language or get_language() or "en"
        tasks.send_code.enqueue(str(current_tenant_id()), str(row.pk), row.asked_in, language)
