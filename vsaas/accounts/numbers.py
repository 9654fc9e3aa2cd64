"""Telephone numbers to which plug-ins send codes (`vsaas.accounts.factor_plugins`): one per account and plug-in. A number
counts as a factor once a code that was sent to it came back; to change it, it is removed and another set up."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp import login as otp_login

from vsaas.accounts import acts, code_asking, notices, passkeys, rules, sent_codes
from vsaas.accounts.factor_plugins import FactorPlugin, plugins
from vsaas.accounts.models import Account, SentFactor
from vsaas.accounts.own import end_others
from vsaas.audit.services import record_act, who
from vsaas.common.errors import Conflict, InvalidField, NotFound


def plugin_of(kind: str) -> FactorPlugin:
    """The plug-in of this name; NotFound where the installation has none."""
    found = plugins().get(kind)
    if found is None:
        raise NotFound(_("codes are not sent that way here"))
    return found


def of(account: Account, kind: str) -> SentFactor | None:
    """The account's number for this plug-in that counts, or None."""
    found: SentFactor | None = SentFactor.objects.filter(user=account, kind=kind, confirmed=True).first()
    return found


def pending(request: HttpRequest, account: Account, kind: str) -> SentFactor | None:
    """The number that waits for the code asked for in this session."""
    here = sent_codes.asked_here(request, account)
    return here if here is not None and here.kind == kind and not here.confirmed else None


def begin(request: HttpRequest, account: Account, kind: str, typed: str) -> None:
    """Have a code sent to a number that is to be confirmed. Raises InvalidField, Conflict, TooMany."""
    try:
        number = plugin_of(kind).number_of(typed)
    except ValueError as error:
        raise InvalidField("number", str(error)) from error
    row, _made = SentFactor.objects.get_or_create(
        user=account, kind=kind, defaults={"name": kind, "confirmed": False}
    )
    if row.confirmed:
        raise Conflict(_("a number is set up already: remove it first"))
    row.set_number(number)
    row.save(update_fields=["number_sealed"])
    code_asking.ask_at(request, row)


def confirm(request: HttpRequest, account: Account, row: SentFactor, code: str) -> bool:
    """Whether the code came back from the number: it counts from now on, and other sessions end. Raises TooMany."""
    if not sent_codes.take_first(request, account, row, code):
        return False
    SentFactor.objects.filter(pk=row.pk).update(confirmed=True)
    count = end_others(request, account)
    named = {"kind": plugin_of(row.kind).noun, "number": sent_codes.masked(row.number), "count": count}
    record_act(acts.NUMBER_ADDED, who(account), request=request, **named)
    notices.factor_changed(request, account)
    return True


def remove(request: HttpRequest, account: Account, row: SentFactor, given: Any) -> None:
    """Take a number away; other sessions end, and this one rests on `given`, the factor given a moment ago, or on what is left
    when that was the number itself. Raises LastFactor."""
    passkeys.require_left(account, without={row.kind})
    named = {"kind": sent_codes.noun_of(row.kind), "number": sent_codes.masked(row.number)}
    row_id = row.pk
    row.delete()
    otp_login(request, passkeys.left(account) if given.pk == row_id else given)
    request.session.cycle_key()
    count = end_others(request, account)
    record_act(acts.NUMBER_REMOVED, who(account), request=request, count=count, **named)
    notices.factor_changed(request, account)


def offered(account: Account) -> list[dict[str, Any]]:
    """The plug-ins as My account lists them: those the account's rules accept, and those it has a number for."""
    accepted = rules.rules_of(account).kinds
    found = []
    for kind, plugin in plugins().items():
        row = of(account, kind)
        if row is not None or kind in accepted:
            number = "" if row is None else sent_codes.masked(row.number)
            found.append({"kind": kind, "title": plugin.title, "number": number})
    return found
