"""One's passkeys: adding, renaming, removing; and what a browser is to have a passkey sign."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from tenants.declare import public, requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import owing, own, passkeys, signin, waiting
from vsaas.accounts.account_pages import CONFIRM, confirm_first, me
from vsaas.accounts.models import Account, Passkey
from vsaas.accounts.passkeys import LastFactor, PasskeyRefused
from vsaas.accounts.people_pages import say
from vsaas.accounts.user_agents import device_words
from vsaas.approvals.forms import FACTOR_CHARS_MAX
from vsaas.common.errors import InvalidField, NotFound, NotSignedIn
from vsaas.common.links import tenant_url

COVERS_CHARS_MAX = 64


class PasskeyNameForm(forms.Form):
    """What a passkey is called."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=passkeys.NAME_CHARS_MAX,
        help_text=gettext_lazy("What you recognise it by: where it is kept, for example."),
    )


class NewPasskeyForm(PasskeyNameForm):
    """The same, and what the browser made."""

    answer = forms.CharField(max_length=FACTOR_CHARS_MAX, widget=forms.HiddenInput, required=False)


def asked_for(request: HttpRequest) -> Account | None:
    """Whom a passkey is asked of in this session; None: whoever it turns out to be, where a passkey alone may do. Raises
    NotSignedIn."""
    account = signin.owing_account(request)
    if account is None and request.actor is not None:  # type: ignore[attr-defined]
        account = me(request)
    if account is None and not passkeys.alone_is_offered():
        raise NotSignedIn(_("type your password first"))
    return account


@public("a challenge opens nothing; whose session asks for it owes the answer, or is signed in")
@require_POST
def passkey_challenge(request: HttpRequest) -> HttpResponse:
    """JSON for `navigator.credentials.get`: what one of the person's passkeys is to sign, or any that
    is known here. `covers`: the digest of what the
    answer says yes to, in hexadecimal."""
    try:
        covers = bytes.fromhex(request.POST.get("covers", "")[:COVERS_CHARS_MAX])
    except ValueError:
        raise InvalidField("covers", _("write it in hexadecimal")) from None
    # Who approves at another's screen is not known before they have typed who they are: any of theirs may answer.
    account = None if waiting.asks_here(request, covers) else asked_for(request)
    return JsonResponse(passkeys.request_options(request, account, covers))


def _one(request: HttpRequest, passkey_id: UUID) -> Passkey:
    passkey = passkeys.of(me(request)).filter(pk=passkey_id).first()
    if passkey is None:
        raise NotFound(_("you have no such passkey; it was removed already"))
    return passkey


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def passkey_new(request: HttpRequest) -> HttpResponse:
    """Add a passkey: password and a factor one has first, then its name, and the browser makes it."""
    person = me(request)
    passkeys.the_party()
    if not own.confirmed(request):
        words = {"title": _("Add a passkey"), "why": _("First show that it is you."), "go_on": _("Continue")}
        return confirm_first(request, person, CONFIRM, _begin, **words)
    called = device_words(request.headers.get("User-Agent", ""))
    form = NewPasskeyForm(request.POST if request.method == "POST" else None, initial={"name": called})
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            passkeys.add(request, person, form.cleaned_data["name"], form.cleaned_data["answer"])
        except PasskeyRefused as error:
            form.add_error(None, error.message[:1].upper() + error.message[1:] + ".")
        else:
            request.session.pop(own.CONFIRMED_AT, None)
            owing.note(request, person)
            say(request, _("The passkey is added."))
            return HttpResponseRedirect(tenant_url(request, "account"))
    options = json.dumps(passkeys.creation_options(request, person))
    context = {"form": form, "options": options}
    return render(request, "accounts/passkey_new.html", context, status=status)


def _begin(request: HttpRequest, person: Account) -> HttpResponse:
    own.confirm(request)
    return HttpResponseRedirect(request.path)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def passkey_one(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    """Rename one of one's passkeys."""
    passkey = _one(request, passkey_id)
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, initial={"name": passkey.name})
    if form.is_bound and form.is_valid():
        passkeys.rename(request, me(request), passkey, form.cleaned_data["name"])
        say(request, _("The passkey is renamed."))
        return HttpResponseRedirect(tenant_url(request, "account"))
    context = {"form": form, "passkey": passkey}
    return render(request, "accounts/passkey.html", context, status=422 if form.is_bound else 200)


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def passkey_remove(request: HttpRequest, passkey_id: UUID) -> HttpResponse:
    """Remove one: password and a factor first."""
    passkey = _one(request, passkey_id)

    def then(request: HttpRequest, person: Account) -> HttpResponse:
        given: Any = request.factor_given  # type: ignore[attr-defined]
        try:
            passkeys.remove(request, person, passkey, given)
        except LastFactor as error:
            say(request, str(error.detail)[:1].upper() + str(error.detail)[1:] + ".")
            return HttpResponseRedirect(tenant_url(request, "account"))
        say(request, _("The passkey is removed."))
        return HttpResponseRedirect(tenant_url(request, "account"))

    return confirm_first(request, me(request), "accounts/passkey_remove.html", then, passkey=passkey)
