"""What every template may use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from tenants import lookups
from vsaas.common.pages import AT_THE_THUMB, OWN_PLACES, banners, links, places, site_choice

THEME_COOKIE = "vsaas_theme"
THEMES = ("light", "dark")
ORGANISATIONS_MAX = 8


def portal(request: HttpRequest) -> dict[str, Any]:
    """`tenant` (TenantFound or None), `actor` (Actor or None), `insecure` (this browser came by plain http), `places` (the
    rail), `places_at_thumb` (how many of them a phone shows beside "More"; 0: all), `own_places`, `site_choice`,
    `organisations` (others this browser has a session of), `theme` (what the person chose: "light", "dark" or ""),
    `languages` (code and own name of each), `banners` (what every page says above its content)."""
    theme = request.COOKIES.get(THEME_COOKIE, "")
    return {
        "tenant": getattr(request, "tenant", None),
        "actor": getattr(request, "actor", None),
        "insecure": not request.is_secure(),
        "theme": theme if theme in THEMES else "",
        "languages": settings.LANGUAGES,
        "places": SimpleLazyObject(lambda: places(request)),
        "places_at_thumb": SimpleLazyObject(lambda: _at_thumb(request)),
        "banners": SimpleLazyObject(lambda: banners(request)),
        "own_places": SimpleLazyObject(lambda: links(request, OWN_PLACES)),
        "site_choice": SimpleLazyObject(lambda: site_choice(request)),
        "organisations": SimpleLazyObject(lambda: organisations(request)),
    }


def _at_thumb(request: HttpRequest) -> int:
    return AT_THE_THUMB - 1 if len(places(request)) > AT_THE_THUMB else 0


@dataclass(frozen=True)
class Organisation:
    """Another tenant this browser holds a session cookie of. Whether that session still lives, its own door says."""

    slug: str
    name: str


def organisations(request: HttpRequest) -> list[Organisation]:
    """Other organisations this browser signed in to, by name. Their names stand on their sign-in pages for anybody."""
    prefix = settings.SESSION_COOKIE_NAME
    here = getattr(getattr(request, "tenant", None), "slug", None)
    slugs = [name.removeprefix(prefix) for name in request.COOKIES if name.startswith(prefix)]
    found = [
        lookups.tenant_by_slug(slug) for slug in sorted(slugs)[:ORGANISATIONS_MAX] if slug and slug != here
    ]
    others = [Organisation(item.slug, item.name) for item in found if item is not None]
    return sorted(others, key=lambda item: item.name.casefold())
