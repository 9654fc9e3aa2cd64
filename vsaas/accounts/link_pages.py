"""Pages for people who are not signed in and read their mail: a forgotten password, links that were sent, where to sign in."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants.declare import public
from vsaas.accounts import acts, address, letters, links, reset, throttle
from vsaas.accounts.forms import AddressForm, ChosenPasswordForm
from vsaas.accounts.models import AccountLink, normalise_email
from vsaas.accounts.views import too_many_words
from vsaas.audit.services import NOBODY, record_refusal
from vsaas.common.errors import NotFound, TooMany
from vsaas.common.links import tenant_url
from vsaas.common.network import network_of
from vsaas.mail import outbox

PAGE_OF = {
    AccountLink.Kind.RESET: "reset",
    AccountLink.Kind.EMAIL: "email-confirm",
    AccountLink.Kind.NOT_ME: "email-not-me",
}


def _require_mail() -> None:
    if not outbox.is_there():
        raise NotFound(_("this system sends no mail; ask an owner of your organisation for help"))


@public("a forgotten password: nobody is signed in, and the answer is the same whoever is named")
@require_http_methods(["GET", "HEAD", "POST"])
def forgot(request: HttpRequest) -> HttpResponseBase:
    """Asks for a link to set a new password. Says the same whether the address has an account here."""
    _require_mail()
    form, reply, done = _address_asked(request, lambda email: reset.ask(request, email))
    context = {"form": form, "asked": normalise_email(form.cleaned_data["email"]) if done else ""}
    return TemplateResponse(request, "accounts/forgot.html", context, **reply)


def _address_asked(request: HttpRequest, ask: Any) -> tuple[AddressForm, dict[str, Any], bool]:
    """The form with an address, what its reply needs, and whether `ask(email)` was done."""
    form = AddressForm(request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return form, {}, False
    if not form.is_valid():
        return form, {"status": 422}, False
    try:
        ask(form.cleaned_data["email"])
    except TooMany as error:
        form.add_error(None, too_many_words(error))
        return form, {"status": error.status, "headers": error.headers}, False
    return form, {}, True


@public("a link sent by mail: the token in the address is the right to see the page behind it")
@require_safe
def account_link(request: HttpRequest, token: str) -> HttpResponseBase:
    """Remembers the link in this browser and goes on to its page, whose address holds no token."""
    link = links.find(token)
    if link is None:
        throttle.SETUP.attempt(network_of(request))
        record_refusal(acts.LINK_REFUSED, NOBODY, request=request)
        raise NotFound(_("this link is not known; look whether it was copied whole, or ask for a new one"))
    links.require_usable(link)
    links.keep_opened(request, link)
    reply = HttpResponseRedirect(tenant_url(request, PAGE_OF[AccountLink.Kind(link.kind)]))
    reply["Referrer-Policy"] = "no-referrer"
    return reply


@public("a new password: the link opened in this browser is the right, once")
@require_http_methods(["GET", "HEAD", "POST"])
def reset_password(request: HttpRequest) -> HttpResponseBase:
    """A new password by the link; then one signs in with it, second factor included."""
    link = links.opened(request, AccountLink.Kind.RESET)
    account = link.account
    about = [account.name, account.email, request.tenant.name]  # type: ignore[attr-defined]
    form = ChosenPasswordForm(request.POST if request.method == "POST" else None, about=about)
    if form.is_bound and form.is_valid():
        reset.set_password(request, link, form.cleaned_data["new_password"])
        return _done(request, "reset")
    context = {"form": form, "account": account}
    return TemplateResponse(request, "accounts/reset.html", context, status=422 if form.is_bound else 200)


def _done(request: HttpRequest, what: str) -> HttpResponse:
    return TemplateResponse(request, "accounts/link_done.html", {"what": what})


@public("confirming a new e-mail address: the link opened in this browser is the right, once")
@require_http_methods(["GET", "HEAD", "POST"])
def email_confirm(request: HttpRequest) -> HttpResponseBase:
    """Asks once more, since mail scanners open links too."""
    link = links.opened(request, AccountLink.Kind.EMAIL)
    if request.method == "POST":
        address.confirm(request, link)
        return _done(request, "email")
    return TemplateResponse(request, "accounts/email_confirm.html", {"link": link, "account": link.account})


@public("the change of address was not theirs: the link opened in this browser is the right, once")
@require_http_methods(["GET", "HEAD", "POST"])
def email_not_me(request: HttpRequest) -> HttpResponseBase:
    """Says what will happen, and undoes the change."""
    link = links.opened(request, AccountLink.Kind.NOT_ME)
    if request.method == "POST":
        address.undo(request, link)
        return _done(request, "not-me")
    return TemplateResponse(request, "accounts/email_not_me.html", {"link": link, "account": link.account})


@public("where one signs in: told by mail alone, to the address itself")
@require_http_methods(["GET", "HEAD", "POST"])
def find_sign_in(request: HttpRequest) -> HttpResponseBase:
    """Has the list of organisations sent to the address. Says the same whether there are any."""
    _require_mail()

    def ask(email: str) -> None:
        email = normalise_email(email)
        throttle.RESET_NETWORK.attempt("", network_of(request))
        try:
            throttle.RESET_ADDRESS.attempt("", email)
        except TooMany:
            return  # written to a few times within the hour; nobody is told
        outbox.post_for_platform(letters.find_sign_in, email)

    form, reply, done = _address_asked(request, ask)
    context = {"form": form, "asked": normalise_email(form.cleaned_data["email"]) if done else ""}
    return TemplateResponse(request, "accounts/find_sign_in.html", context, **reply)
