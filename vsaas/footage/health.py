"""What is wrong with footage, for the people who look after it: a page and its API over `findings`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.access import Actor
from tenants.declare import Requires, requires
from tenants.errors import NotFound
from tenants.middleware import signed_in
from tenants.permissions import AGENT_EDIT, AGENT_VIEW, TENANT_EDIT
from vsaas.alarms.tabs import tabs
from vsaas.audit.services import who
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.links import tenant_url
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example
from vsaas.footage.acts import why_spoken
from vsaas.footage.findings import open_findings, open_to, settle
from vsaas.footage.models import Finding, FindingKind
from vsaas.footage.replies import FINDING, FindingPage
from vsaas.installation.shown import security_shown

# Per kind: a tone, what happened, and what to do about it.
WORDS: dict[str, tuple[str, str | Promise, str | Promise]] = {
    FindingKind.FORK: (
        "bad",
        _("Two different records for one place"),
        _(
            "An agent signed two different records for the same place in its chain. A copied box or a restored disk does "
            "that, and so does somebody who holds its key. The first one counts. If you did not expect it, revoke the agent."
        ),
    ),
    FindingKind.TIP_MISMATCH: (
        "warn",
        _("An agent went on from another state"),
        _(
            "It does not know its newest records, as after a restored disk, or it is a copy. Its older footage is unharmed. "
            "If you did not expect it, revoke the agent."
        ),
    ),
    FindingKind.OBJECT_MISSING: (
        "bad",
        _("A stored recording is gone"),
        _("It was in the store and is no longer there, though no rule deleted it. Look who has access to the bucket."),
    ),
    FindingKind.OBJECT_CHANGED: (
        "bad",
        _("A stored recording was changed"),
        _("It is not the one its record describes, and will not be played. Look who has access to the bucket."),
    ),
    FindingKind.OBJECT_UNKNOWN: (
        "info",
        _("An object nobody speaks of"),
        _("No record describes it. After a restore of the portal the agents send such records again by themselves."),
    ),
    FindingKind.RECORD_REFUSED: (
        "warn",
        _("Records were refused"),
        _("They are malformed, or signed by a key that is not trusted. The agent's own page may say more."),
    ),
    FindingKind.AFTER_REVOCATION: (
        "warn",
        _("Records signed after their box was revoked"),
        _(
            "They came off its disk, brought by the box that took its place. They are kept and not called verified: nothing "
            "vouches for what is signed after a box is out of service. The box may have gone on recording until it was "
            "switched off. If it was off by then, or stolen, somebody else used its key."
        ),
    ),
    FindingKind.UNPLACED: (
        "warn",
        _("Recordings whose time cannot be right"),
        _("The agent's clock was wrong. They are kept, but stand in no timeline. Set the clock of the box."),
    ),
    FindingKind.OVERLAP: (
        "info",
        _("Recordings overlap"),
        _("Two pieces speak of the same time, as after a clock was set back. Both are kept."),
    ),
    FindingKind.SEGMENT_REPEATED: (
        "warn",
        _("A recording's name was used twice"),
        _("Only the first can be stored under it. A copied box does that."),
    ),
}  # fmt: skip


@requires(AGENT_VIEW)
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """What is open, newest first."""
    actor = signed_in(request)
    found = [_shown(row) for row in open_findings(actor)]
    context = {
        "tabs": tabs(request, "health"),
        "findings": found,
        "may_settle": actor.holds(AGENT_EDIT),
        "security": security_shown() if actor.tenant_wide(TENANT_EDIT) else None,
    }
    return render(request, "footage/health.html", context)


@requires(AGENT_EDIT)
@require_POST
def health_settled(request: HttpRequest, finding_id: UUID) -> HttpResponse:
    """A person says that one finding is settled."""
    actor = signed_in(request)
    settle(_get(actor, finding_id), who(actor))
    return HttpResponseRedirect(tenant_url(request, "health"))


class Findings(ApiView):
    """GET findings: what is wrong with footage and not settled, newest first."""

    access = Requires(AGENT_VIEW)

    @describe("List findings", reply=FindingPage, example=page_example(FINDING), paged=True)
    def get(self, request: Request) -> Response:
        """What is wrong with footage and not settled, newest first: about cameras and agents of your sites."""
        page = page_of(request, open_to(self.actor), order=("-last_us", "id"))
        return Response(page.json([_row(row) for row in page.rows]))


class FindingSettling(ApiView):
    """POST findings/<id>/settlement: a person says that it is settled."""

    access = Requires(AGENT_EDIT)

    @describe("Settle a finding", status=204)
    def post(self, request: Request, finding_id: UUID) -> Response:
        """Somebody looked at it. Should it happen again, it opens anew. Doing it twice changes nothing."""
        settle(_get(self.actor, finding_id), who(self.actor))
        return Response(status=204)


def _get(actor: Actor, finding_id: UUID) -> Finding:
    """The finding, where the actor may change what it is about. Raises NotFound or Denied."""
    row = Finding.objects.select_related("camera", "agent").filter(id=finding_id).first()
    if row is None:
        raise NotFound()
    access.require(actor, AGENT_EDIT, row.camera or row.agent or row)
    return row


def _row(row: Finding) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "kind": row.kind,
        "camera": str(row.camera_id) if row.camera_id else None,
        "agent": str(row.agent_id) if row.agent_id else None,
        "subject": row.subject,
        "detail": row.detail,
        "first_us": row.first_us,
        "last_us": row.last_us,
        "count": row.count,
    }


def _shown(row: Finding) -> dict[str, Any]:
    tone, title, advice = WORDS[row.kind]
    return {
        "id": row.id,
        "tone": tone,
        "title": title,
        "advice": advice,
        "camera": row.camera,
        "agent": row.agent,
        "subject": row.subject,
        "detail": why_spoken(row.detail),
        "first": _instant(row.first_us),
        "last": _instant(row.last_us),
        "count": row.count,
    }


def _instant(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1_000_000, UTC)
