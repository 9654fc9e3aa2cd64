"""What operators and their tools ask of the portal: is it alive, is it ready, what does it count."""

from __future__ import annotations

import hmac
from pathlib import Path

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from tenants.declare import public
from vsaas.common import health, metrics
from vsaas.common.errors import NotFound, NotSignedIn, Unavailable

TOKEN_SHORTEST = 20


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(f"{text}\n", content_type="text/plain; charset=utf-8", status=status)


@public("supervisors and load balancers ask it; it says one word")
def healthz(request: HttpRequest) -> HttpResponse:
    """GET /healthz: this process answers. Touches nothing else, so that a lost database restarts no portal."""
    return _text("alive")


@public("load balancers ask it; it says yes or no, and which part it is stands in the log")
def readyz(request: HttpRequest) -> HttpResponse:
    """GET /readyz: 200 when database, key store, Redis and bucket answer, else 503."""
    return _text("not ready", 503) if health.readiness().troubles() else _text("ready")


@public(
    "Prometheus has no session: it brings the token of VSAAS_METRICS_TOKEN_FILE, without which there is nothing here"
)
def metrics_page(request: HttpRequest) -> HttpResponse:
    """GET /metrics, with `Authorization: Bearer <token>`. Without a token file the address does not exist."""
    wanted = metrics_token()
    if wanted is None:
        raise NotFound("there is nothing at this address")
    if not bearer_fits(request.headers.get("Authorization", ""), wanted):
        raise NotSignedIn("bring the token of VSAAS_METRICS_TOKEN_FILE: Authorization: Bearer …")
    return HttpResponse(metrics.exposition(), content_type=metrics.CONTENT_TYPE)


def metrics_token() -> str | None:
    """The token in VSAAS_METRICS_TOKEN_FILE, read anew each time so that it can be changed; None where none is set.

    Raises Unavailable for a file that cannot be read or holds no token.
    """
    named = settings.ENV.metrics_token_file
    if named is None:
        return None
    try:
        token = Path(named).read_text().strip()
    except OSError as error:
        raise Unavailable(f"the token file of the metrics cannot be read: {error.strerror}") from error
    if len(token) < TOKEN_SHORTEST:
        raise Unavailable(f"the token file of the metrics holds no token of {TOKEN_SHORTEST} characters")
    return token


def bearer_fits(header: str, wanted: str) -> bool:
    """Whether an Authorization header brings this token; compared in constant time."""
    scheme, _, token = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), wanted.encode())
