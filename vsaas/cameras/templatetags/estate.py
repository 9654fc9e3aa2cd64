"""`{% load estate %}{% estate_tabs "sites" %}`, `{{ bytes|size }}`"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.translation import gettext_lazy as _

from tenants.permissions import AGENT_VIEW, SITE_VIEW, USAGE_VIEW
from vsaas.common.links import tenant_url
from vsaas.common.sizes import size_text

register = template.Library()

register.filter("size", size_text)


@register.filter
def fingerprint(text: str) -> str:
    """Hex digits in pairs, as cameras and browsers show a certificate's."""
    return ":".join(text[at : at + 2] for at in range(0, len(text), 2)).upper()


TABS = (
    ("sites", _("Sites and cameras"), SITE_VIEW),
    ("agents", _("Agents"), AGENT_VIEW),
    ("usage", _("Storage"), USAGE_VIEW),
)


@register.inclusion_tag("cameras/tabs.html", takes_context=True)
def estate_tabs(context: dict[str, Any], here: str) -> dict[str, Any]:
    """The pages of the place "Sites" the person may open; `here` is the current one."""
    request = context["request"]
    tabs = [
        {"label": label, "url": tenant_url(request, name), "current": name == here}
        for name, label, permission in TABS
        if request.actor.holds(permission)
    ]
    return {"tabs": tabs}
