"""Handing a message to the mail server (RFC 5321), over TLS but on the same machine."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from pathlib import Path

from django.conf import settings

from vsaas.common.smtp_url import MailServer, parse_smtp_url
from vsaas.mail.errors import NotSent

TIMEOUT_S = 20
REFUSED_FOR_GOOD = range(500, 600)


def hand_over(mail: EmailMessage) -> None:
    """Give one message to the mail server of the settings. Raises NotSent with what the server said."""
    server = parse_smtp_url(settings.ENV.smtp_url)
    try:
        with _connected(server) as connection:
            _sign_in(connection, server)
            connection.send_message(mail)
    except smtplib.SMTPRecipientsRefused as error:
        code, words = next(iter(error.recipients.values()))
        raise NotSent(_said(code, words), for_good=code in REFUSED_FOR_GOOD) from error
    except (smtplib.SMTPDataError, smtplib.SMTPSenderRefused) as error:
        raise NotSent(
            _said(error.smtp_code, error.smtp_error), for_good=error.smtp_code in REFUSED_FOR_GOOD
        ) from error
    except smtplib.SMTPResponseException as error:  # greeting, signing in: of the set-up, not of this message
        raise NotSent(_said(error.smtp_code, error.smtp_error), for_good=False) from error
    except (smtplib.SMTPException, OSError) as error:
        where = f"{server.host}:{server.port}"
        raise NotSent(f"the mail server {where} could not be used: {error}"[:300], for_good=False) from error


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=_trust())
    connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
    if server.security == "starttls":
        try:
            connection.starttls(context=_trust())
        except BaseException:
            connection.close()
            raise
    return connection


def _trust() -> ssl.SSLContext:
    """The system's authorities, and the one of one's own."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ENV.ca_file is not None:
        context.load_verify_locations(settings.ENV.ca_file)
    return context


def _sign_in(connection: smtplib.SMTP, server: MailServer) -> None:
    if server.user:
        password = Path(settings.ENV.smtp_password_file).read_text().strip()
        connection.login(server.user, password)


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return " ".join(f"the mail server said {code} {text}".split())[:300]
