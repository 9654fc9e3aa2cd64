"""Sites: added, renamed, given a time zone, deleted when nothing belongs to them any more. Inside the tenant's scope."""

import zoneinfo

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from tenants.access import Actor, Place, place_of
from tenants.models import Membership, Site
from vsaas.accounts.gains import Move, require_no_gain
from vsaas.agents.models import Agent, EnrolmentCode
from vsaas.audit.services import Who, differences, record_act, what, who
from vsaas.cameras import acts
from vsaas.cameras.commands import tell_agent
from vsaas.cameras.errors import InvalidSite, SiteNameTaken, SiteNotEmpty
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.common.names import BadName, clean_name


def site_add(name: str, timezone: str, by: Who) -> Site:
    """A new site. Raises InvalidSite or SiteNameTaken. The caller has checked `site:edit` on the tenant as a whole."""
    site = Site(name=_name(name), timezone=_timezone(timezone))
    _save(site)
    record_act(acts.SITE_ADDED, by, what(site), timezone=site.timezone)
    return site


def site_change(site: Site, by: Who, *, name: str | None = None, timezone: str | None = None) -> Site:
    """Renames a site or changes its time zone; None stays. Raises as `site_add`. The caller has checked `site:edit`."""
    site = Site.objects.select_for_update().get(id=site.id)
    wanted = {
        "name": site.name if name is None else _name(name),
        "timezone": site.timezone if timezone is None else _timezone(timezone),
    }
    changed = [field for field, value in wanted.items() if value != getattr(site, field)]
    if changed:
        told = differences({field: getattr(site, field) for field in wanted}, wanted)
        site.name, site.timezone = wanted["name"], wanted["timezone"]
        _save(site)
        record_act(acts.SITE_CHANGED, by, what(site), changed=", ".join(changed), **told)
    if "timezone" in changed:
        _tell_agents(site)
    return site


def _tell_agents(site: Site) -> None:
    """Have the recording plans of its cameras hold in its new zone."""
    planned = Camera.objects.filter(site=site, deleted_at=None, recording__isnull=False)
    for agent in Agent.objects.filter(id__in=planned.values("agent_id"), revoked_at=None):
        tell_agent(agent)


COUNTED = {
    "cameras": ngettext_lazy("%(count)d camera", "%(count)d cameras", "count"),
    "agents": ngettext_lazy("%(count)d agent", "%(count)d agents", "count"),
    "codes": ngettext_lazy("%(count)d code", "%(count)d codes", "count"),
    "people": ngettext_lazy("%(count)d person", "%(count)d people", "count"),
    "left_behind": ngettext_lazy("%(count)d thing left behind", "%(count)d things left behind", "count"),
}


def what_keeps(site: Site) -> dict[str, int]:
    """How many things keep a site from being deleted, by kind: "cameras", "agents" in service, "codes" that may still
    enrol, "people" with a role on it alone. Empty: it may be deleted."""
    counts = {
        "cameras": Camera.objects.filter(site=site, deleted_at=None).count(),
        "agents": Agent.objects.filter(site=site, revoked_at=None).count(),
        "codes": EnrolmentCode.objects.filter(site=site, used_at=None, expires_at__gt=clock.now()).count(),
        "people": Membership.objects.filter(site=site).values("account_id").distinct().count(),
    }
    return {kind: count for kind, count in counts.items() if count}


def leaves_behind(site: Site) -> int:
    """How many deleted cameras and revoked agents are filed under a site; records speak of them, so they need another."""
    cameras = Camera.objects.filter(site=site).exclude(deleted_at=None).count()
    return cameras + Agent.objects.filter(site=site).exclude(revoked_at=None).count()


def site_delete(site: Site, actor: Actor, heir: Site | None = None) -> None:
    """Deletes an empty site; what it leaves behind is filed under `heir`. Raises SiteNotEmpty, and GivesRights
    where the recordings of a deleted camera would come to people, or go from them, that way.

    The caller has checked `site:edit` on both.
    """
    site = Site.objects.select_for_update().get(id=site.id)
    kept_by = what_keeps(site)
    if heir is None and leaves_behind(site):
        kept_by["left_behind"] = leaves_behind(site)
    if kept_by:
        kinds = ", ".join(COUNTED[kind] % {"count": count} for kind, count in kept_by.items())
        raise SiteNotEmpty(
            _("the site %(site)s is not empty (%(kinds)s): move or remove them first")
            % {"site": site.name, "kinds": kinds},
            extra={"kept_by": kept_by},
        )
    if heir is not None:
        left = Camera.objects.filter(site=site, erase_footage=False).prefetch_related("groups")
        require_no_gain(actor, [Move(one.name, place_of(one), _on(heir, place_of(one))) for one in left])
        Camera.objects.filter(site=site).update(site=heir)
        Agent.objects.filter(site=site).update(site=heir)
    EnrolmentCode.objects.filter(site=site).delete()
    record_act(acts.SITE_DELETED, who(actor), what(site))
    site.delete()


def _on(site: Site, place: Place) -> Place:
    return Place(site.id, place.camera_id, place.groups)


def _save(site: Site) -> None:
    try:
        with transaction.atomic():
            site.save()
    except IntegrityError as error:
        raise SiteNameTaken(
            _("there is a site called %(site)s already: choose another name") % {"site": site.name}
        ) from error


def _name(name: str) -> str:
    try:
        return clean_name(name)
    except BadName as error:
        raise InvalidSite("name", str(error)) from error


def _timezone(name: str) -> str:
    if name not in zoneinfo.available_timezones():
        raise InvalidSite("timezone", _("is not a time zone: write one such as Europe/Berlin"))
    return name
