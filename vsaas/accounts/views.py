"""The door: choose an organisation, sign in, second factor, sign out; the set-up sequence behind a one-time link."""

from __future__ import annotations

from typing import Any

import segno
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import lookups
from tenants.declare import public, requires
from tenants.permissions import ACCOUNT_SELF
from vsaas.accounts import (
    acts,
    freshness,
    invitations,
    passkeys,
    recovery,
    remembered,
    rules,
    sent_codes,
    setup,
    signin,
    throttle,
    waiting,
)
from vsaas.accounts.code_asking import try_to_ask
from vsaas.accounts.forms import CodeForm, FactorForm, PasswordForm, PersonForm, SignInForm, SlugForm
from vsaas.accounts.models import Account, RecoverySet, SetupLink, TotpDevice
from vsaas.approvals import signing_in
from vsaas.approvals.forms import FACTOR_CHARS_MAX
from vsaas.audit.services import NOBODY, record_act, record_refusal, who
from vsaas.common.errors import Gone, NotFound, TooMany
from vsaas.common.links import safe_next, tenant_url
from vsaas.common.network import network_of
from vsaas.common.problems import page_of
from vsaas.mail import outbox

NEXT = "next"
SEND = "send-code"


@public("choosing an organisation: nobody is signed in yet")
@require_safe
def choose(request: HttpRequest) -> HttpResponseBase:
    """`/`: by short name, or straight on when there is only one."""
    only = lookups.sole_tenant()
    if only is not None:
        return HttpResponseRedirect(f"/t/{only.slug}/")
    form = SlugForm(request.GET if "organisation" in request.GET else None)
    if form.is_bound and form.is_valid():
        found = lookups.tenant_by_slug(form.cleaned_data["organisation"].lower())
        if found is not None:
            return HttpResponseRedirect(f"/t/{found.slug}/")
        form.add_error(
            "organisation", _("No organisation of this name is known here. Look at the link you were sent.")
        )
    return TemplateResponse(request, "accounts/choose.html", {"form": form, "may_mail": outbox.is_there()})


@public("sign-in: nobody has a session yet")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponseBase:
    """E-mail address and password."""
    after = safe_next(request, request.POST.get(NEXT) or request.GET.get(NEXT) or "")
    if request.actor is not None:  # type: ignore[attr-defined]
        return HttpResponseRedirect(after)
    if waiting.waits(request):
        request.session[NEXT] = after
        return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))
    form = SignInForm(request.POST if request.method == "POST" else None)
    status, headers = 200, {}
    if request.method == "POST" and form.is_valid():
        try:
            account = signin.check_password(
                request, form.cleaned_data["email"], form.cleaned_data["password"]
            )
        except TooMany as error:
            form.add_error(None, too_many_words(error))
            status, headers = error.status, error.headers
        else:
            if account is not None:
                signin.begin(request, account)
                request.session[NEXT] = after
                here = remembered.find(request, account, rules.rules_of(account))
                if here is not None:
                    return signed_in_with(request, account, here)
                return HttpResponseRedirect(tenant_url(request, "sign-in-factor"))
            form.add_error(
                None, _("This e-mail address and password do not belong together here. Try again.")
            )
            status = 401
    elif request.method == "POST":
        status = 422
    return TemplateResponse(
        request,
        "accounts/sign_in.html",
        _door(form, after),
        status=status,
        headers=headers,
    )


def _door(form: SignInForm, after: str) -> dict[str, Any]:
    return {
        "form": form,
        "after": after,
        "may_mail": outbox.is_there(),
        "passkey_alone": passkeys.alone_is_offered(),
    }


@public("sign-in by a passkey alone: nobody has a session yet")
@require_POST
def sign_in_passkey(request: HttpRequest) -> HttpResponseBase:
    """A passkey in place of password and second factor, where the rules allow it."""
    after = safe_next(request, request.POST.get(NEXT, ""))
    form = SignInForm()
    try:
        passkey = signin.check_passkey_alone(request, request.POST.get("code", "")[:FACTOR_CHARS_MAX])
    except TooMany as error:
        refused, status = too_many_words(error), error.status
    else:
        if passkey is not None:
            account: Account = passkey.user
            signin.begin(request, account)
            request.session[NEXT] = after
            return signed_in_with(request, account, passkey, passkey_alone=True)
        refused, status = _("This passkey does not sign in here by itself. Type your password."), 401
    context = _door(form, after) | {"refused": refused}
    return TemplateResponse(request, "accounts/sign_in.html", context, status=status)


@public("second factor: the session has no rights until it is given")
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_factor(request: HttpRequest) -> HttpResponseBase:
    """The code of the authenticator app, a recovery code, or, where the rules accept it, one that is sent."""
    account = signin.owing_account(request)
    if account is None:
        return HttpResponseRedirect(tenant_url(request, "sign-in"))
    under = rules.rules_of(account)
    if SEND in request.POST:
        return _code_sent(request, account, under)
    form = FactorForm(request.POST if request.method == "POST" else None)
    sent_codes.relabel(request, account, form.fields["code"])
    status, headers = 200, {}
    if request.method == "POST" and form.is_valid():
        try:
            device = signin.check_factor(request, account, form.cleaned_data["code"], sent=True)
        except TooMany as error:
            form.add_error("code", too_many_words(error))
            status, headers = error.status, error.headers
        else:
            if device is not None and signin.refused_kind(request, account, device):
                return _not_accepted(request, form, under)
            if device is not None:
                return signed_in_with(request, account, device, under if "remember" in request.POST else None)
            form.add_error(
                "code", _("This code is wrong or was used before. Wait for the next one and type that.")
            )
            status = 401
    elif request.method == "POST":
        status = 422
    context = {"form": form, "remember_days": under.remember_days}
    return TemplateResponse(request, "accounts/factor.html", context, status=status, headers=headers)


def _code_sent(request: HttpRequest, account: Account, under: rules.Rules) -> HttpResponseBase:
    """Have a code sent to the person: the page says whether."""
    wrong = try_to_ask(request, account, request.POST[SEND])
    if wrong is None:
        return HttpResponseRedirect(tenant_url(request, "sign-in-factor"))
    form = FactorForm({"code": ""})
    form.errors.clear()
    form.add_error(None, waiting.sentence(wrong))
    context = {"form": form, "remember_days": under.remember_days}
    return TemplateResponse(
        request, "accounts/factor.html", context, status=wrong.status, headers=wrong.headers
    )


def _not_accepted(request: HttpRequest, form: FactorForm, under: rules.Rules) -> HttpResponseBase:
    accepted = ", ".join(str(name) for kind, name in rules.kinds().items() if kind in under.kinds)
    words = _("Your role does not accept this. What it accepts: %(kinds)s, or one of your recovery codes.")
    form.add_error("code", words % {"kinds": accepted})
    context = {"form": form, "remember_days": under.remember_days}
    return TemplateResponse(request, "accounts/factor.html", context, status=401)


def signed_in_with(
    request: HttpRequest,
    account: Account,
    device: Any,
    remember: rules.Rules | None = None,
    *,
    passkey_alone: bool = False,
) -> HttpResponseBase:
    """Both factors are right: a session as far as the person's roles let them in, and where it leads.

    `remember`: the rules under which this browser is to be remembered; None: it is not."""
    response = _begun(request, account, device, passkey_alone)
    if remember is not None and remember.remember_days and freshness.GIVEN_AT in request.session:
        remembered.remember(request, account, remember, response)
    return response


def _begun(request: HttpRequest, account: Account, device: Any, passkey_alone: bool) -> HttpResponseBase:
    outside = signin.outside_hours(request, account)
    if outside is not None:
        logout(request)
        return page_of(request, outside)
    signin.finish(request, account, device, passkey_alone=passkey_alone)
    if isinstance(device, RecoverySet):
        recovery.codes_kept(request, account)  # whoever typed one has them; new ones would take these away
    if waiting.needed(account):
        return waiting.begin(request, account)
    after = safe_next(request, request.session.pop(NEXT, ""))
    if recovery.owes_codes(account):
        recovery.make_codes(request, account)
        return HttpResponseRedirect(tenant_url(request, "recovery-codes"))
    return HttpResponseRedirect(after)


def too_many_words(error: TooMany) -> str:
    """What a form says of it."""
    seconds = error.extra["retry_after_s"]
    return _("Too many attempts. Try again in %(seconds)d seconds.") % {"seconds": seconds}


@public("signing out ends the caller's own session only, also one that still owes the second factor")
@require_POST
def sign_out(request: HttpRequest) -> HttpResponseBase:
    """End the session of this browser in this tenant."""
    actor = request.actor  # type: ignore[attr-defined]
    if actor is not None:
        record_act(acts.SIGNED_OUT, who(actor), request=request)
    if request.user.is_authenticated:
        signing_in.over(request, request.user)
    logout(request)
    return HttpResponseRedirect(tenant_url(request, "sign-in"))


@requires(ACCOUNT_SELF)
@require_http_methods(["GET", "HEAD", "POST"])
def recovery_codes(request: HttpRequest) -> HttpResponseBase:
    """The codes, until the person says they are kept."""
    codes = recovery.shown_codes(request)
    if request.method == "POST" or codes is None:
        if codes is not None:
            recovery.codes_kept(request, request.user)  # type: ignore[arg-type]
        return HttpResponseRedirect(tenant_url(request, "overview"))
    return TemplateResponse(request, "accounts/recovery_codes.html", {"codes": codes})


@public("set-up: the token in the address is the right, once")
@require_http_methods(["GET", "HEAD", "POST"])
def set_up(request: HttpRequest, token: str) -> HttpResponseBase:
    """The first owner's sequence, and that of people invited: person, authenticator app, recovery codes; with a lost
    second factor the password stands in the place of the person. Every step can be loaded again."""
    if request.tenant is None:  # type: ignore[attr-defined]
        throttle.SETUP.attempt(network_of(request))
        record_refusal(acts.SETUP_LINK_REFUSED, NOBODY, request=request)
        raise NotFound(
            _("this set-up link is not known; look whether it was copied whole, or issue a new one")
        )
    link = setup.link_of_token(token)
    if not link.usable:
        return _spent(request, link)
    if link.kind == SetupLink.Kind.FACTOR:
        return _set_up_again(request, link)
    if link.account is None or "person" in request.GET:
        return _set_up_person(request, link)
    return _set_up_factor(request, link, link.account)


set_up.tenant_of = setup.tenant_of_token  # type: ignore[attr-defined]  tenants.middleware: whose scope this runs in


def _spent(request: HttpRequest, link: SetupLink) -> HttpResponseBase:
    actor = request.actor  # type: ignore[attr-defined]
    if actor is not None and link.account_id == actor.account_id:
        return HttpResponseRedirect(tenant_url(request, "overview"))
    if link.used_at is not None:
        raise Gone(_("this set-up link was used; sign in with the account it made"))
    match link.kind:
        case SetupLink.Kind.OWNER:
            raise Gone(
                _("this set-up link is too old; issue a new one on the server with: manage.py setup_link")
            )
        case SetupLink.Kind.INVITATION if link.invitation.revoked_at is not None:
            raise Gone(_("this invitation was withdrawn; ask who invited you"))
    raise Gone(_("this link has run out, or a newer one took its place; ask who sent it for a new one"))


def _set_up_person(request: HttpRequest, link: SetupLink) -> HttpResponseBase:
    account, invitation = link.account, link.invitation
    known = account or invitation
    form = PersonForm(
        request.POST if request.method == "POST" else None,
        account=account,
        organisation=request.tenant.name,  # type: ignore[attr-defined]
        email=invitation.email if invitation else None,
        initial={"name": known.name, "email": known.email} if known else None,
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        setup.keep_person(link, data["name"], data["email"], data["password"])
        return HttpResponseRedirect(request.path)
    status = 422 if form.is_bound else 200
    context = {"form": form, "step": 1, "invitation": invitation}
    if invitation is not None:
        context["role"], context["sites"] = invitations.in_words(invitation)
        context["all_sites"] = invitation.all_sites
    return TemplateResponse(request, "accounts/set_up_person.html", context, status=status)


def _set_up_again(request: HttpRequest, link: SetupLink) -> HttpResponseBase:
    """A lost second factor: the password, then a new authenticator app."""
    account = link.account
    if account is None or not account.is_active:
        raise Gone(_("the account of this link does not exist any more"))
    if not setup.owes_password(request, link):
        return _set_up_factor(request, link, account)
    form = PasswordForm(request.POST if request.method == "POST" else None)
    status, headers = 200, {}
    if request.method == "POST" and form.is_valid():
        try:
            throttle.LINK.attempt(link.id.hex)
            known = signin.check_own_password(request, account, form.cleaned_data["password"])
        except TooMany as error:
            form.add_error("password", too_many_words(error))
            status, headers = error.status, error.headers
        else:
            if known:
                setup.password_given(request, link)
                return HttpResponseRedirect(request.path)
            form.add_error("password", _("This is not the password of this account. Try again."))
            status = 401
    elif form.is_bound:
        status = 422
    context = {"form": form, "step": 1, "account": account}
    return TemplateResponse(request, "accounts/set_up_again.html", context, status=status, headers=headers)


def _set_up_factor(request: HttpRequest, link: SetupLink, account: Account) -> HttpResponseBase:
    device = setup.device_of(account)
    form, status, right = check_new_app(request, device)
    if right:
        setup.finish(request, link, account, device)
        return HttpResponseRedirect(tenant_url(request, "recovery-codes"))
    context = {"form": form, "step": 2, "account": account, **app_of(device)}
    context["may_go_back"] = link.kind != SetupLink.Kind.FACTOR
    return TemplateResponse(request, "accounts/set_up_factor.html", context, status=status)


def check_new_app(request: HttpRequest, device: TotpDevice) -> tuple[CodeForm, int, bool]:
    """The form that asks for the first code of a new authenticator app, the status of a reply with it, and whether the
    code was right."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return form, 200, False
    if not form.is_valid():
        return form, 422, False
    allowed, _why = device.verify_is_allowed()
    if not allowed:
        form.add_error("code", _("Too many attempts. Wait a little, then type the code shown then."))
        return form, 429, False
    if device.verify_token(form.cleaned_data["code"].replace(" ", "")):
        return form, 200, True
    form.add_error(
        "code", _("This code does not fit. Look whether the phone's clock is right, and type the next.")
    )
    return form, 422, False


def app_of(device: TotpDevice) -> dict[str, str]:
    """What an authenticator app needs, to scan and to type."""
    return {"secret": _in_fours(device), "qr": _qr(device)}


def _qr(device: TotpDevice) -> str:
    """The QR code as a data: image, drawn here; no third party learns the secret."""
    return str(segno.make(device.address(), error="m").svg_data_uri(scale=4, border=2, xmldecl=False))


def _in_fours(device: TotpDevice) -> str:
    text = device.secret_text()
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4))
