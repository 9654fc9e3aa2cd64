"""What the palette searches: everything a person may go to, in one small reply."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_VIEW, PEOPLE_VIEW
from vsaas.accounts.models import Account
from vsaas.cameras.models import Camera
from vsaas.cameras.services import present
from vsaas.common.links import tenant_url
from vsaas.common.pages import ACTS, OWN_PLACES, PLACES, SITE_QUERY, Link, links, sites_of, url_if_any

PEOPLE_PLACE = "people"
PERSON_PAGE = "people-member"
SOFT_HYPHEN = "\u00ad"  # the rail breaks long words there; what is searched must not hold it


@requires(CAMERA_VIEW)
@require_safe
def palette(request: HttpRequest) -> JsonResponse:
    """Pages, acts, sites, cameras and (where there is a page of people and the right to see them) people.

    Names and addresses only, no states: 500 cameras take as many queries as one.
    """
    actor = signed_in(request)
    overview = tenant_url(request, "overview")
    cameras = access.visible(actor, CAMERA_VIEW, present(Camera.objects.order_by("name", "id")))
    return JsonResponse(
        {
            "account": str(actor.account_id),
            "pages": [_link(link) for link in links(request, PLACES + OWN_PLACES)],
            "acts": [_link(link) for link in links(request, ACTS)],
            "sites": [
                {
                    "id": str(site.id),
                    "name": site.name,
                    "time_zone": site.timezone,
                    "url": f"{overview}?{SITE_QUERY}={site.id}",
                }
                for site in sites_of(request)
            ],
            "cameras": [
                {
                    "id": str(camera_id),
                    "name": name,
                    "site": str(site_id),
                    "url": tenant_url(request, "camera", camera_id=camera_id),
                }
                for camera_id, name, site_id in cameras.values_list("id", "name", "site_id")
            ],
            "people": _people(request),
        }
    )


def _link(link: Link) -> dict[str, str]:
    return {
        "name": link.name,
        "label": str(link.label).replace(SOFT_HYPHEN, ""),
        "icon": link.icon,
        "url": link.url,
    }


def _people(request: HttpRequest) -> list[dict[str, Any]]:
    places = [place for place in PLACES if place.name == PEOPLE_PLACE]
    found = links(request, tuple(places))
    actor = signed_in(request)
    if not found or not actor.holds(PEOPLE_VIEW):
        return []
    rows = Account.objects.filter(is_active=True).order_by("name").values_list("id", "name", "email")
    return [
        {
            "id": str(account_id),
            "name": name,
            "email": email,
            "url": url_if_any(request, PERSON_PAGE, account_id=account_id) or found[0].url,
        }
        for account_id, name, email in access.visible(actor, PEOPLE_VIEW, rows)
    ]
