"""The page of all sites with their cameras and agents; adding, changing and deleting a site."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site, Tenant
from tenants.permissions import (
    AGENT_EDIT,
    AGENT_ENROL,
    AGENT_VIEW,
    CAMERA_EDIT,
    CAMERA_VIEW,
    SITE_EDIT,
    SITE_VIEW,
)
from vsaas.agents.models import Agent
from vsaas.agents.states import ONLINE, REVOKED, agent_states
from vsaas.audit.services import who
from vsaas.cameras.errors import SiteNameTaken, SiteNotEmpty
from vsaas.cameras.forms import SiteDeletionForm, SiteForm
from vsaas.cameras.kept import default_retention_days, kept_footage
from vsaas.cameras.models import Camera
from vsaas.cameras.shown import CAMERA_STATES, STREAM_STATES, agent_shown, instant
from vsaas.cameras.sites import leaves_behind, site_add, site_change, site_delete, what_keeps
from vsaas.cameras.states import RECORDING, WELL, camera_states, groups_in_use
from vsaas.common.links import tenant_url

DONE = {
    "site-added": _("The site was added."),
    "site-changed": _("The site was changed."),
    "site-deleted": _("The site was deleted."),
    "camera-deleted": _("The camera was deleted. It is recorded no longer."),
}
TROUBLE = "trouble"
_ANY = UUID(int=0)


@requires(SITE_VIEW)
@require_safe
def sites(request: HttpRequest) -> HttpResponse:
    """Every site the person may see. `?q=` looks in names of cameras, agents and sites; `?show=trouble` leaves out what
    records; `?site=` and `?group=` show one."""
    actor = signed_in(request)
    wanted = request.GET.get("q", "").strip()
    trouble = request.GET.get("show") == TROUBLE
    group = request.GET.get("group", "")
    wanted_rows = Filter(wanted.casefold(), trouble, request.GET.get("site", ""), group)
    groups = _groups(actor, wanted_rows, _Rows(request))
    context = {
        "groups": groups,
        "q": wanted,
        "trouble": trouble,
        "group_name": group,
        "group_names": groups_in_use(actor),
        "filtered": bool(wanted or trouble or group),
        "deleted": _deleted(actor),
        "watch": gettext("Watch"),
        "done": DONE.get(request.GET.get("done", "")),
        "may_add_camera": access.visible(actor, CAMERA_EDIT, Agent.objects.filter(revoked_at=None)).exists(),
        "may_add_site": actor.tenant_wide(SITE_EDIT),
        "may_enrol": actor.holds(AGENT_ENROL),
        "may_nothing": not any(actor.holds(right) for right in (CAMERA_EDIT, SITE_EDIT, AGENT_EDIT)),
    }
    return render(request, "cameras/sites.html", context)


@dataclass(frozen=True)
class Filter:
    """What the list is narrowed to: words in names (casefolded), what does not record, one site's id, one group."""

    words: str
    trouble: bool
    site: str
    group: str

    def takes_camera(self, row: dict[str, Any], site_named: bool) -> bool:
        named = site_named or self.words in row["name"].casefold()
        in_group = not self.group or self.group in row["groups"]
        return named and in_group and not (self.trouble and row["state"] in WELL)

    def takes_agent(self, row: dict[str, Any], site_named: bool) -> bool:
        named = site_named or self.words in row["name"].casefold()
        return named and not self.group and not (self.trouble and row["state"] == ONLINE)


class _Rows:
    """Draws cameras as rows of the list. Addresses and words that all rows share are made once: with hundreds of
    cameras they would be most of the page's work."""

    def __init__(self, request: HttpRequest) -> None:
        self._settings = tenant_url(request, "sites-camera", camera_id=_ANY)
        self._watch = tenant_url(request, "camera", camera_id=_ANY)
        self._default_days = default_retention_days()
        self._words = {name: str(words) for name, (_tone, _icon, words) in STREAM_STATES.items()}

    def row(self, state: dict[str, Any]) -> dict[str, Any]:
        tone, icon, label, _sentence = CAMERA_STATES[state["state"]]
        watch = self._watch.replace(str(_ANY), state["id"])
        settings = self._settings.replace(str(_ANY), state["id"])
        return {
            **state,
            "tone": tone,
            "icon": icon,
            "label": label,
            "why": self._words.get(state["reason"] or "", ""),
            "facts": " · ".join(self._facts(state)),
            "url": settings if state["may"]["edit"] else watch,
            "watch_url": watch,
            "watch_label": gettext("Watch %(name)s") % {"name": state["name"]},
        }

    def _facts(self, state: dict[str, Any]) -> Iterator[str]:
        main = next((row for row in state["health"] if row["stream"] == 1 and row["bits_per_s"]), None)
        if main is not None:
            yield gettext("%(rate)s Mbit/s") % {"rate": number_format(round(main["bits_per_s"] / 1e6, 1), 1)}
        days = state["retention_days"] or self._default_days
        yield ngettext("keeps %(days)d day", "keeps %(days)d days", days) % {"days": days}
        if not state["audio"]:
            yield gettext("no sound")


def _groups(actor: Actor, wanted: Filter, rows: _Rows) -> list[dict[str, Any]]:
    """One entry per site: its cameras and agents as the template draws them, and what the person may do there."""
    cameras: dict[str, list[dict[str, Any]]] = defaultdict(list)
    agents: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for state in camera_states(actor):
        cameras[state["site_id"]].append(state)
    if actor.holds(AGENT_VIEW):
        for state in agent_states(actor):
            agents[state["site_id"]].append(agent_shown(state, {}))
    groups = []
    for site in access.visible(actor, SITE_VIEW, Site.objects.all()):
        key = str(site.id)
        if wanted.site and wanted.site != key:
            continue
        named = wanted.words in site.name.casefold()
        shown = [rows.row(row) for row in cameras[key] if wanted.takes_camera(row, named)]
        boxes = [row for row in agents[key] if wanted.takes_agent(row, named)]
        if not shown and not boxes and (wanted.trouble or wanted.group or not named):
            continue
        groups.append(
            {
                "site": site,
                "cameras": shown,
                "agents": boxes,
                "camera_count": len(cameras[key]),
                "recording": sum(row["state"] == RECORDING for row in cameras[key]),
                "has_agent": any(row["state"] != REVOKED for row in agents[key]),
                "may_edit": access.may(actor, SITE_EDIT, site),
                "may_add": access.may(actor, CAMERA_EDIT, site),
            }
        )
    return groups


def _deleted(actor: Actor) -> list[dict[str, Any]]:
    """Deleted cameras of which recordings are still kept and shown."""
    rows = list(
        access.visible(actor, CAMERA_VIEW, Camera.objects.select_related("site"))
        .filter(deleted_at__isnull=False, erase_footage=False)
        .order_by("-deleted_at")
    )
    kept = kept_footage([row.id for row in rows])
    days = default_retention_days()
    return [
        {
            "camera": row,
            "kept": kept[row.id],
            "from": instant(kept[row.id].from_us),
            "gone": instant(kept[row.id].to_us + (row.retention_days or days) * 86_400_000_000),
        }
        for row in rows
        if row.id in kept
    ]


@requires(SITE_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def add_site(request: HttpRequest) -> HttpResponse:
    """A new site; takes the right for the organisation as a whole."""
    actor = signed_in(request)
    access.require(actor, SITE_EDIT, Tenant.objects.get(id=actor.tenant_id))
    form = SiteForm(request.POST if request.method == "POST" else None, initial={"timezone": _usual_zone()})
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                site_add(form.cleaned_data["name"], form.cleaned_data["timezone"], who(actor))
        except SiteNameTaken:
            form.add_error("name", _("There is a site of this name already."))
        else:
            return HttpResponseRedirect(tenant_url(request, "sites") + "?done=site-added")
    return render(request, "cameras/site.html", {"form": form}, status=422 if form.is_bound else 200)


def _usual_zone() -> str:
    """New sites mostly lie where the others do."""
    newest = Site.objects.order_by("-created_at").first()
    return "UTC" if newest is None else newest.timezone


@requires(SITE_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def change_site(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Name and time zone of a site; from here it is deleted too."""
    actor = signed_in(request)
    site = access.get(actor, SITE_EDIT, Site.objects.all(), id=site_id)
    form = SiteForm(request.POST if request.method == "POST" else None, site=site)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            with transaction.atomic():
                site_change(site, who(actor), name=data["name"], timezone=data["timezone"])
        except SiteNameTaken:
            form.add_error("name", _("There is a site of this name already."))
        else:
            return HttpResponseRedirect(tenant_url(request, "sites") + "?done=site-changed")
    context = {
        "form": form,
        "site": site,
        "kept_by": what_keeps(site),
        "deletion": _deletion_form(actor, site),
    }
    return render(request, "cameras/site.html", context, status=422 if form.is_bound else 200)


@requires(SITE_EDIT, fresh=True)
@require_http_methods(["POST"])
def delete_site(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Deletes a site nothing belongs to."""
    actor = signed_in(request)
    site = access.get(actor, SITE_EDIT, Site.objects.all(), id=site_id)
    deletion = _deletion_form(actor, site, request.POST)
    if deletion.is_valid():
        try:
            with transaction.atomic():
                site_delete(site, actor, deletion.cleaned_data.get("heir"))
        except SiteNotEmpty:
            pass  # something came to belong to it since the page was shown: the page says what
        else:
            return HttpResponseRedirect(tenant_url(request, "sites") + "?done=site-deleted")
    context = {"form": SiteForm(site=site), "site": site, "kept_by": what_keeps(site), "deletion": deletion}
    return render(request, "cameras/site.html", context, status=409)


def _deletion_form(actor: Actor, site: Site, data: Any = None) -> SiteDeletionForm:
    others = access.visible(actor, SITE_EDIT, Site.objects.exclude(id=site.id))
    return SiteDeletionForm(data, sites=others, needed=leaves_behind(site) > 0)
