"""The audit page: sentences, filters, one entry, CSV."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import AUDIT_VIEW
from vsaas.audit import acts, export, export_json, feed
from vsaas.audit.asked import FilterForm, zones
from vsaas.audit.feed import Cursor, Seen
from vsaas.audit.models import AuditEntry, AuditInbox
from vsaas.audit.rights import require_log
from vsaas.audit.stretch import check_around
from vsaas.common.errors import InvalidFields, NotFound

PAGE_ROWS = 50
NAMES_OFFERED = 200
# What acts and is acted on, as the entry page calls it.
KINDS = {
    "account": _("account"),
    "agent": _("agent"),
    "auditdestination": _("destination"),
    "anonymous": _("unknown"),
    "approvalpolicy": _("rules of approval"),
    "approvalrequest": _("request for approval"),
    "breakglasscode": _("break-glass code"),
    "camera": _("camera"),
    "finding": _("finding"),
    "invitation": _("invitation"),
    "message": _("message"),
    "object": _("object"),
    "organisationrole": _("role"),
    "passkey": _("passkey"),
    "rememberedbrowser": _("remembered browser"),
    "role": _("role"),
    "savedview": _("view"),
    "site": _("site"),
    "system": _("system"),
    "tenant": _("organisation"),
    "accesstoken": _("access token"),
}
NAMES = ("person", "act", "object", "camera", "outcome", "text", "from", "to", "zone")


@requires(AUDIT_VIEW)
@require_safe
def audit(request: HttpRequest) -> HttpResponse:
    """The log, newest first. Filters stand in the address, so that a view of it can be kept and sent."""
    require_log(signed_in(request))
    asked = {name: request.GET[name] for name in NAMES if request.GET.get(name)}
    form = FilterForm(asked, zone_names=zones())
    valid = form.is_valid()
    context: dict[str, Any] = {"form": form, "asked": asked, "names": _names(), "zone": form.in_zone.key}
    filtered = {name: value for name, value in asked.items() if name != "zone"}
    context["filtered"], context["open"] = bool(filtered), len(filtered) > 0
    if valid:
        after = Cursor.unpack(request.GET.get("after", ""))
        page = feed.page(signed_in(request), form.filters, after, PAGE_ROWS)
        context |= {
            "events": [_shown(seen, form) for seen in page.events],
            "waiting": sum(seen.seq is None for seen in page.events),
            "looked_back_to": page.looked_back_to and _wall(page.looked_back_to, form),
            "older": page.next and urlencode(asked | {"after": page.next.pack()}),
            "first": after is None,
            "newest": urlencode(asked),
        }
    return render(request, "audit/audit.html", context, status=200 if valid else 422)


def _names() -> list[str]:
    """Names to choose a person from; others can be typed."""
    rows = get_user_model().objects.filter(is_active=True).order_by("name")
    return list(rows.values_list("name", flat=True)[:NAMES_OFFERED])


def _wall(moment: dt.datetime, form: FilterForm) -> dt.datetime:
    """What a clock on the wall shows there; without a zone, since templates would bring it back to UTC."""
    return moment.astimezone(form.in_zone).replace(tzinfo=None)


def _shown(seen: Seen, form: FilterForm) -> dict[str, Any]:
    event = seen.event
    return {
        "id": seen.event_id,
        "at": seen.at,
        "local": _wall(seen.at, form),
        "sentence": seen.sentence,
        "refused": seen.refused,
        "waiting": seen.seq is None,
        "network": event.network,
        "actor_kind": event.actor_kind,
    }


@requires(AUDIT_VIEW)
@require_safe
def audit_entry(request: HttpRequest, event_id: UUID) -> HttpResponse:
    """One entry as it is stored, with its place in the chain and whether the chain holds around it."""
    require_log(signed_in(request))
    seen = feed.event(signed_in(request), event_id)
    if seen is None:
        raise NotFound(_("no entry of this log has this id"))
    form = FilterForm({"zone": request.GET.get("zone", "")}, zone_names=zones())
    form.is_valid()
    event = seen.event
    context = {
        **_shown(seen, form),
        "zone": form.in_zone.key,
        "event": event,
        "actor_name": feed.actor_in_words(event),
        "change": _change(event),
        "actor_kind": KINDS.get(event.actor_kind, event.actor_kind),
        "object_kind": KINDS.get(event.object_kind, event.object_kind),
        "seq": seen.seq,
        "raw": json.dumps(raw(event), indent=2, ensure_ascii=False),
        "stretch": check_around(event) if isinstance(event, AuditEntry) else None,
    }
    return render(request, "audit/entry.html", context)


def _change(event: AuditEntry | AuditInbox) -> dict[str, object] | None:
    """Before and after, as they are said; None for what is no change."""
    sides = {side: event.details.get(side) for side in ("before", "after")}
    if None in sides.values():
        return None
    return {side: acts.detail_spoken(event.act, side, kept) for side, kept in sides.items()}


def raw(event: AuditEntry | AuditInbox) -> dict[str, Any]:
    """An entry as it is stored: what its hash covers, and the hash."""
    chained = isinstance(event, AuditEntry)
    return feed.event_json(event) | {
        "details": event.details,
        "seq": event.seq if chained else None,
        "prev_hash": bytes(event.prev_hash).hex() if chained else None,
        "hash": bytes(event.hash).hex() if chained else None,
    }


@requires(AUDIT_VIEW)
@require_POST
def audit_export(request: HttpRequest) -> HttpResponseBase:
    """The filtered log as CSV; with `format=json`, everything of the time chosen, in a form that can be checked without
    the portal. A POST, since it leaves an entry of its own."""
    require_log(signed_in(request))
    actor = signed_in(request)
    form = FilterForm(request.POST, zone_names=zones())
    if not form.is_valid():
        raise InvalidFields(_("the filters are wrong: look at them on the audit page"))
    if request.POST.get("format") == "json":
        return export_json.download(request, actor, form.filters.since, form.filters.until)
    return export.download(request, actor, form.filters)
