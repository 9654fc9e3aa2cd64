"""What every reply must carry, whoever asked for whatever: checked on each reply of the walks over the isolation table."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse

FIXED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
REFERRER = {"same-origin", "no-referrer"}
NOTHING_ELSE = {"default-src", "frame-ancestors", "base-uri", "object-src"}
TELL_TALE = ("Server", "X-Powered-By", "X-AspNet-Version", "Via")
# Cookies a page's script has to read, or that hold a choice and open nothing.
FOR_SCRIPTS = {settings.CSRF_COOKIE_NAME, settings.LANGUAGE_COOKIE_NAME}


def assert_baseline(reply: HttpResponse, *, signed_in: bool, program: bool = False) -> None:
    """Policy, sniffing, framing, referrer, caching, cookies; no word about what serves it. `program`: it came with an access
    token, and may keep for itself what it asks about again (ETags)."""
    for name, value in FIXED.items():
        assert reply.headers.get(name) == value, (name, reply.headers.get(name))
    assert reply.headers.get("Referrer-Policy") in REFERRER
    assert_policy(reply.headers["Content-Security-Policy"])
    assert not [name for name in TELL_TALE if name in reply.headers]
    caching = reply.headers.get("Cache-Control", "")
    assert caching, "a reply without Cache-Control"
    if signed_in:
        assert "no-store" in caching or (program and caching == "private, no-cache"), caching
    for cookie in reply.cookies.values():
        if not cookie.value:
            continue  # it is being taken away
        assert bool(cookie["secure"]) == settings.SESSION_COOKIE_SECURE, cookie.key
        assert cookie["samesite"] in ("Lax", "Strict"), cookie.key
        assert cookie["httponly"] or cookie.key in FOR_SCRIPTS, cookie.key


def assert_policy(text: str) -> None:
    """Scripts and styles of our own files alone; nothing inline, nothing evaluated, nowhere framed."""
    policy = {words[0]: words[1:] for rule in text.split(";") if (words := rule.split())}
    for name in NOTHING_ELSE:
        assert policy[name] == ["'none'"], (name, policy.get(name))
    assert policy["script-src"] == ["'self'"]
    assert policy["style-src"] == ["'self'"]
    assert policy["form-action"] == ["'self'"]
    assert not [rule for rule, sources in policy.items() if "*" in sources or "'unsafe-eval'" in sources]
