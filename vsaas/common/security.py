"""What every reply carries, and what no reply is given to: plain HTTP from anywhere but this machine."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import NotEncrypted
from vsaas.common.network import is_this_machine

HSTS_S = 365 * 24 * 3600
HSTS = "Strict-Transport-Security"


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
            self.headers[HSTS] = f"max-age={HSTS_S}; includeSubDomains"

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        for name, value in self.headers.items():
            response.headers.setdefault(name, value)
        if not request.path_info.startswith(settings.STATIC_URL):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class PlainHttpMiddleware:
    """Refuses plain HTTP under any name but this machine's own: a cookie, password or token sent so is not secret any more.

    Where the portal is reached over https, a page that is asked for is found there; everything else is refused and not
    redirected, since a program would go on sending its token in the clear. Then this machine's name counts only from this
    machine: operators ask for health there, behind the front that ends TLS.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request) if may_pass(request) else _elsewhere(request)


def may_pass(request: HttpRequest) -> bool:
    """Whether a request came encrypted, or under a name of this machine (and, behind a front, from it)."""
    if request.is_secure():
        return True
    if host_of(request) not in settings.PLAIN_HTTP_HOSTS:
        return False
    return is_this_machine(request) or not settings.ENV.https


def host_of(request: HttpRequest) -> str:
    """The name a request was sent to, without port and brackets. Raises DisallowedHost."""
    return urlsplit(f"//{request.get_host()}").hostname or ""


def _elsewhere(request: HttpRequest) -> HttpResponseBase:
    from vsaas.common.problems import response_of, wants_page

    url: str = settings.ENV.public_url
    if settings.ENV.https and request.method in ("GET", "HEAD") and wants_page(request):
        return HttpResponsePermanentRedirect(url + request.get_full_path())
    return response_of(
        NotEncrypted(
            _(
                "this request came over plain HTTP, which anybody on the way can read; send it to %(url)s instead"
            )
            % {"url": url}
        )
    )
