"""The page of a role's hours, and that of the organisation: its name, zone and holidays."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from tenants import hours
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Membership, Tenant
from tenants.permissions import OWNER, PEOPLE_VIEW, ROLE_EDIT, TENANT_EDIT
from tenants.words import Text
from vsaas.accounts import hours as service
from vsaas.accounts.hours_effects import in_words
from vsaas.accounts.hours_forms import HoursForm, OrganisationForm
from vsaas.accounts.hours_words import holidays_words, sentences
from vsaas.accounts.people_pages import CONFIRMED, posted, said, say
from vsaas.approvals.errors import AwaitsSecondPerson
from vsaas.common import clock
from vsaas.common.errors import Conflict, InvalidField, VsaasError
from vsaas.common.links import tenant_url

CONFIRMED_CLOSED = "confirm-closed"
_notes: list[Callable[[], Text | None]] = []


def register_note(note: Callable[[], Text | None]) -> None:
    """Have the page of a role's hours say something besides, while `note()` gives it: for what stands above accounts."""
    _notes.append(note)


@requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def role_hours(request: HttpRequest, key: str) -> HttpResponse:
    """What holds, in sentences; for who may change roles the weekly editor."""
    actor = signed_in(request)
    found = service.role_hours(actor, key)
    form = HoursForm(found.hours, request.POST if request.method == "POST" else None)
    may_edit = _may_edit(actor, key)
    context: dict[str, Any] = {
        "role": found.role,
        "version": found.version,
        "form": form,
        "may_edit": may_edit,
        "asks_to_confirm": False,
    }
    status = 200
    if request.method == "POST" and not form.reshape():
        reply, status = _save(request, actor, key, form, context)
        if reply is not None:
            return reply
    elif request.method == "POST":
        context["version"] = request.POST.get("version", "")
    return _page(request, found, context, status)


def _save(
    request: HttpRequest, actor: Actor, key: str, form: HoursForm, context: dict[str, Any]
) -> tuple[HttpResponse | None, int]:
    """The reply when the hours were kept or are to be confirmed, else the status of the form shown again."""
    version = request.POST.get("version", "")
    context["version"] = version
    if not form.is_valid():
        return None, 422
    try:
        if _closes_on_oneself(key, form) and CONFIRMED_CLOSED not in request.POST:
            context["asks_to_confirm"] = True
            return None, 422
        seen = int(version) if version.isdecimal() else None
        if CONFIRMED not in request.POST:
            effects = service.preview_role_hours(actor, key, form.hours, version=seen)
            if effects:
                context |= {"sentences": [in_words(one) for one in effects], "fields": posted(request)}
                return render(request, "accounts/confirm_hours.html", context), 200
        service.set_role_hours(request, actor, key, form.hours, version=seen)
    except InvalidField as error:
        form.refuse(error.field, error.message)
        return None, 422
    except AwaitsSecondPerson as error:
        say(request, sentence(error))
        return HttpResponseRedirect(tenant_url(request, "roles-hours", key=key)), 302
    except Conflict as error:
        form.errors.append(sentence(error))
        return None, 409
    say(request, _("The hours are saved and hold from now on."))
    return HttpResponseRedirect(tenant_url(request, "roles-hours", key=key)), 302


def sentence(error: VsaasError) -> str:
    """What an error says, on a page."""
    text = str(error.detail)
    return text[:1].upper() + text[1:] + "."


def _closes_on_oneself(key: str, form: HoursForm) -> bool:
    """Whether the owner who saves this is shut out by it at once. Raises LocksOut where all are for good."""
    if key != OWNER.name:
        return False
    now_us, calendar = clock.now_us(), Tenant.objects.get().calendar
    service.require_open_to_owners(form.hours, calendar, "sign_in")
    return not hours.open_at(form.hours.sign_in, form.hours.holidays, now_us, calendar)


def _may_edit(actor: Actor, key: str) -> bool:
    under = Membership.objects.filter(account_id=actor.account_id, role=key, denies=False).exists()
    return actor.tenant_wide(ROLE_EDIT) and (key == OWNER.name or not under)


def _page(
    request: HttpRequest, found: service.RoleHours, context: dict[str, Any], status: int
) -> HttpResponse:
    calendar = Tenant.objects.get().calendar
    context |= {
        "sentences": sentences(found.hours),
        "zone": calendar.zone.key,
        "local_now": hours.local_moment(clock.now_us(), calendar),
        "holidays": holidays_words(calendar),
        "said": said(request),
        "notes": [note for one in _notes if (note := one()) is not None],
    }
    return render(request, "accounts/role_hours.html", context, status=status)


@requires(TENANT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def organisation(request: HttpRequest) -> HttpResponse:
    """Name, zone and holidays."""
    actor = signed_in(request)
    tenant = service.organisation(actor)
    initial = {"name": tenant.name, "timezone": tenant.timezone, "holidays": tenant.holidays}
    form = OrganisationForm(initial, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST" and not form.reshape():
        try:
            service.set_organisation(
                request, actor, name=form.name, timezone=form.timezone, holidays=form.holidays()
            )
        except InvalidField as error:
            form.refuse(error.field, error.message)
            status = 422
        except AwaitsSecondPerson as error:
            say(request, sentence(error))
            return HttpResponseRedirect(tenant_url(request, "organisation"))
        else:
            say(request, _("The settings are saved."))
            return HttpResponseRedirect(tenant_url(request, "organisation"))
    context = {
        "form": form,
        "zones": sorted(zoneinfo.available_timezones()),
        "local_now": hours.local_moment(clock.now_us(), tenant.calendar),
        "said": said(request),
    }
    return render(request, "accounts/organisation.html", context, status=status)
