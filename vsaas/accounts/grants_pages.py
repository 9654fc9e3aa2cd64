"""A person's roles and exceptions one by one, and what they come to at a place."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants import access
from tenants.access import Actor, Grant, Place
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import CAMERA_VIEW, PEOPLE_EDIT, PEOPLE_VIEW, SITE_VIEW, SUBJECTS, subject_of
from vsaas.accounts import people
from vsaas.accounts.effects import Reason, reasons
from vsaas.accounts.grants import Held, Names, as_held, checked, grant_spoken, held, names_of
from vsaas.accounts.hours_now import Moment, hours_said
from vsaas.accounts.people_forms import GrantForm
from vsaas.accounts.people_pages import change, shown
from vsaas.common.errors import Conflict, InvalidField, NotFound


@requires(PEOPLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def people_grants(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """Add one role or exception to those a person has, or (`remove`) take one away; shown before it is done."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    access.require(actor, PEOPLE_EDIT, account)
    rows = {row.pk: held(row) for row in people.grants(account)}
    if "remove" in request.POST:
        gone = _row_of(rows, request.POST["remove"])
        return change(request, actor, account, frozenset(one for one in rows.values() if one != gone))
    form = GrantForm(request.POST if request.method == "POST" else None, **_offered(actor))
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return change(request, actor, account, checked({*rows.values(), form.chosen}))
        except InvalidField as error:
            form.add_error(None, error.message[:1].upper() + error.message[1:] + ".")
        except Conflict as error:
            form.add_error(None, error.detail[:1].upper() + error.detail[1:] + ".")
            status = error.status
    context = {"member": shown(actor, account), "form": form, "seen": people.version_of(account)}
    return render(request, "accounts/grant_add.html", context, status=status)


def _row_of(rows: dict[UUID, Held], asked: str) -> Held:
    """The membership of this id; NotFound when it is gone."""
    for key, one in rows.items():
        if str(key) == asked:
            return one
    raise NotFound(_("this role was taken away a moment ago"))


def _cameras() -> Any:
    return access.cameras().filter(deleted_at=None).select_related("site").order_by("name", "id")


def _offered(actor: Actor) -> dict[str, Any]:
    """The places to choose from."""
    names = access.groups().order_by("name").values_list("name", flat=True).distinct()
    return {
        "sites": Site.objects.all(),
        "cameras": access.visible(actor, CAMERA_VIEW, _cameras()),
        "groups": list(names),
    }


@requires(PEOPLE_VIEW)
@require_safe
def people_rights(request: HttpRequest, account_id: UUID) -> HttpResponse:
    """What a person may do at a place (`?place=`: "" for the organisation, "site:<id>", "camera:<id>"), and why."""
    actor = signed_in(request)
    account = people.member(actor, account_id)
    asked = request.GET.get("place", "")
    place = _place(actor, asked)
    grants = people.rights_of(account)
    names = names_of([as_held(one) for one in grants])
    found = reasons(grants, place)
    context = {
        "member": shown(actor, account),
        "subjects": reasons_shown(found, names, Moment.now()),
        "hours": hours_said(grant for one in found for grant in one.given_by),
        "place": asked,
        "sites": [
            (f"site:{one.pk}", one.name) for one in access.visible(actor, SITE_VIEW, Site.objects.all())
        ],
        "cameras": [
            (f"camera:{one.pk}", f"{one.name} · {one.site.name}")
            for one in access.visible(actor, CAMERA_VIEW, _cameras())
        ],
    }
    return render(request, "accounts/why.html", context)


def _place(actor: Actor, asked: str) -> Place:
    """Raises NotFound, Denied, or Http404 for what names no place."""
    kind, _colon, key = asked.partition(":")
    if not asked:
        return Place()
    try:
        place_id = UUID(key)
    except ValueError:
        raise Http404 from None
    if kind == "site":
        return access.place_of(access.get(actor, SITE_VIEW, Site.objects.all(), pk=place_id))
    if kind == "camera":
        return access.place_of(access.get(actor, CAMERA_VIEW, access.cameras(), pk=place_id))
    raise Http404


def reasons_shown(found: list[Reason], names: Names, moment: Moment) -> list[dict[str, Any]]:
    """Permissions under their headings, each with whether it is held (and, if not now, when) and what gives and takes it, in
    words."""
    return [
        {
            "title": subject.title,
            "rows": [
                {
                    "words": one.permission.sentence,
                    "allowed": one.allowed,
                    "later": moment.said(one),
                    "given": _spoken(one.given_by, names),
                    "taken": _spoken(one.taken_by, names),
                }
                for one in found
                if subject_of(one.permission) == subject
            ],
        }
        for subject in SUBJECTS
    ]


def _spoken(grants: tuple[Grant, ...], names: Names) -> list[str]:
    return [grant_spoken(one, names) for one in grants]
