"""Setting up and removing the telephone number to which a plug-in sends codes."""

from __future__ import annotations

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from tenants.declare import requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import numbers, owing, own, rules
from vsaas.accounts.account_pages import CONFIRM, confirm_first, me
from vsaas.accounts.models import Account, SentFactor
from vsaas.accounts.passkeys import LastFactor
from vsaas.accounts.people_pages import say
from vsaas.accounts.waiting import sentence
from vsaas.common.errors import Conflict, InvalidField, NotFound, TooMany
from vsaas.common.links import tenant_url

NUMBER, CODE = "number", "code"


class NumberForm(forms.Form):
    """A telephone number."""

    number = forms.CharField(
        label=gettext_lazy("Telephone number"),
        max_length=40,
        help_text=gettext_lazy("With the code of its country: +49 30 123456."),
        widget=forms.TextInput({"autocomplete": "tel", "inputmode": "tel", "spellcheck": "false"}),
    )


class SentCodeForm(forms.Form):
    """The code that was sent to it."""

    code = forms.CharField(
        label=gettext_lazy("Code that was sent to it"),
        max_length=10,
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "inputmode": "numeric", "class": "code", "spellcheck": "false"}
        ),
    )


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def number_set_up(request: HttpRequest, kind: str) -> HttpResponse:
    """Password and a factor one has first, then the number, then the code that was sent to it."""
    person, plugin = me(request), numbers.plugin_of(kind)
    if kind not in rules.rules_of(person).kinds:
        raise NotFound(_("your sign-in rules do not accept codes that are sent that way"))
    if not own.confirmed(request):
        words = {"title": plugin.title, "why": _("First show that it is you."), "go_on": _("Continue")}
        return confirm_first(request, person, CONFIRM, _begin, **words)
    pending = numbers.pending(request, person, kind)
    if request.method == "POST" and CODE in request.POST and pending is not None:
        return _code_given(request, person, pending)
    if request.method == "POST":
        return _number_given(request, person, kind)
    return _page(request, kind, pending, SentCodeForm() if pending else NumberForm())


def _begin(request: HttpRequest, person: Account) -> HttpResponse:
    own.confirm(request)
    return HttpResponseRedirect(request.path)


def _page(
    request: HttpRequest, kind: str, pending: SentFactor | None, form: forms.Form, status: int = 200
) -> HttpResponse:
    context = {
        "plugin": numbers.plugin_of(kind),
        "form": form,
        "field": form[CODE if pending else NUMBER],
        "number": pending.number if pending else "",
        "trouble": bool(pending and pending.trouble),
    }
    return render(request, "accounts/number.html", context, status=status)


def _number_given(request: HttpRequest, person: Account, kind: str) -> HttpResponse:
    form = NumberForm(request.POST)
    if not form.is_valid():
        return _page(request, kind, None, form, 422)
    try:
        numbers.begin(request, person, kind, form.cleaned_data[NUMBER])
    except (InvalidField, Conflict, TooMany) as error:
        form.add_error(NUMBER, sentence(error))
        return _page(request, kind, None, form, error.status)
    return HttpResponseRedirect(request.path)


def _code_given(request: HttpRequest, person: Account, pending: SentFactor) -> HttpResponse:
    form, status = SentCodeForm(request.POST), 422
    if form.is_valid():
        try:
            if numbers.confirm(request, person, pending, form.cleaned_data[CODE]):
                request.session.pop(own.CONFIRMED_AT, None)
                owing.note(request, person)
                say(request, _("Codes are sent to your number from now on."))
                return HttpResponseRedirect(tenant_url(request, "account"))
            form.add_error(
                CODE, _("This code is wrong, or good no more. Try again, or have another one sent.")
            )
        except TooMany as error:
            form.add_error(CODE, sentence(error))
            status = error.status
    return _page(request, pending.kind, pending, form, status)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def number_remove(request: HttpRequest, kind: str) -> HttpResponse:
    """Remove it: password and a factor first."""
    person = me(request)
    row = numbers.of(person, kind)
    if row is None:
        raise NotFound(_("you have no such number; it was removed already"))

    def then(request: HttpRequest, person: Account) -> HttpResponse:
        try:
            numbers.remove(request, person, row, request.factor_given)  # type: ignore[attr-defined]
        except LastFactor as error:
            say(request, sentence(error))
        else:
            say(request, _("The number is removed."))
        return HttpResponseRedirect(tenant_url(request, "account"))

    words = {
        "title": _("Remove the telephone number"),
        "why": _("No code is sent to it any more, and all your other sessions end."),
        "go_on": _("Remove it"),
    }
    return confirm_first(request, person, CONFIRM, then, **words)
