"""`{% load passkeys %}{% passkey_button form.code.id_for_label %}` and, inside the form, `{% code_notice %}`, `{% code_buttons %}`"""

from __future__ import annotations

from typing import Any

from django import template

from vsaas.accounts import passkeys, sent_codes
from vsaas.accounts.models import Account

register = template.Library()


@register.inclusion_tag("accounts/passkey_button.html", takes_context=True)
def passkey_button(
    context: dict[str, Any], field: str, label: str = "", covers: str = "", somebody: bool = False
) -> dict[str, Any]:
    """A button that has a passkey answer in place of what would be typed in the field of this id, and sends its form; nothing
    for who has none. `covers`: the digest of what the answer says yes to. `somebody`: it is for somebody else than whose
    session it is. Without script it stays hidden."""
    request = context["request"]
    account = request.user
    has_one = somebody or (isinstance(account, Account) and passkeys.of(account).exists())
    offered = passkeys.party() is not None and has_one
    return {"offered": offered, "field": field, "label": label, "covers": covers, "request": request}


@register.inclusion_tag("accounts/code_notice.html", takes_context=True)
def code_notice(context: dict[str, Any]) -> dict[str, Any]:
    """What became of the code that was asked for in this session; nothing where none was."""
    ways = _ways(context)
    return {"ways": ways, "minutes": sent_codes.minutes() if any(way.state for way in ways) else 0}


@register.inclusion_tag("accounts/code_buttons.html", takes_context=True)
def code_buttons(context: dict[str, Any], field: str = "send-code") -> dict[str, Any]:
    """Buttons that have a code sent to the person, each sending its form with its kind as `field`; nothing for whom none can
    be sent."""
    return {"ways": _ways(context), "field": field}


def _ways(context: dict[str, Any]) -> list[sent_codes.Offer]:
    request = context["request"]
    account = request.user
    return sent_codes.offers(request, account) if isinstance(account, Account) else []
