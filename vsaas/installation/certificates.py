"""The certificates people's browsers are shown: asked for over the network, as a browser would."""

from __future__ import annotations

import socket
import ssl
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509

from vsaas.common import clock
from vsaas.installation.finding import Finding, bad, good, weak
from vsaas.settings.env import Environment

PATIENCE_S = 5.0
WEAK_DAYS, BAD_DAYS = 21, 5


def findings(env: Environment) -> list[Finding]:
    """One for each different server that is reached over TLS."""
    urls = (env.public_url, env.live_url, env.s3_public_endpoint, env.s3_endpoint)
    servers = [urlsplit(url) for url in urls if url.startswith(("https://", "wss://"))]
    asked = dict.fromkeys((parts.hostname or "", parts.port or 443) for parts in servers)
    return [_one(host, port, env.ca_file) for host, port in asked]


def _one(host: str, port: int, authority: str | None) -> Finding:
    name, what = f"certificate.{host}:{port}", f"certificate of {host}:{port}"
    try:
        ends = _ends(host, port, authority)
    except ssl.SSLCertVerificationError as error:
        remedy = "renew it, or name the authority in VSAAS_CA_FILE"
        return bad(name, what, f"browsers refuse it: {error.verify_message}", remedy)
    except OSError as error:
        found = f"could not be asked from here: {error.strerror or error}"
        return weak(name, what, found, "run this where the address can be reached")
    days = (ends - clock.now()) / timedelta(days=1)
    found = f"ends on {ends:%Y-%m-%d}, in {days:.0f} days"
    if days >= WEAK_DAYS:
        return good(name, what, found)
    grade = bad if days < BAD_DAYS else weak
    return grade(name, what, found, "renew it, and have that done by itself (certbot, or your front)")


def _ends(host: str, port: int, authority: str | None) -> datetime:
    """When the certificate ends, once it was verified. Raises OSError, SSLCertVerificationError among them."""
    context = ssl.create_default_context(cafile=authority)
    with (
        socket.create_connection((host, port), PATIENCE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    if shown is None:
        raise OSError("the server showed no certificate")
    return x509.load_der_x509_certificate(shown).not_valid_after_utc
