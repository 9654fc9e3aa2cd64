"""What the frame around every page of a tenant needs: the places a person may go to, and their sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.urls import NoReverseMatch
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from tenants import access
from tenants.access import Actor
from tenants.models import Site
from tenants.permissions import (
    ACCOUNT_SELF,
    AGENT_ENROL,
    AGENT_VIEW,
    AUDIT_VIEW,
    CAMERA_PLAYBACK,
    CAMERA_VIEW,
    KEYS_HOLD,
    LOGIN_APPROVE,
    PEOPLE_VIEW,
    SITE_VIEW,
    TENANT_EDIT,
    Permission,
)
from vsaas.common.links import tenant_url


@dataclass(frozen=True)
class Place:
    """One entry of the rail: the URL name of its page, its words and icon, and the right it takes.

    `by_site`: its list shows one site alone with `?site=<id>` (`chosen_site`), so the site switcher stands above it.
    """

    name: str
    label: str | Promise
    icon: str
    permission: Permission
    by_site: bool = False


# Long words carry a soft hyphen in their translation: the rail is narrow.
PLACES = (
    Place("overview", _("Live"), "live", CAMERA_VIEW, by_site=True),
    Place("sites", _("Sites"), "site", SITE_VIEW),
    Place("people", _("People"), "people", PEOPLE_VIEW),
    Place("approvals", pgettext_lazy("place", "Approvals"), "stamp", LOGIN_APPROVE),
    Place("alarms", _("Health"), "shield", AGENT_VIEW),
    Place("audit", _("Audit"), "audit", AUDIT_VIEW),
    Place("organisation", pgettext_lazy("place", "Settings"), "settings", TENANT_EDIT),
)

# Of the person alone: they stand in the account menu.
OWN_PLACES = (
    Place("account", _("My account"), "person", ACCOUNT_SELF),
    Place("account-keys", _("My keys"), "key", ACCOUNT_SELF),
)

# What people do often: the palette offers it.
ACTS = (
    Place("agents-enrol", _("Enrol an agent"), "plus", AGENT_ENROL),
    Place("sync", _("Play cameras side by side"), "camera", CAMERA_PLAYBACK),
    Place("keys", _("The organisation's keys"), "key", KEYS_HOLD),
)

# So many places stand at the thumb of a phone; of more, the last of them is "More".
AT_THE_THUMB = 5

SITE_QUERY = "site"
SITE_COOKIE = "vsaas_site"
"""Kept under the tenant's path by the site switcher's script: the site a person looked at last."""


# Pages whose URL names begin otherwise than their place.
BELONGS = {
    "camera": "overview",
    "sync": "overview",
    "agents": "sites",
    "usage": "sites",
    "health": "alarms",
    "roles": "people",
    "mail": "people",
    "keys": "organisation",
}


@dataclass(frozen=True)
class Link:
    """A place as the template draws it."""

    name: str
    label: str | Promise
    icon: str
    url: str
    current: bool
    count: int | None = None  # how much there waits for the person; None: nothing ever does


@dataclass(frozen=True)
class Banner:
    """What every page says above its content: `tone` "warn" or "bad", and the URL name of where it is dealt with ("" for who
    cannot)."""

    tone: str
    text: str
    place: str


_counts: dict[str, Callable[[Actor], int]] = {}
_banners: list[Callable[[HttpRequest], Banner | None]] = []


def register_count(place: str, count: Callable[[Actor], int]) -> None:
    """Say how much waits for a person at a place of the rail."""
    _counts[place] = count


def register_banner(banner: Callable[[HttpRequest], Banner | None]) -> None:
    """Have something said on every page of whoever is signed in, while `banner(request)` gives it."""
    if banner not in _banners:
        _banners.append(banner)


def banners(request: HttpRequest) -> list[Banner]:
    """What this page says above its content."""
    if getattr(request, "actor", None) is None:
        return []
    return [found for banner in _banners if (found := banner(request)) is not None]


def links(request: HttpRequest, places: tuple[Place, ...]) -> list[Link]:
    """Those of `places` that exist in this portal and that this request's person may open; the current one is marked.

    A page belongs to the place whose name is the first part of its own URL name ("sites-add" to "sites"), or to the one
    that BELONGS names.
    """
    actor = getattr(request, "actor", None)
    if actor is None or getattr(request, "tenant", None) is None:
        return []
    here = _here(request).split("-")[0]
    here = BELONGS.get(here, here)
    return [
        Link(place.name, place.label, place.icon, url, place.name == here, _count(place.name, actor))
        for place in places
        if actor.holds(place.permission) and (url := url_if_any(request, place.name)) is not None
    ]


def _count(place: str, actor: Actor) -> int | None:
    count = _counts.get(place)
    return None if count is None else count(actor)


def places(request: HttpRequest) -> list[Link]:
    """The rail, in its order; read once per request."""
    kept: list[Link] | None = getattr(request, "_places_of_frame", None)
    if kept is None:
        kept = links(request, PLACES)
        request._places_of_frame = kept  # type: ignore[attr-defined]
    return kept


def _here(request: HttpRequest) -> str:
    match = request.resolver_match
    return (match.url_name or "") if match else ""


def url_if_any(request: HttpRequest, name: str, **kwargs: Any) -> str | None:
    """The address of a page, or None where this portal has no such page."""
    try:
        return tenant_url(request, name, **kwargs)
    except NoReverseMatch:
        return None


@dataclass(frozen=True)
class SiteChoice:
    """The site switcher: every site the person may see, and the one the list shows (None: all of them)."""

    sites: list[Site]
    chosen: Site | None

    @property
    def shown(self) -> bool:
        """With one site there is nothing to choose."""
        return len(self.sites) > 1


def sites_of(request: HttpRequest) -> list[Site]:
    """The sites this request's person may see, by name; read once per request."""
    kept: list[Site] | None = getattr(request, "_sites_of_frame", None)
    if kept is None:
        actor = getattr(request, "actor", None)
        kept = [] if actor is None else list(access.visible(actor, SITE_VIEW, Site.objects.order_by("name")))
        request._sites_of_frame = kept  # type: ignore[attr-defined]
    return kept


def chosen_site(request: HttpRequest) -> Site | None:
    """The site a list is to show alone: that of `?site=`, else the one this browser looked at last; None: all.

    A site the person may not see, or that is gone, counts as none: the list then shows everything.
    """
    wanted = request.GET.get(SITE_QUERY) or request.COOKIES.get(SITE_COOKIE, "")
    try:
        site_id = UUID(wanted)
    except ValueError:
        return None
    return next((site for site in sites_of(request) if site.id == site_id), None)


def site_choice(request: HttpRequest) -> SiteChoice | None:
    """The switcher above a list that goes by site; None above every other page."""
    if _here(request) not in {place.name for place in PLACES if place.by_site}:
        return None
    return SiteChoice(sites_of(request), chosen_site(request))
