"""RTSP addresses as people type them: user and password apart, so that no secret is written into an address by hand."""

from __future__ import annotations

from urllib.parse import quote, unquote

from django.utils.translation import gettext, gettext_noop

from protocol.errors import ProtocolError

DEFAULT_SCHEME = "rtsp://"


def with_scheme(text: str) -> str:
    """The address without blanks around it; where it names no scheme, `rtsp://` is meant."""
    address = text.strip()
    return address if not address or "://" in address else DEFAULT_SCHEME + address


def split_credentials(text: str) -> tuple[str, str, str]:
    """(address without credentials, user, password), both as plain text; empty where the address names none."""
    scheme, mark, rest = text.strip().partition("://") if "://" in text else ("", "", text.strip())
    ends = [at for at in (rest.find(char) for char in "/?#") if at >= 0]
    authority = rest[: min(ends)] if ends else rest
    credentials, at, host = authority.rpartition("@")
    if not at:
        return text.strip(), "", ""
    user, _, password = credentials.partition(":")
    return f"{scheme}{mark}{host}{rest[len(authority) :]}", unquote(user), unquote(password)


def join_credentials(address: str, user: str, password: str) -> str:
    """The URL the agent is given. `address` holds no credentials; whatever they hold is written as %XX."""
    if not user and not password:
        return address
    scheme, mark, rest = address.partition("://")
    return f"{scheme}{mark}{quote(user, safe='')}:{quote(password, safe='')}@{rest}"


_WRONG = (
    gettext_noop("the address must have 1 to 2000 bytes"),
    gettext_noop("the address holds a space or another character that must be written as %XX"),
    gettext_noop("the address holds a #: write it as %23"),
    gettext_noop("the host or port in the address cannot be read"),
    gettext_noop("the address must begin with rtsp:// or rtsps://"),
    gettext_noop("the address names no host: rtsp://user:password@host:554/path"),
    gettext_noop("the port in the address must be 1 to 65535"),
)


def wrong_in_words(error: ProtocolError) -> str:
    """What `protocol.camera_source` finds wrong with an address, in the language of whoever typed it: that layer is the
    agent's as well, and speaks English."""
    return gettext(error.detail) if error.detail in _WRONG else error.detail
