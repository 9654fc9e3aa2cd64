"""Who may see a camera, and why: a page and a route."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.access import Actor
from tenants.declare import Requires, requires
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import CAMERA_VIEW, PEOPLE_VIEW
from vsaas.accounts.effects import Reason, who_sees
from vsaas.accounts.grants import Names, as_held, grant_spoken, names_of
from vsaas.accounts.hours_now import Moment, hours_said
from vsaas.accounts.models import Account
from vsaas.accounts.roles_api import reasons_json
from vsaas.accounts.roles_replies import CAMERA_PERSON, CameraPeople
from vsaas.cameras.models import Camera
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.shapes import page_example

People = list[tuple[Account, list[Reason]]]


def _asked(actor: Actor, camera_id: UUID) -> tuple[Camera, People, Names]:
    """The camera, whose people the actor may know; who may do what with it; what their roles are called."""
    access.require(actor, PEOPLE_VIEW, Tenant.objects.get())
    camera = access.get(
        actor, CAMERA_VIEW, Camera.objects.filter(erase_footage=False).select_related("site"), id=camera_id
    )
    found = who_sees(camera)
    chosen = {as_held(one) for _, rows in found for row in rows for one in (*row.given_by, *row.taken_by)}
    return camera, found, names_of(chosen)


@requires(PEOPLE_VIEW)
@require_safe
def camera_people(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Everybody who may do something with a camera, and why."""
    actor = signed_in(request)
    camera, found, names = _asked(actor, camera_id)
    moment = Moment.now()
    people = [_shown(account, rows, names, moment) for account, rows in found]
    return render(request, "cameras/people.html", {"camera": camera, "people": people})


def _shown(account: Account, rows: list[Reason], names: Names, moment: Moment) -> dict[str, Any]:
    given = {one: None for row in rows for one in row.given_by}
    taken = {one: None for row in rows for one in row.taken_by}
    return {
        "id": account.pk,
        "name": str(account),
        "may": [(row.permission.sentence, moment.said(row)) for row in rows if row.allowed],
        "not": [row.permission.sentence for row in rows if row.taken_by],
        "hours": hours_said(given),
        "given": [grant_spoken(one, names) for one in given],
        "taken": [grant_spoken(one, names) for one in taken],
    }


class CameraPeopleView(ApiView):
    """GET: who may do what with a camera, and why."""

    access = Requires(PEOPLE_VIEW)
    tag = "People"

    @describe("Ask who may see a camera", reply=CameraPeople, example=page_example(CAMERA_PERSON))
    def get(self, request: Request, camera_id: UUID) -> Response:
        """Everybody to whom a role gives something there, by name, with what and why; whoever has all of it denied is among
        them."""
        _, found, names = _asked(self.actor, camera_id)
        moment = Moment.now()
        items = [
            {"id": str(account.pk), "name": str(account), "rights": reasons_json(rows, names, moment)}
            for account, rows in found
        ]
        return Response({"items": items, "next": None})
