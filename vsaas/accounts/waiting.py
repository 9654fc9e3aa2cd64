"""The page of a session that waits for a second person's approval: until then it opens nothing else."""

from __future__ import annotations

import contextlib
from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.access import actor_of
from tenants.declare import public
from tenants.errors import VsaasError
from vsaas.accounts import recovery, signin, throttle
from vsaas.accounts.forms import FactorForm, SignInForm
from vsaas.accounts.models import Account, Session
from vsaas.accounts.sessions import hash_key
from vsaas.approvals import break_glass, requests, signing_in
from vsaas.approvals.errors import TooManyWaiting, WaitingForApproval
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.approvals.people import bound
from vsaas.approvals.shown import state_of
from vsaas.common import clock
from vsaas.common.by_itself import asked_by_itself
from vsaas.common.errors import Conflict, Denied, Gone, NotSignedIn, TooMany
from vsaas.common.links import safe_next, tenant_url

NEXT = "next"
ONE_AT_A_TIME = "a session that waits for approval has no rights; what it may do is its own sign-in"


class ReasonForm(forms.Form):
    """What the person wants to sign in for."""

    reason = forms.CharField(
        label=gettext_lazy("What for"),
        max_length=signing_in.REASON_CHARS_MAX,
        required=False,
        help_text=gettext_lazy("Who approves reads it."),
    )


class HereForm(SignInForm, FactorForm):
    """A second person, at this screen."""

    field_order = ("email", "password", "code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("E-mail address of who approves")
        self.fields["password"].label = _("Their password")
        self.fields["code"].label = _("Code from their authenticator app")
        for name in ("email", "password"):  # nobody's password is to be kept in the requester's browser
            self.fields[name].widget.attrs["autocomplete"] = "off" if name == "email" else "new-password"


class GlassForm(forms.Form):
    """The sealed code."""

    sealed = forms.CharField(
        label=gettext_lazy("Break-glass code"),
        max_length=60,
        widget=forms.TextInput(
            {"class": "code", "autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
        ),
    )


def waits(request: HttpRequest) -> bool:
    """Whether the request's session gave both factors and waits for approval."""
    return isinstance(request.owes, WaitingForApproval)  # type: ignore[attr-defined]


def begin(request: HttpRequest, account: Account) -> HttpResponse:
    """Both factors were given a moment ago: ask for approval where it is needed, and go to the page that waits."""
    # Where too much waits already, the page says that nobody was asked, and asks again when told to.
    with contextlib.suppress(TooManyWaiting):
        signing_in.ask(request, account, session_id=_session_id(request))
    return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))


def needed(account: Account) -> bool:
    """Whether the account signs in with approval alone."""
    return bound(actor_of(account))


def _session_id(request: HttpRequest) -> UUID:
    """The row of the request's session; NotSignedIn when it ended a moment ago."""
    key_hash = hash_key(request.session.session_key or "")
    found: UUID | None = Session.objects.filter(key_hash=key_hash).values_list("pk", flat=True).first()
    if found is None:
        raise NotSignedIn(_("this session has ended; sign in again"))
    return found


def _row(request: HttpRequest) -> ApprovalRequest | None:
    """What this session asked last. What still waits, or waits to be used, counts only under the key it was asked with."""
    row = signing_in.of_session(request, request.user)
    if row is None or row.state not in (State.WAITING, State.APPROVED):
        return row
    return row if row.session_id == _session_id(request) else None


def _elsewhere(request: HttpRequest) -> HttpResponse:
    """Who does not wait has nothing to do here."""
    return HttpResponseRedirect(
        tenant_url(request, "sign-in" if request.actor is None else "overview")  # type: ignore[attr-defined]
    )


@public(ONE_AT_A_TIME)
@require_http_methods(["GET", "HEAD", "POST"])
def waiting(request: HttpRequest) -> HttpResponseBase:
    """Where the sign-in stands. POST asks for approval, anew or with a reason."""
    if not waits(request):
        return _elsewhere(request)
    if request.method != "POST":
        return _page(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        return _page(request, reason=form, status=422)
    account: Any = request.user
    try:
        signing_in.ask(request, account, session_id=_session_id(request), reason=form.cleaned_data["reason"])
    except Conflict as error:
        form.add_error(None, sentence(error))
        return _page(request, reason=form, status=error.status)
    return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))


def _page(
    request: HttpRequest,
    *,
    reason: ReasonForm | None = None,
    here: HereForm | None = None,
    glass: GlassForm | None = None,
    status: int = 200,
) -> HttpResponseBase:
    row = _row(request)
    context = {
        "row": row,
        "state": state_of(row) if row else "",
        "reason_form": reason or ReasonForm(initial={"reason": row.reason if row else ""}),
        "here_form": here or HereForm(),
        "glass_form": glass or GlassForm(),
        "here_open": here is not None,
        "digest": bytes(row.digest).hex() if row else "",
        "glass_open": glass is not None,
        "person": request.user,
    }
    return TemplateResponse(request, "accounts/waiting.html", context, status=status)


def sentence(error: VsaasError) -> str:
    """What a form says of it."""
    text = str(error.detail or error.title)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


@asked_by_itself
@public(ONE_AT_A_TIME)
@require_safe
def state(request: HttpRequest) -> HttpResponse:
    """JSON for the page that waits: `state`, and for how long the request still waits."""
    if not waits(request):
        return JsonResponse({"state": "over", "left_s": 0})
    row = _row(request)
    left_s = max(0, int((row.expires_at - clock.now()).total_seconds())) if row else 0
    return JsonResponse({"state": state_of(row) if row else "none", "left_s": left_s})


@public(ONE_AT_A_TIME)
@require_POST
def enter(request: HttpRequest) -> HttpResponseBase:
    """Use the approval: from here on the session has its person's rights."""
    if not waits(request):
        return _elsewhere(request)
    row = _row(request)
    if row is not None and row.state == State.APPROVED:
        return _use(request, row)
    return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))


def _use(request: HttpRequest, row: ApprovalRequest) -> HttpResponse:
    if not signing_in.enter(request, row, session_id=_session_id(request)):
        return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))
    return let_in(request)


def let_in(request: HttpRequest) -> HttpResponse:
    """The session is full from now on: under a new key, to where its person wanted to go."""
    account: Any = request.user
    after = safe_next(request, request.session.pop(NEXT, ""))
    request.session.cycle_key()
    if recovery.owes_codes(account):
        if recovery.shown_codes(request) is None:
            recovery.make_codes(request, account)
        return HttpResponseRedirect(tenant_url(request, "recovery-codes"))
    return HttpResponseRedirect(after)


@public(ONE_AT_A_TIME)
@require_POST
def withdraw(request: HttpRequest) -> HttpResponseBase:
    """Take the request back; the session stays and may ask again."""
    row = _row(request) if waits(request) else None
    if row is None:
        return _elsewhere(request)
    requests.withdraw_own(request, row)
    return HttpResponseRedirect(tenant_url(request, "sign-in-approval"))


@public(ONE_AT_A_TIME)
@require_POST
def here(request: HttpRequest) -> HttpResponseBase:
    """A second person approves at this screen, with address, password and code or passkey. No session of theirs is begun, and this
    one goes on."""
    row = _row(request) if waits(request) else None
    if row is None:
        return _elsewhere(request)
    form = HereForm(request.POST)
    if not form.is_valid():
        return _page(request, here=form, status=422)
    try:
        approver = _authenticated(request, form.cleaned_data, bytes(row.digest))
        if approver is None:
            form.add_error(None, _("Address, password and code do not belong together here. Try again."))
            return _page(request, here=form, status=401)
        signing_in.approve_here(request, approver, row)
    except TooMany as error:
        form.add_error(None, sentence(error))
        return _page(request, here=form, status=error.status)
    except (Conflict, Gone, Denied) as error:
        requests.note_refused(request, approver, row, error)
        form.add_error(None, sentence(error))
        return _page(request, here=form, status=error.status)
    row.refresh_from_db()
    return _use(request, row)


def _authenticated(request: HttpRequest, typed: dict[str, Any], covers: bytes) -> Account | None:
    """Whose password and code these are, or passkey's answer to this very request. Counted as at the door, and one answer
    whatever is wrong."""
    account = signin.check_password(request, typed["email"], typed["password"])
    if account is None:
        return None
    given = signin.check_factor(request, account, typed["code"], covers=covers, asked_anybody=True)
    return None if given is None else account


def asks_here(request: HttpRequest, covers: bytes) -> bool:
    """Whether this is what somebody at the screen of a session that waits would approve: its own request, which waits."""
    row = _row(request) if waits(request) else None
    return row is not None and row.state == State.WAITING and covers == bytes(row.digest)


@public(ONE_AT_A_TIME)
@require_POST
def glass(request: HttpRequest) -> HttpResponseBase:
    """Nobody can approve: the sealed code lets this session in for an hour, and everybody is told."""
    row = _row(request) if waits(request) else None
    if row is None:
        return _elsewhere(request)
    form = GlassForm(request.POST)
    if not form.is_valid():
        return _page(request, glass=form, status=422)
    account: Any = request.user
    try:
        throttle.GLASS.attempt(str(account.tenant_id), str(account.pk))
        fits = break_glass.use(request, account, row, form.cleaned_data["sealed"])
    except (TooMany, Gone) as error:
        form.add_error(None, sentence(error))
        return _page(request, glass=form, status=error.status)
    if fits:
        return let_in(request)
    form.add_error("sealed", _("This code is wrong, was used, or was revoked."))
    return _page(request, glass=form, status=401)
