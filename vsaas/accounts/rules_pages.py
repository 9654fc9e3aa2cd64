"""The page of the sign-in rules: for everybody, and for single roles otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import PEOPLE_EDIT, TENANT_EDIT, Role
from tenants.roles import roles
from vsaas.accounts import rules
from vsaas.accounts.people_pages import said, say
from vsaas.accounts.rules import RoleRules, Rules, SignInRules
from vsaas.accounts.waiting import sentence
from vsaas.common.api import session_id
from vsaas.common.errors import Conflict
from vsaas.common.links import tenant_url

AS_EVERYBODY, YES, NO = "", "yes", "no"


class RulesForm(forms.Form):
    """For everybody."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Second factors that are accepted"),
        choices=lambda: list(rules.kinds_offered().items()),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": gettext_lazy("Choose at least one.")},
    )
    passwordless = forms.BooleanField(
        label=gettext_lazy("A passkey is enough, without the password"), required=False
    )
    remember_days = forms.IntegerField(
        label=gettext_lazy("A browser is remembered for so many days"),
        min_value=0,
        max_value=rules.REMEMBER_DAYS_MOST,
        help_text=gettext_lazy("0: never. Where it is remembered, the password is enough."),
    )
    code_minutes = forms.IntegerField(
        label=gettext_lazy("A code that is sent is good for so many minutes"),
        min_value=rules.CODE_MINUTES_LEAST,
        max_value=rules.CODE_MINUTES_MOST,
        required=False,
        help_text=gettext_lazy("Good once, for three tries, in the browser it was asked for in."),
    )

    def rules(self) -> Rules:
        """What was chosen, once it is valid."""
        data = self.cleaned_data
        return Rules(frozenset(data["kinds"]), data["passwordless"], data["remember_days"])

    def minutes(self, now: SignInRules) -> int:
        """How long a code that is sent is good; as it is where nothing was said."""
        return self.cleaned_data["code_minutes"] or now.code_minutes


class RoleRulesForm(forms.Form):
    """For one role: what is left out is as for everybody."""

    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Second factors that are accepted"),
        choices=lambda: list(rules.kinds_offered().items()),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("None chosen: as for everybody."),
    )
    passwordless = forms.ChoiceField(
        label=gettext_lazy("A passkey without the password"),
        choices=[
            (AS_EVERYBODY, gettext_lazy("As for everybody")),
            (YES, gettext_lazy("Is enough")),
            (NO, gettext_lazy("Is not enough")),
        ],
        required=False,
    )
    remember_days = forms.IntegerField(
        label=gettext_lazy("Days a browser is remembered"),
        min_value=0,
        max_value=rules.REMEMBER_DAYS_MOST,
        required=False,
        help_text=gettext_lazy("Empty: as for everybody."),
    )

    def rules(self) -> RoleRules:
        """What was chosen, once it is valid."""
        data = self.cleaned_data
        return RoleRules(
            frozenset(data["kinds"]) or None,
            {YES: True, NO: False}.get(data["passwordless"]),
            data["remember_days"],
        )


def _role_forms(request: HttpRequest, now: SignInRules) -> Iterator[tuple[Role, RoleRulesForm]]:
    for key, role in roles().items():
        one = now.roles.get(key, RoleRules())
        initial = {
            "kinds": sorted(one.kinds or ()),
            "passwordless": {None: AS_EVERYBODY, True: YES, False: NO}[one.passwordless],
            "remember_days": one.remember_days,
        }
        bound = request.POST if request.method == "POST" else None
        yield role, RoleRulesForm(bound, prefix=f"role-{key}", initial=initial)


@requires(TENANT_EDIT, PEOPLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def rules_page(request: HttpRequest) -> HttpResponse:
    """What holds; POST changes it, or has it wait for a second person where making it weaker needs one."""
    actor = signed_in(request)
    access.require(actor, TENANT_EDIT, Tenant.objects.get())
    now = rules.sign_in_rules()
    initial: dict[str, Any] = {
        "kinds": sorted(now.everybody.kinds),
        "passwordless": now.everybody.passwordless,
        "remember_days": now.everybody.remember_days,
        "code_minutes": now.code_minutes,
    }
    form = RulesForm(request.POST if request.method == "POST" else None, initial=initial)
    by_role = list(_role_forms(request, now))
    status = 200
    if form.is_bound:
        status = 422
        if form.is_valid() and all(one.is_valid() for _role, one in by_role):
            said_of = {role.name: one.rules() for role, one in by_role}
            changed = {key: one for key, one in said_of.items() if one != RoleRules()}
            try:
                with transaction.atomic():  # refused, nothing of it stays
                    waits = rules.change(
                        request,
                        actor,
                        SignInRules(form.rules(), changed, form.minutes(now)),
                        session_id=session_id(request),
                    )
            except Conflict as error:
                form.add_error(None, sentence(error))
                status = error.status
            else:
                words = _("This waits for a second person. Nothing has changed yet.")
                say(request, words if waits is not None else _("The rules are saved."))
                return HttpResponseRedirect(tenant_url(request, "organisation-sign-in"))
    context = {
        "form": form,
        "roles": [
            {"role": role, "form": one, "open": role.name in now.roles or bool(one.errors)}
            for role, one in by_role
        ],
        "sends": rules.kinds_offered().keys() - rules.STRONG,
        "without_factor": rules.names_of(rules.without_factor(now)),
        "said": said(request),
    }
    return render(request, "accounts/sign_in_rules.html", context, status=status)
