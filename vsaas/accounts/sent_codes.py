"""Codes that are sent to people as a second factor: by e-mail, or by a plug-in (`vsaas.accounts.factor_plugins`).

Six digits, good for as long as the organisation says (five minutes) and for TRIES tries, once. Of one account and kind the
newest alone holds, and only in the session it was asked in: who asks in one browser can use it in no other. One is sent a
minute at most, and fewer when none of them is used. What is kept is a keyed hash; the code itself is made when the message
goes out.

They are weaker than what a person holds themselves, so they never approve what somebody else asked for, and are accepted
only where the rules of all the person's roles say so. A code by e-mail is not accepted after a password that was set by a
link in the same mailbox, until another factor was given: else the mailbox alone would be both factors.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import redis
from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from django.utils.translation import override

from tenants.models import Tenant
from tenants.words import Text
from vsaas.accounts import acts, rules, throttle
from vsaas.accounts.factor_plugins import NotDelivered, Sending, plugins
from vsaas.accounts.models import Account, SentFactor
from vsaas.audit.services import record_act, who
from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.errors import Unavailable

KEPT = "sent_code"
DIGITS = 6
TRIES = 3
TRIES_KEPT_S = 3600  # longer than any code is good
SALT = "vsaas.sent-code"


@dataclass(frozen=True, slots=True)
class Offer:
    """A way by which a code can be sent to somebody: `to` as they recognise it. `asked`: one was, in this session, and
    `state` says what became of it: "sent", "not-sent", or "over" when it is dead."""

    kind: str
    title: Text
    to: str
    state: str

    @property
    def number(self) -> str:
        """`to` where it is a telephone number; "" for the address, which the person typed a moment ago."""
        return "" if self.kind == rules.EMAIL_CODE else self.to


# ---- what there is


def offers(request: HttpRequest, account: Account) -> list[Offer]:
    """The ways by which a code can be sent to an account, in the order of the rules."""
    ways, here = usable(account), asked_here(request, account)
    return [
        Offer(kind, title, _masked(account, kind), _state(here) if here and here.kind == kind else "")
        for kind, title in rules.kinds().items()
        if kind in ways
    ]


def relabel(request: HttpRequest, account: Account, field: forms.Field) -> None:
    """Once a code was sent in this session, the field for codes says so, in place of speaking of the app alone. Called before
    the form is drawn."""
    if any(one.state == "sent" for one in offers(request, account)):
        field.label = _("Code that was sent to you")
        field.help_text = _("Six digits. One of your app, or a recovery code, does too.")


def usable(account: Account) -> set[str]:
    """The kinds of code that can be sent to an account, and that its rules accept."""
    held = rules.kinds_held({account.pk})[account.pk] - rules.STRONG
    held &= rules.rules_of(account).kinds & rules.kinds_offered().keys()
    return held - ({rules.EMAIL_CODE} if account.password_by_mail else set())


def _masked(account: Account, kind: str) -> str:
    if kind == rules.EMAIL_CODE:
        return account.email
    number = SentFactor.objects.get(user=account, kind=kind).number
    return masked(number)


def masked(number: str) -> str:
    """A telephone number as its person knows it again: "+49 … 56"."""
    return f"{number[:3]} … {number[-2:]}"


def _state(factor: SentFactor) -> str:
    if factor.trouble:
        return "not-sent"
    if factor.expires_at is None:
        return "sent"
    over = factor.code_hash is None or clock.now() >= factor.expires_at or _tries(factor) >= TRIES
    return "over" if over else "sent"


def noun_of(kind: str) -> str:
    """What the audit log calls a code of this kind, in English."""
    plugin = plugins().get(kind)
    return acts.AN_EMAIL_CODE if plugin is None else plugin.noun


# ---- sending


def minutes() -> int:
    """For how many minutes a code is good here."""
    return rules.sign_in_rules().code_minutes


def make(factor_id: UUID | str, asked_in: str, *, again: bool = False) -> tuple[SentFactor, str] | None:
    """The code of an asking, made now that it goes out, and the way it goes; None when another was asked for since, when it
    is too late, or when it was made already and is not to be made `again` (which ends the one before)."""
    rows = SentFactor.objects.select_for_update(of=("self",)).select_related("user")
    row = rows.filter(pk=factor_id, asked_in=asked_in, user__is_active=True).first()
    if row is None or not asked_in or row.asked_at is None:
        return None
    lifetime, now = dt.timedelta(minutes=minutes()), clock.now()
    if now >= row.asked_at + lifetime or (row.expires_at is not None and not again):
        return None
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
    row.code_hash, row.expires_at = _hash_code(row, code), now + lifetime
    row.save(update_fields=["code_hash", "expires_at"])
    return row, code


def sending_of(row: SentFactor, code: str, language: str) -> Sending:
    """What a plug-in is given to send."""
    with override(language):
        words = {"code": code, "organisation": Tenant.objects.get().name, "minutes": minutes()}
        text = _(
            "%(code)s is your code for %(organisation)s. It is good for %(minutes)d minutes. Give it to nobody."
        )
        return Sending(row.number, code, text % words, language)


def not_sent(row: SentFactor, error: NotDelivered) -> None:
    """The service did not take the code: its person sees so, and the log says why."""
    SentFactor.objects.filter(pk=row.pk, asked_in=row.asked_in).update(
        trouble=str(error)[:200], code_hash=None, asked_at=None
    )
    record_act(acts.CODE_NOT_SENT, who(row.user), factor=noun_of(row.kind), error=str(error)[:200])


# ---- giving it


def take(request: HttpRequest, account: Account, code: str) -> SentFactor | None:
    """The way by which this code came, used up by that; None when it is no code that holds in this session. Each time six
    digits are given where one does is a try. Raises Unavailable."""
    row = asked_here(request, account, lock=True)
    if row is None or not row.confirmed or row.kind not in usable(account):
        return None
    return row if _took(request, row, code) else None


def take_first(request: HttpRequest, account: Account, row: SentFactor, code: str) -> bool:
    """Whether this is the code that was sent to a number which is not confirmed yet. Raises Unavailable."""
    here = asked_here(request, account, lock=True)
    return here is not None and here.pk == row.pk and _took(request, here, code)


def _took(request: HttpRequest, row: SentFactor, code: str) -> bool:
    typed = "".join(code.split())
    if row.code_hash is None or row.expires_at is None or clock.now() >= row.expires_at:
        return False
    if not (len(typed) == DIGITS and typed.isascii() and typed.isdigit()) or _count_try(row) > TRIES:
        return False
    if not hmac.compare_digest(bytes(row.code_hash), _hash_code(row, typed)):
        return False
    row.asked_in, row.code_hash = "", None
    row.save(update_fields=["asked_in", "code_hash"])
    throttle.SENT.succeeded(str(row.tenant_id), str(row.user_id))
    request.session.pop(KEPT, None)
    return True


def _count_try(row: SentFactor) -> int:
    """How many tries this makes. In Redis, where a refused request's rollback does not take it back, and where tries made at
    once count each."""
    key = _tries_key(row)
    try:
        pipe = common_redis.client().pipeline(transaction=True)
        pipe.incr(key)
        pipe.expire(key, TRIES_KEPT_S)
        return int(pipe.execute()[0])
    except redis.RedisError as error:
        raise Unavailable(_("codes cannot be checked just now; try again")) from error


def _tries(row: SentFactor) -> int:
    try:
        return int(common_redis.client().get(_tries_key(row)) or 0)
    except redis.RedisError as error:
        raise Unavailable(_("codes cannot be checked just now; try again")) from error


def _tries_key(row: SentFactor) -> str:
    return f"vsaas.sent-code.tries.{bytes(row.code_hash or b'').hex()}"


def asked_here(request: HttpRequest, account: Account, *, lock: bool = False) -> SentFactor | None:
    """The way by which this session asked last, unless another session asked since."""
    kept = request.session.get(KEPT)
    if kept is None:
        return None
    rows: QuerySet[Any] = SentFactor.objects.filter(pk=kept[0], user=account, asked_in=hash_nonce(kept[1]))
    found: SentFactor | None = (rows.select_for_update() if lock else rows).first()
    return found


def hash_nonce(nonce: str) -> str:
    """Names an asking where its session does not."""
    return hashlib.sha256(b"vsaas-sent-code-v1" + nonce.encode()).hexdigest()


def _hash_code(row: SentFactor, code: str) -> bytes:
    """Six digits are guessed from a plain hash at once: without VSAAS_SECRET_KEY nobody guesses from this one."""
    value = f"{row.pk.hex}\x00{row.asked_in}\x00{code}"
    return salted_hmac(SALT, value, algorithm="sha256").digest()
