"""Headers that keep a page to itself."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

HSTS_S = 365 * 24 * 3600


def content_security_policy() -> str:
    """Nothing inline, nothing from elsewhere; connections to the portal, the hub and the bucket alone."""
    env = settings.ENV
    store = origin(env.s3_public_endpoint)
    rules = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "font-src": "'self'",
        "img-src": "'self' blob: data:",
        "media-src": "blob:",
        "worker-src": "'self' blob:",
        "manifest-src": "'self'",
        "connect-src": f"'self' {origin(env.live_url)} {store}",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
        "object-src": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def origin(url: str) -> str:
    """Scheme, host and port of an address."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class SecurityHeadersMiddleware:
    """Outermost: every reply carries the policy, errors and static files included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.headers = {
            "Content-Security-Policy": content_security_policy(),
            "X-Content-Type-Options": "nosniff",
            # Not "no-referrer": browsers then send `Origin: null` with forms, which the CSRF check must refuse.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
            "X-Frame-Options": "DENY",
        }
        # Not with an authority of one's own: a name of the local network would be bound to it for a year.
        if settings.ENV.https and settings.ENV.ca_file is None:
            self.headers["Strict-Transport-Security"] = f"max-age={HSTS_S}; includeSubDomains"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        if not request.path_info.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response
