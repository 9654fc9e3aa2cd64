"""The pages of roles: which there are, a new one from a template, one role, its end."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.hours import Hours
from tenants.middleware import signed_in
from tenants.models import OrganisationRole, Tenant
from tenants.permissions import PEOPLE_EDIT, PEOPLE_VIEW, ROLE_EDIT, ROLES
from tenants.roles import role_of
from tenants.roles import roles as all_roles
from vsaas.accounts import people, role_limits
from vsaas.accounts import roles as service
from vsaas.accounts.effects import in_words
from vsaas.accounts.hours_words import sentences
from vsaas.accounts.limits import limits_of_role
from vsaas.accounts.people_forms import RoleForm, rights_of
from vsaas.accounts.people_pages import CONFIRMED, posted, said, say
from vsaas.accounts.roles_api import roles_json
from vsaas.common.errors import Conflict, InvalidField, NotFound
from vsaas.common.links import tenant_url


def _whole(actor: Actor) -> None:
    """Roles are the organisation's as a whole."""
    access.require(actor, PEOPLE_VIEW, Tenant.objects.get())


@requires(PEOPLE_VIEW)
@require_safe
def role_list(request: HttpRequest) -> HttpResponse:
    """The built-in roles, then the organisation's own."""
    actor = signed_in(request)
    _whole(actor)
    known = all_roles()
    rows = [
        {
            **row,
            "title": known[row["key"]].title,
            "words": people.ROLE_WORDS.get(row["key"], ""),
            "rights": rights_of(known[row["key"]].permissions),
        }
        for row in roles_json()
    ]
    context = {
        "roles": rows,
        "may_edit": actor.tenant_wide(ROLE_EDIT),
        "may_mail": actor.tenant_wide(PEOPLE_EDIT),
        "said": said(request),
    }
    return render(request, "accounts/roles.html", context)


@requires(ROLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def role_new(request: HttpRequest) -> HttpResponse:
    """A new role; `?from=` proposes what another one may do."""
    actor = signed_in(request)
    known = all_roles()
    template = known.get(request.GET.get("from", ""))
    form = RoleForm(
        request.POST if request.method == "POST" else None,
        initial={"permissions": [one.name for one in template.permissions] if template else ["camera:view"]},
    )
    if form.is_bound and form.is_valid():
        try:
            row = service.role_add(request, actor, form.cleaned_data["title"], form.chosen)
        except InvalidField as error:
            form.add_error(error.field, error.message[:1].upper() + error.message[1:] + ".")
        else:
            say(request, _("The role %(role)s is made. Give it to people on their pages.") % {"role": row})
            return HttpResponseRedirect(tenant_url(request, "roles"))
    context = {"form": form, "template": template, "templates": known.values()}
    return render(request, "accounts/role_new.html", context, status=422 if form.is_bound else 200)


@requires(PEOPLE_VIEW, ROLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def role_one(request: HttpRequest, key: str) -> HttpResponse:
    """What a role may do and who has it; POST changes it, once what that alters was shown and confirmed."""
    actor = signed_in(request)
    _whole(actor)
    known = all_roles().get(key)
    if known is None:
        raise NotFound(_("there is no such role"))
    if request.method != "POST":
        return _role_page(request, actor, key, _form_of(key))
    row = service.role_row(actor, key, editable=True)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _role_page(request, actor, key, form, status=422)
    wanted = service.wanted_permissions(form.chosen)
    try:
        if CONFIRMED not in request.POST and wanted != role_of(row).permissions:
            service.require_may_change(actor, row, wanted)
            sentences = [in_words(one) for one in service.preview(row, wanted)]
            if sentences:
                context = {"role": row, "sentences": sentences, "fields": posted(request)}
                return render(request, "accounts/confirm_role.html", context)
        title, version = form.cleaned_data["title"], form.cleaned_data["version"]
        service.role_change(request, actor, key, title=title, permissions=wanted, version=version)
    except InvalidField as error:
        form.add_error(error.field, error.message[:1].upper() + error.message[1:] + ".")
        return _role_page(request, actor, key, form, status=error.status)
    except Conflict as error:
        form.add_error(None, error.detail[:1].upper() + error.detail[1:] + ".")
        return _role_page(request, actor, key, form, status=error.status)
    say(request, _("The role %(role)s is changed.") % {"role": title})
    return HttpResponseRedirect(tenant_url(request, "roles"))


def _form_of(key: str) -> RoleForm | None:
    """A form as the role is now; none for a built-in one."""
    row = OrganisationRole.objects.filter(key=key).first()
    if key in ROLES or row is None:
        return None
    return RoleForm(
        initial={"title": row.title, "version": row.version, "permissions": list(row.permissions or ())}
    )


def _role_page(
    request: HttpRequest, actor: Actor, key: str, form: RoleForm | None, status: int = 200
) -> HttpResponse:
    role = all_roles()[key]
    context: dict[str, Any] = {
        "role": role,
        "words": people.ROLE_WORDS.get(key, ""),
        "rights": rights_of(role.permissions),
        "used_by": service.used_by(key),
        "hours": sentences(role.hours or Hours()),
        "under": any(grant.role.name == key for grant in actor.grants),
        "may_edit": actor.tenant_wide(ROLE_EDIT),
        "may_policy": actor.tenant_wide(PEOPLE_EDIT),
        "form": form,
        "limits": {
            "idle_min": limits_of_role(role).idle_s // 60,
            "lifetime_h": role_limits.hours(limits_of_role(role).lifetime_s),
        },
    }
    return render(request, "accounts/role.html", context, status=status)


@requires(ROLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def role_remove(request: HttpRequest, key: str) -> HttpResponse:
    """Delete a role nobody has."""
    actor = signed_in(request)
    row = service.role_row(actor, key)
    if request.method == "POST":
        service.role_delete(request, actor, key)
        say(request, _("The role %(role)s is deleted.") % {"role": row})
        return HttpResponseRedirect(tenant_url(request, "roles"))
    access.require(actor, ROLE_EDIT, row)
    return render(request, "accounts/role_remove.html", {"role": row, "used_by": service.used_by(key)})
