"""Health entries about footage: one open row per kind and subject, counted while it lasts."""

from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_noop

from sealing.errors import BadField
from sealing.names import parse_object_name
from tenants import access
from tenants.access import Actor
from tenants.hours import inside
from tenants.ids import uuid7
from tenants.permissions import AGENT_VIEW
from tenants.scope import current_tenant_id
from tenants.sight import sight
from vsaas.agents.models import Agent
from vsaas.audit import services as audit
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.footage import acts
from vsaas.footage.models import Finding, FindingKind
from vsaas.footage.times import HOUR_US, hour_us_of

CHECKER = audit.system(gettext_noop("footage check"))

_NOTE = """
INSERT INTO footage_finding (id, tenant_id, kind, camera_id, agent_id, subject, detail, first_us, last_us, count)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (tenant_id, kind, subject) WHERE closed_us IS NULL
DO UPDATE SET last_us = EXCLUDED.last_us, detail = EXCLUDED.detail, count = footage_finding.count + EXCLUDED.count
RETURNING (xmax = 0)
"""


def note(
    kind: FindingKind,
    subject: str,
    detail: str,
    *,
    camera: UUID | None = None,
    agent: UUID | None = None,
    count: int = 1,
) -> bool:
    """Opens a finding, or counts it again; True when it is new (and deserves an audit entry or an alarm)."""
    now = clock.now_us()
    row = [
        uuid7(),
        current_tenant_id(),
        str(kind),
        camera,
        agent,
        subject[:200],
        detail[:500],
        now,
        now,
        count,
    ]
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, row)
        new: bool = cursor.fetchone()[0]
    return new


def object_wrong(kind: FindingKind, name: str, detail: str, camera_id: UUID | None) -> None:
    """Notes that store and records disagree about an object, and audits it the first time. `camera_id` may be one the
    tenant does not have (an object of a foreign name)."""
    camera = Camera.objects.filter(id=camera_id).first() if camera_id else None
    if note(kind, name, detail, camera=camera.id if camera else None):
        about = audit.what(camera) if camera else audit.What("object", name, name)
        audit.record_act(acts.OBJECT_WRONG, CHECKER, about, object_name=name, why=detail)


def close(kind: FindingKind, subject: str) -> None:
    """The matter is settled."""
    Finding.objects.filter(kind=kind, subject=subject, closed_us=None).update(closed_us=clock.now_us())


def settle(finding: Finding, by: audit.Who) -> None:
    """A person looked at it and says that it is settled; should it happen again, it opens anew. The caller has checked
    the right. Does nothing where it is closed already."""
    open_still = Finding.objects.filter(id=finding.id, closed_us=None)
    if open_still.update(closed_us=clock.now_us()):
        about = audit.What("finding", str(finding.id), finding.subject)
        audit.record_act(acts.SETTLED, by, about, kind=FindingKind(finding.kind).label)


def open_findings(actor: Actor, limit: int = 200) -> list[Finding]:
    """What the actor should look at, newest first."""
    return list(open_to(actor).order_by("-last_us", "id")[:limit])


def open_to(actor: Actor) -> QuerySet[Finding]:
    """What the actor should look at: findings about cameras and agents they hold the right on, and about the tenant as a
    whole for who holds it there. Of cameras, none that tells of time their hours do not let them know of."""
    rows = Finding.objects.filter(closed_us=None).select_related("camera", "agent")
    theirs = Q(camera__in=access.visible(actor, AGENT_VIEW, Camera.objects.all())) | Q(
        camera=None, agent__in=access.visible(actor, AGENT_VIEW, Agent.objects.all())
    )
    if actor.tenant_wide(AGENT_VIEW):
        theirs |= Q(camera=None, agent=None)
    rows = rows.filter(theirs)
    if actor.calendar is None:  # no hours had a say
        return rows
    about_cameras = rows.exclude(camera=None).prefetch_related("camera__groups")
    return rows.exclude(id__in=[row.id for row in about_cameras if not _may_know(actor, row)])


def _may_know(actor: Actor, finding: Finding) -> bool:
    """Whether the hours of the actor let them know when the matter was noticed, and of the hour of the object it is about."""
    seen = sight(actor, finding.camera, AGENT_VIEW)
    times = [(finding.first_us, finding.first_us + 1), (finding.last_us, finding.last_us + 1)]
    try:
        hour_us = hour_us_of(parse_object_name(finding.subject).hour)
    except BadField:
        pass  # it is about something else than an object
    else:
        times.append((hour_us, hour_us + HOUR_US))
    return all(inside(seen.spans(*time), *time) for time in times)
