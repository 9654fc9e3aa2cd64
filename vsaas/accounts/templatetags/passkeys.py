"""`{% load passkeys %}{% passkey_button form.code.id_for_label %}` and, inside the form, `{% code_buttons %}`"""

from __future__ import annotations

from typing import Any

from django import template

from vsaas.accounts import passkeys, sent_codes
from vsaas.accounts.models import Account

register = template.Library()


@register.inclusion_tag("accounts/passkey_button.html", takes_context=True)
def passkey_button(context: dict[str, Any], field: str, label: str = "", covers: str = "") -> dict[str, Any]:
    """A button that has a passkey answer in place of what would be typed in the field of this id, and sends its form; nothing
    for who has none. `covers`: the digest of what the answer says yes to. Without script it stays hidden."""
    request = context["request"]
    account = request.user
    offered = passkeys.party() is not None and isinstance(account, Account) and passkeys.of(account).exists()
    return {"offered": offered, "field": field, "label": label, "covers": covers, "request": request}


@register.inclusion_tag("accounts/code_buttons.html", takes_context=True)
def code_buttons(context: dict[str, Any], field: str = "send-code") -> dict[str, Any]:
    """Buttons that have a code sent to the person, each sending its form with its kind as `field`, and what became of the one
    asked for in this session; nothing for whom none can be sent."""
    request = context["request"]
    account = request.user
    ways = sent_codes.offers(request, account) if isinstance(account, Account) else []
    minutes = sent_codes.minutes() if ways else 0
    return {"ways": ways, "field": field, "minutes": minutes}
