"""My account: name, password, second factor, sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import (
    acts,
    address,
    closing,
    language,
    numbers,
    own,
    passkeys,
    people,
    recovery,
    remembered,
    sent_codes,
    setup,
    signin,
    user_agents,
)
from vsaas.accounts.code_asking import try_to_ask
from vsaas.accounts.forms import ChosenPasswordForm, FactorForm, PasswordForm
from vsaas.accounts.models import Account, RecoveryCode, Session, TotpDevice
from vsaas.accounts.passwords import MAX_CHARS
from vsaas.accounts.people_pages import rights, said, say, shown_session
from vsaas.accounts.views import SEND, app_of, check_new_app, too_many_words
from vsaas.accounts.waiting import sentence
from vsaas.audit import feed
from vsaas.common.errors import NotFound, TooMany
from vsaas.common.links import tenant_url
from vsaas.mail import outbox

ACTIVITY_ROWS = 20

Then = Callable[[HttpRequest, Account], HttpResponse]


CONFIRM = "accounts/account_confirm.html"
"""The page that asks for password and code before something of one's own: `title`, `why`, `go_on`."""


class NameForm(forms.Form):
    """One's own name."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )


class NewPasswordForm(ChosenPasswordForm):
    """The password one has, and the one to come."""

    password = forms.CharField(
        label=gettext_lazy("Your password now"),
        max_length=MAX_CHARS,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )
    field_order = ("password", "new_password")


class ConfirmForm(FactorForm, PasswordForm):
    """Password and a current code: who has both is no thief of a session."""

    field_order = ["password", "code"]


class NewAddressForm(ConfirmForm):
    """The address to come, confirmed by password and code."""

    field_order = ["email", "password", "code"]

    email = forms.EmailField(
        label=gettext_lazy("New e-mail address"),
        max_length=254,
        widget=forms.EmailInput({"autocomplete": "email", "autocapitalize": "none", "spellcheck": "false"}),
    )


def me(request: HttpRequest) -> Account:
    """The signed-in person's account."""
    return Account.objects.get(pk=signed_in(request).account_id)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """Everything about oneself. POST changes the name."""
    person = me(request)
    bound = request.POST if request.method == "POST" else None
    form = NameForm(bound, initial={"name": person.name})
    if request.method == "POST" and form.is_valid():
        if own.rename(request, person, form.cleaned_data["name"]):
            say(request, _("Your name is changed."))
        return HttpResponseRedirect(tenant_url(request, "account"))
    app = TotpDevice.objects.filter(user=person, confirmed=True).order_by("-created_at").first()
    context = {
        "person": Account.objects.get(pk=person.pk) if form.is_bound else person,
        "form": form,
        "app": app,
        "passkeys": passkeys.of(person),
        "remembered": [
            {"row": row, "words": acts.device_spoken(row.device)} for row in remembered.of(person)
        ],
        "numbers": numbers.offered(person),
        "may_add_passkey": passkeys.party() is not None,
        "codes_left": RecoveryCode.objects.filter(device__user=person, used_at=None).count(),
        "sessions": own_sessions(request, person),
        "rights": rights(person),
        "activity": activity(person),
        "may_mail": outbox.is_there(),
        "said": said(request),
    }
    return render(request, "accounts/account.html", context, status=422 if form.is_bound else 200)


def activity(person: Account) -> list[dict[str, Any]]:
    """What happened to one's account of late. From which network only where it was oneself, or nobody known: where an
    owner sits is not told."""
    return [
        {
            "sentence": seen.sentence,
            "at": seen.at,
            "network": seen.event.network if seen.event.actor_id in (None, person.pk) else "",
        }
        for seen in feed.about_person(person.pk, ACTIVITY_ROWS)
    ]


def own_sessions(request: HttpRequest, person: Account) -> list[dict[str, Any]]:
    """One's sessions as the template draws them, this one first."""
    rows = [
        shown_session(session) | {"here": own.is_this(request, session)} for session in own.sessions(person)
    ]
    return sorted(rows, key=lambda row: not row["here"])


@requires(ACCOUNT_SELF)
@require_POST
def account_language(request: HttpRequest) -> HttpResponse:
    """The language of one's pages and messages; "" or one that is not offered: as the browser says."""
    code = request.POST.get("language", "")
    chosen = code if language.is_offered(code) else None
    language.choose_for(me(request), chosen)
    response = HttpResponseRedirect(tenant_url(request, "account"))
    language.keep_in_browser(response, chosen)
    return response


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account_password(request: HttpRequest) -> HttpResponse:
    """Change the password; the present one is asked for."""
    person = me(request)
    about = [person.name, person.email, request.tenant.name]  # type: ignore[attr-defined]
    form = NewPasswordForm(request.POST if request.method == "POST" else None, about=about)
    status, headers = (422 if form.is_bound else 200), {}
    if request.method == "POST" and form.is_valid():
        try:
            right = signin.check_own_password(request, person, form.cleaned_data["password"])
        except TooMany as error:
            form.add_error("password", too_many_words(error))
            status, headers = error.status, error.headers
        else:
            if right:
                count = own.change_password(request, person, form.cleaned_data["new_password"])
                say(request, _ended(_("Your password is changed."), count))
                return HttpResponseRedirect(tenant_url(request, "account"))
            form.add_error("password", _("This is not your password. Try again."))
    context = {"form": form, "person": person}
    return _with(render(request, "accounts/account_password.html", context, status=status), headers)


def _with(response: HttpResponse, headers: dict[str, str]) -> HttpResponse:
    for name, value in headers.items():
        response[name] = value
    return response


def _ended(text: str, count: int) -> str:
    """What was done, and how many other sessions ended with it."""
    if not count:
        return text
    ended = ngettext("%(count)d other session ended.", "%(count)d other sessions ended.", count)
    return f"{text} {ended % {'count': count}}"


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account_factor(request: HttpRequest) -> HttpResponse:
    """Set up a new authenticator app: password and a current code first, then the new app's first code."""
    person = me(request)
    if not own.confirmed(request):
        why = _(
            "First show that it is you. The app you have now, or one of your recovery codes, makes the code."
        )
        words = {"title": _("Set up another app"), "why": why, "go_on": _("Continue")}
        return confirm_first(request, person, CONFIRM, _begin_factor, **words)
    device = setup.device_of(person)
    form, status, right = check_new_app(request, device)
    if right:
        own.change_factor(request, person, device)
        return HttpResponseRedirect(tenant_url(request, "recovery-codes"))
    context = {"form": form, "account": person, **app_of(device)}
    return render(request, "accounts/account_factor.html", context, status=status)


def _begin_factor(request: HttpRequest, person: Account) -> HttpResponse:
    own.confirm(request)
    return HttpResponseRedirect(request.path)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account_codes(request: HttpRequest) -> HttpResponse:
    """New recovery codes: password and a current code first."""
    why = _("First show that it is you. The codes you have now stop working.")
    words = {"title": _("Make new recovery codes"), "why": why, "go_on": _("Make new codes")}
    return confirm_first(request, me(request), CONFIRM, _new_codes, **words)


def _new_codes(request: HttpRequest, person: Account) -> HttpResponse:
    recovery.make_codes(request, person)
    return HttpResponseRedirect(tenant_url(request, "recovery-codes"))


def given_now(request: HttpRequest, person: Account, form: ConfirmForm) -> Any:
    """The factor that was given in the form, or None. Raises TooMany."""
    return signin.check_factor(request, person, form.cleaned_data["code"], sent=True)


def confirm_first(
    request: HttpRequest,
    person: Account,
    template: str,
    then: Then,
    form: ConfirmForm | None = None,
    **context: Any,
) -> HttpResponse:
    """The form that asks for password and code, and what comes once both are right: `request.factor_given` is then the
    device that took the code."""
    form = form or ConfirmForm(request.POST if request.method == "POST" else None)
    status, headers = (422 if form.is_bound else 200), {}
    if SEND in request.POST:
        wrong = try_to_ask(request, person, request.POST[SEND])
        form.errors.clear()
        status = 200 if wrong is None else wrong.status
        if wrong is not None:
            form.add_error(None, sentence(wrong))
    elif request.method == "POST" and form.is_valid():
        try:
            # The password first: a code works once, and must not be spent beside a wrong password.
            if not signin.check_own_password(request, person, form.cleaned_data["password"]):
                form.add_error("password", _("This is not your password. Try again."))
            elif (given := given_now(request, person, form)) is None:
                form.add_error(
                    "code", _("This code is wrong or was used before. Wait for the next one and type that.")
                )
            else:
                request.factor_given = given  # type: ignore[attr-defined]
                return then(request, person)
        except TooMany as error:
            form.add_error(None, too_many_words(error))
            status, headers = error.status, error.headers
    sent_codes.relabel(request, person, form.fields["code"])
    drawn = render(request, template, {"form": form, "person": person, **context}, status=status)
    return _with(drawn, headers)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account_email(request: HttpRequest) -> HttpResponse:
    """Another e-mail address: password and a code, then a link to the new address."""
    if not outbox.is_there():
        raise NotFound(_("this system sends no mail, so a new address cannot be confirmed"))
    form = NewAddressForm(request.POST if request.method == "POST" else None)

    def then(request: HttpRequest, person: Account) -> HttpResponse:
        email = form.cleaned_data["email"]
        address.ask(request, person, email)
        say(
            request,
            _("A link was sent to %(email)s. Your address changes when it is opened.") % {"email": email},
        )
        return HttpResponseRedirect(tenant_url(request, "account"))

    return confirm_first(request, me(request), "accounts/account_email.html", then, form)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def account_close(request: HttpRequest) -> HttpResponse:
    """What closing one's account means, and doing it: password and a code first."""
    person = me(request)
    last_owner = people.is_owner(person) and not people.owners_left(without=person.pk)
    return confirm_first(request, person, "accounts/account_close.html", _close, last_owner=last_owner)


def _close(request: HttpRequest, person: Account) -> HttpResponse:
    closing.close(request, person)
    return TemplateResponse(request, "accounts/link_done.html", {"what": "closed"})


@requires(ACCOUNT_SELF)
@require_POST
def account_end_session(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """Sign out one of one's other sessions."""
    person = me(request)
    session = Session.objects.filter(pk=session_id, account=person).first()
    if session is None:
        raise NotFound(_("this session has ended already"))
    own.end(request, person, session)
    if own.is_this(request, session):
        request.session.flush()
        return HttpResponseRedirect(tenant_url(request, "sign-in"))
    say(request, _("%(device)s is signed out.") % {"device": user_agents.device_words(session.user_agent)})
    return HttpResponseRedirect(tenant_url(request, "account"))


@requires(ACCOUNT_SELF)
@require_POST
def account_forget(request: HttpRequest, browser_id: UUID) -> HttpResponse:
    """Remember one of one's browsers no more."""
    person = me(request)
    row = remembered.of(person).filter(pk=browser_id).first()
    if row is None:
        raise NotFound(_("this browser is not remembered any more"))
    words = acts.device_spoken(row.device)
    remembered.end(request, person, row)
    say(request, _("%(device)s has to give a second factor again.") % {"device": words})
    return HttpResponseRedirect(tenant_url(request, "account"))


@requires(ACCOUNT_SELF)
@require_POST
def account_end_others(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    count = own.end_all_others(request, me(request))
    say(request, _ended(_("You are signed in here alone."), count))
    return HttpResponseRedirect(tenant_url(request, "account"))
