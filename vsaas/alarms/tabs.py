"""The two pages of health: what is silent, and what is wrong with recordings."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vsaas.common.links import tenant_url

Tab = tuple[str, str | Promise, bool]


def tabs(request: HttpRequest, here: str) -> list[Tab]:
    """Address, words and whether it is the one shown, for `parts/tabs.html`."""
    named = (("alarms", _("Alarms")), ("health", _("Recordings")))
    return [(tenant_url(request, name), words, name == here) for name, words in named]
