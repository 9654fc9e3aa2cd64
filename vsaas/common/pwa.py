"""The portal as an app on a phone: its manifest, its service worker, and the one page that shows without a connection.

The worker keeps built files (their names hold their hash) and that page, and nothing else: no page of a signed-in person,
no reply of the API, no video, no key. So there is nothing in it that belongs to an account.
"""

from __future__ import annotations

import functools
import hashlib
import json

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from tenants.declare import public
from vsaas.common.errors import NotFound
from vsaas.common.security import content_security_policy
from vsaas.common.templatetags.assets import built_text, files_of

WORKER_ENTRY = "src/sw/worker.ts"
OFFLINE_ENTRY = "src/pages/offline.ts"
GERMAN = "src/i18n/de.json"
BACKGROUND = "#0d1014"
LETTERS = "-latin-wght-"
"""The font file the offline page is written with; those for other scripts come when they are needed."""


@public("an organisation's name and where its pages begin: what its sign-in page says as well")
@require_safe
def manifest(request: HttpRequest) -> HttpResponse:
    """The web app manifest of one organisation: installed, the app begins at its own first page."""
    tenant = request.tenant  # type: ignore[attr-defined]
    if tenant is None:
        raise NotFound(_("no organisation of this name is known here"))
    start = reverse("overview", kwargs={"slug": tenant.slug})
    return JsonResponse(
        {
            "id": start,
            "name": tenant.name,
            "short_name": tenant.name[:30],
            "start_url": start,
            "scope": start,
            "display": "standalone",
            "background_color": BACKGROUND,
            "theme_color": BACKGROUND,
            "icons": [
                _icon("icon-192.png", "192x192", "any"),
                _icon("icon-512.png", "512x512", "any"),
                _icon("icon-maskable-512.png", "512x512", "maskable"),
            ],
        },
        content_type="application/manifest+json",
        headers={"Cache-Control": "no-cache"},
    )


def _icon(file: str, sizes: str, purpose: str) -> dict[str, str]:
    return {"src": static(file), "sizes": sizes, "type": "image/png", "purpose": purpose}


@public("the page that says there is no connection: nothing of anybody stands on it")
@require_safe
def offline(request: HttpRequest) -> HttpResponse:
    """What the service worker shows when the portal cannot be reached. `?language=`: which language it is kept in."""
    language = request.GET.get("language", "")
    if language not in dict(settings.LANGUAGES):
        return render(request, "offline.html")
    with translation.override(language):
        page = render(request, "offline.html")
    page.headers["Content-Language"] = language
    return page


@public("the service worker's code: the same for everybody")
@require_safe
def worker(request: HttpRequest) -> HttpResponse:
    """The service worker for `/t/`. Browsers look for a new one by its bytes, so it begins with what it is to keep."""
    return HttpResponse(
        _worker_text(),
        content_type="text/javascript; charset=utf-8",
        headers={"Cache-Control": "no-cache", "Content-Language": settings.LANGUAGE_CODE},
    )


@functools.cache
def _worker_text() -> str:
    code = built_text(WORKER_ENTRY)
    files = dict.fromkeys([*files_of("src/pages/app.ts"), *files_of(OFFLINE_ENTRY), *files_of(GERMAN)])
    files_kept = [file for file in files if not file.endswith(".woff2") or LETTERS in file]
    offline_pages = {one: f"{reverse('offline')}?language={one}" for one, _name in settings.LANGUAGES}
    built = {"offline": offline_pages, "keep": [*offline_pages.values(), *files_kept]}
    told = json.dumps(built)
    version = hashlib.sha256("\n".join([code, told, content_security_policy()]).encode()).hexdigest()[:16]
    return f"self.VSAAS = {json.dumps({'version': version, **built})};\n{code}"
