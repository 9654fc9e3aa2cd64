"""How the portal is reached and how it reaches its parts: everything the settings alone tell. Asks nobody."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vsaas.common.smtp_url import parse_smtp_url
from vsaas.installation.finding import Finding, bad, good, weak
from vsaas.settings.env import LOOPBACK, Environment

_ON_ONE_MACHINE = _(
    "Put a certificate in front and set https:// (docs/production.md), or TLS=1 with make up."
)


def findings(env: Environment) -> list[Finding]:
    """Everything there is to say about the addresses in the settings."""
    return [
        _reached("portal", _("Connection to the portal"), env.public_url, "VSAAS_PUBLIC_URL"),
        _reached("live", _("Connection for live view"), env.live_url, "VSAAS_LIVE_URL"),
        _reached("store", _("Connection to the recordings"), env.s3_public_endpoint, "VSAAS_S3_PUBLIC_ENDPOINT"),
        _store_inside(env),
        _hosts(env),
        _redis(env),
        _mail(env),
    ]  # fmt: skip


def _reached(key: str, what: Promise, url: str, setting: str) -> Finding:
    """An address that browsers and agents use."""
    name = f"address.{key}"
    if urlsplit(url).scheme in ("https", "wss"):
        return good(name, what, _("encrypted (TLS)"), to_owners=True)
    if urlsplit(url).hostname in LOOPBACK:
        found = _("not encrypted, and only this machine itself reaches it")
        return weak(name, what, found, _ON_ONE_MACHINE, to_owners=True)
    remedy = _("Set %(setting)s to an address that begins with https:// or wss://.") % {"setting": setting}
    return bad(name, what, _("not encrypted"), remedy, to_owners=True)


def _store_inside(env: Environment) -> Finding:
    name, what = "address.store-inside", "the portal's own way to the bucket"
    parts = urlsplit(env.s3_endpoint)
    if parts.scheme == "https":
        return good(name, what, "encrypted (TLS)")
    if parts.hostname in LOOPBACK:
        return good(name, what, "on this machine")
    return bad(
        name,
        what,
        "plain http: listings and signatures of requests can be read and replayed on the way",
        "set VSAAS_S3_ENDPOINT to an https:// address",
    )


def _hosts(env: Environment) -> Finding:
    name, what = "hosts", "allowed hosts"
    if any(host.startswith(("*", ".")) for host in env.allowed_hosts):
        return bad(
            name,
            what,
            "a wildcard: links in mail and redirects can be made to name somebody else's host",
            "name every host in VSAAS_ALLOWED_HOSTS",
        )
    return good(name, what, f"{len(env.allowed_hosts)} named")


def _redis(env: Environment) -> Finding:
    name, what = "redis", "connection to Redis"
    parts = urlsplit(env.redis_url.get_secret_value())
    if parts.scheme == "unix":
        return good(name, what, "a unix socket")
    if not parts.password:
        return bad(
            name,
            what,
            "no password: whoever reaches the port reads tickets and stops the throttles",
            "set requirepass in Redis and write redis://:password@host in VSAAS_REDIS_URL",
        )
    if parts.scheme == "rediss":
        return good(name, what, "encrypted (TLS), with a password")
    if parts.hostname in LOOPBACK:
        return good(name, what, "on this machine, with a password")
    return bad(
        name,
        what,
        "not encrypted: password and tickets can be read on the way",
        "switch TLS on in Redis and write rediss:// in VSAAS_REDIS_URL",
    )


def _mail(env: Environment) -> Finding:
    name, what = "mail", "mail"
    if env.smtp_url is None:
        return weak(
            name,
            what,
            "no mail server: nobody is told of a new device, and a lost password cannot be set anew",
            "set VSAAS_SMTP_URL and VSAAS_MAIL_FROM",
        )
    security = parse_smtp_url(env.smtp_url).security
    words = {
        "tls": "encrypted (TLS)",
        "starttls": "encrypted (STARTTLS, required)",
        "none": "on this machine",
    }
    return good(name, what, words[security])
