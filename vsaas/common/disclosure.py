"""Where to report a weakness: /.well-known/security.txt (RFC 9116), where the operator named a contact."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _

from tenants.declare import public
from vsaas.common import clock
from vsaas.common.errors import NotFound

HOLDS_DAYS = 180
"""RFC 9116 wants less than a year. It moves on by itself: the contact holds for as long as the setting stands."""


@public("whoever found a weakness has no account here")
def security_txt(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/security.txt. Without VSAAS_SECURITY_CONTACT the address does not exist."""
    contact = settings.ENV.security_contact
    if contact is None:
        raise NotFound(_("this system names no contact for reports of weaknesses"))
    today = clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
    lines = (
        f"Contact: {contact}",
        f"Expires: {today + dt.timedelta(days=HOLDS_DAYS):%Y-%m-%dT%H:%M:%SZ}",
        f"Canonical: {settings.ENV.public_url}/.well-known/security.txt",
    )
    return HttpResponse("".join(f"{line}\n" for line in lines), content_type="text/plain; charset=utf-8")
