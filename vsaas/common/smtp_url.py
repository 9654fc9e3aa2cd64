"""The address of a mail server, as `VSAAS_SMTP_URL` writes it."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote, urlsplit

Security = Literal["tls", "starttls", "none"]
_SCHEMES: dict[str, tuple[Security, int]] = {
    "smtps": ("tls", 465),
    "smtp+starttls": ("starttls", 587),
    "smtp": ("none", 25),
}
FORM = "write smtps://user@host:465, smtp+starttls://user@host:587, or smtp://127.0.0.1:25 on this machine"


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in, and how the connection is protected. `user` "": without signing in."""

    security: Security
    host: str
    port: int
    user: str


def parse_smtp_url(url: str) -> MailServer:
    """The server of an address. Raises ValueError, which never holds the address: somebody may have put a password there.

    Plain SMTP is for a server on the same machine: messages hold links that open accounts.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError(FORM)
    if parts.password is not None:
        raise ValueError("the password of the mail server belongs into a file: VSAAS_SMTP_PASSWORD_FILE")
    security, port = _SCHEMES[parts.scheme]
    if security == "none" and not _is_loopback(parts.hostname):
        raise ValueError(f"mail would go unprotected over the network; {FORM}")
    return MailServer(security, parts.hostname, parts.port or port, unquote(parts.username or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
