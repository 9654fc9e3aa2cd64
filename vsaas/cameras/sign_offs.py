"""Signing for the cameras of a site, and the report of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from protocol import b64
from sealing.cose import parse1
from sealing.errors import BadLength
from tenants import access
from tenants.access import Actor
from tenants.errors import NotFound
from tenants.models import Site, Tenant
from tenants.permissions import CAMERA_EDIT
from vsaas.agents.models import Agent, AgentKeyPurpose
from vsaas.audit.services import record_act, what, who
from vsaas.cameras import acts
from vsaas.cameras.checklist import Checklist, checklists
from vsaas.cameras.errors import InvalidCheck, PointsOpen
from vsaas.cameras.models import Camera, SignOff
from vsaas.cameras.services import present
from vsaas.common import clock
from vsaas.keys.services import root_fingerprint, sign_commissioning, statements_since

FORMAT: Final = "vsaas-commissioning-v1"
REMARKS_CHARS_MAX: Final = 2000
# What of a camera means, when it is another than was signed for, that it was changed. Figures that move by themselves do not.
LASTING: Final = ("name", "version", "agent_id", "link", "certificate", "retention_days", "password_set_us")


def site_of(actor: Actor, site_id: UUID) -> Site:
    """A site whose cameras the actor may change. Raises NotFound, Denied."""
    found: Site = access.get(actor, CAMERA_EDIT, Site.objects.all(), id=site_id)
    return found


def site_checklists(actor: Actor, site: Site) -> list[Checklist]:
    """Of the cameras of a site that the actor may change."""
    rows = access.visible(actor, CAMERA_EDIT, present(Camera.objects.filter(site=site)))
    return checklists(actor, rows.select_related("site", "agent").order_by("name", "id"))


def sign_off(actor: Actor, site: Site, remarks: str) -> SignOff:
    """Signs for all cameras of a site as they are at the moment. The caller has seen to it that the person gave their second factor
    a moment ago; a program's access token has none, so the report says that it was one (`by_token`). Raises PointsOpen while a point
    of any camera is to be done, or there is a camera the actor may not change."""
    remarks = remarks.strip()
    if len(remarks) > REMARKS_CHARS_MAX:
        raise InvalidCheck("remarks", _("%(most)s characters are the most") % {"most": REMARKS_CHARS_MAX})
    lists = site_checklists(actor, site)
    if not lists:
        raise PointsOpen(_("there is no camera on this site: add the cameras first"))
    if present(Camera.objects.filter(site=site)).count() != len(lists):
        raise PointsOpen(
            _("the site has cameras you may not change: somebody signs off who may change them all")
        )
    waiting = [one for one in lists if one.open]
    if waiting:
        names = ", ".join(one.camera.name for one in waiting[:5])
        raise PointsOpen(
            _("%(count)s cameras have points to be done (%(names)s): do them, or accept each with a reason")
            % {"count": len(waiting), "names": names}
        )
    now = clock.now()
    document = _report(actor, site, lists, remarks, clock.to_us(now))
    payload = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    try:
        signed = sign_commissioning(actor.tenant_id, payload)
    except BadLength as error:
        raise PointsOpen(
            _(
                "the report would be longer than a signature may cover: divide the site's cameras over several sites"
            )
        ) from error
    row = SignOff.objects.create(site=site, by_name=actor.name, at=now, remarks=remarks, signed=signed)
    record_act(acts.SIGNED_OFF, who(actor), what(site), count=len(lists), remarks=remarks)
    return row


def _report(actor: Actor, site: Site, lists: Sequence[Checklist], remarks: str, at_us: int) -> dict[str, Any]:
    tenant = Tenant.objects.get()
    agents = Agent.objects.filter(id__in={one.camera.agent_id for one in lists}).prefetch_related("keys")
    return {
        "format": FORMAT,
        "organisation": {"id": str(tenant.id), "name": tenant.name},
        "root_fingerprint": root_fingerprint(tenant.id).hex(),
        "site": {"id": str(site.id), "name": site.name, "time_zone": site.timezone},
        "signed_off": {
            "at_us": at_us,
            "by": {"id": str(actor.account_id), "name": actor.name},
            "by_token": actor.token_id is not None,
            "remarks": remarks,
        },
        "agents": [_agent(agent) for agent in agents.order_by("name", "id")],
        "cameras": [one.json() for one in lists],
    }


def _agent(agent: Agent) -> dict[str, Any]:
    records = [
        bytes(key.kid).hex()
        for key in agent.keys.all()
        if key.purpose == AgentKeyPurpose.RECORD and key.replaced_at is None
    ]
    return {"id": str(agent.id), "name": agent.name, "software": agent.software, "record_keys": records}


def report_of(row: SignOff) -> dict[str, Any]:
    """What was signed."""
    found: dict[str, Any] = json.loads(parse1(bytes(row.signed)).payload)
    return found


def report_file(row: SignOff) -> dict[str, Any]:
    """The signed report with what it is verified from (`python -m sealing commissioning`)."""
    statements = [b64.encode(one) for one in statements_since(row.tenant_id)]
    return {"format": FORMAT, "report": b64.encode(bytes(row.signed)), "statements": statements}


def sign_off_of(actor: Actor, sign_off_id: UUID) -> SignOff:
    """A sign-off the actor may read: who may change the site's cameras, and each that was signed for and is still there.
    Raises NotFound, Denied."""
    row: SignOff = access.get(actor, CAMERA_EDIT, SignOff.objects.select_related("site"), id=sign_off_id)
    ids = [UUID(camera["id"]) for camera in report_of(row)["cameras"]]
    rows = Camera.objects.filter(id__in=ids)
    if access.visible(actor, CAMERA_EDIT, rows).count() != rows.count():
        raise NotFound()
    return row


def newest_of(site: Site) -> SignOff | None:
    """The site's newest sign-off."""
    row: SignOff | None = SignOff.objects.filter(site=site).order_by("-at", "-id").first()
    return row


def changed_since(row: SignOff, lists: Sequence[Checklist]) -> list[str]:
    """Names of cameras that are not as they were signed for: changed, added, or gone. Of the former ones those count that the
    reader may change; of what is gone, only the name was signed."""
    signed = {camera["id"]: camera for camera in report_of(row)["cameras"]}
    changed = [
        one.camera.name
        for one in lists
        if (before := signed.get(str(one.camera.id))) is None or _differs(before, one.json())
    ]
    now = Camera.objects.filter(id__in=[UUID(key) for key in signed], site_id=row.site_id)
    there = {str(key) for key in present(now).values_list("id", flat=True)}
    return changed + [camera["name"] for key, camera in signed.items() if key not in there]


def _differs(before: dict[str, Any], now: dict[str, Any]) -> bool:
    said = [
        [(check["point"], check["state"], check["reason"]) for check in one["checks"]]
        for one in (before, now)
    ]
    return said[0] != said[1] or any(before.get(name) != now.get(name) for name in LASTING)
