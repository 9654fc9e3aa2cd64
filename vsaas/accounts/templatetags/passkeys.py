"""`{% load passkeys %}{% passkey_button form.code.id_for_label %}`"""

from __future__ import annotations

from typing import Any

from django import template

from vsaas.accounts import passkeys
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
