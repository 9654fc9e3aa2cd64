"""A letter as a message: plain text and simple HTML, in the language that is active."""

from __future__ import annotations

from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

from vsaas.common import clock
from vsaas.mail.errors import NotSent
from vsaas.mail.letters import Letter
from vsaas.mail.models import Outgoing


def compose(letter: Letter, message: Outgoing, organisation: str | None) -> EmailMessage:
    """The message of a row. Its Message-ID is that of the row, so that one sent twice (a worker died at the wrong moment)
    is known for the same. Raises NotSent for an address that cannot be written to."""
    host = urlsplit(settings.ENV.public_url).hostname
    name, sender = parseaddr(settings.ENV.mail_from)
    mail = EmailMessage(policy=SMTP)
    mail["From"] = Address(display_name=name or organisation or "", addr_spec=sender)
    mail["To"] = Address(addr_spec=deliverable(message.to))
    mail["Subject"] = " ".join(letter.subject.split())
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{message.pk}@{host}>"
    mail["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no answering machine answers it
    context = {"letter": letter, "organisation": organisation, "portal": settings.ENV.public_url}
    mail.set_content(render_to_string("mail/letter.txt", context))
    mail.add_alternative(render_to_string("mail/letter.html", context), subtype="html")
    return mail


def deliverable(to: str) -> str:
    """The address as SMTP takes it: a domain of other scripts in its ASCII form. Raises NotSent."""
    local, _at, domain = to.rpartition("@")
    try:
        address = f"{local}@{domain.encode('idna').decode()}"
        address.encode("ascii")
    except UnicodeError:
        raise NotSent("this address cannot be written to", for_good=True) from None
    return address
