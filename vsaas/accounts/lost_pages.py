"""The door for who has lost the second factor: asking, waiting for somebody's approval, and setting up a new one."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants.declare import public
from vsaas.accounts import lost, passkeys, rules, signin
from vsaas.accounts.models import Account, Session
from vsaas.accounts.passkey_pages import NewPasskeyForm
from vsaas.accounts.passkeys import PasskeyRefused
from vsaas.accounts.sessions import hash_key
from vsaas.accounts.user_agents import device_words
from vsaas.accounts.views import app_of, check_new_app, signed_in_with
from vsaas.accounts.waiting import sentence
from vsaas.approvals import requests
from vsaas.approvals.models import ApprovalRequest
from vsaas.approvals.shown import state_of
from vsaas.approvals.signing_in import REASON_CHARS_MAX
from vsaas.common import clock
from vsaas.common.by_itself import asked_by_itself
from vsaas.common.errors import Conflict, TooMany
from vsaas.common.links import tenant_url

NO_RIGHTS = "a session that owes the second factor has no rights; what it may do is ask for a new one"
OVER = "over"


class LostForm(forms.Form):
    """What happened."""

    reason = forms.CharField(
        label=gettext_lazy("What happened"),
        max_length=REASON_CHARS_MAX,
        help_text=gettext_lazy("Who approves reads it: how they can reach you, for example."),
    )


class Door:
    """Who stands at the door: the account whose password was given in this session, and what it asked."""

    def __init__(self, account: Account, session_id: UUID, row: ApprovalRequest | None) -> None:
        self.account = account
        self.session_id = session_id
        self.row = row


def _at_door(request: HttpRequest) -> Door | None:
    """None for who gave no password, gave both factors, or took too long; while a request waits or its approval may be used,
    the session may take as long as that."""
    account: Any = request.user
    if request.actor is not None or signin.PASSWORD_AT not in request.session or not account.is_authenticated:  # type: ignore[attr-defined]
        return None
    session_id = Session.objects.filter(key_hash=hash_key(request.session.session_key or ""))
    found: UUID | None = session_id.values_list("pk", flat=True).first()
    if found is None:
        return None
    row = lost.of_session(request, account, found)
    holds = row is not None and state_of(row) in ("waiting", "approved")
    owing = account if holds else signin.owing_account(request)
    return None if owing is None else Door(Account.objects.get(pk=owing.pk), found, row)


def _to(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponseRedirect(tenant_url(request, name))


@public(NO_RIGHTS)
@require_http_methods(["GET", "HEAD", "POST"])
def lost_factor(request: HttpRequest) -> HttpResponseBase:
    """Where it stands. POST asks for approval, with what happened."""
    door = _at_door(request)
    if door is None:
        return _to(request, "sign-in")
    form = LostForm(request.POST if request.method == "POST" else None)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            lost.ask(request, door.account, session_id=door.session_id, reason=form.cleaned_data["reason"])
        except (Conflict, TooMany) as error:
            form.add_error(None, sentence(error))
            status = error.status
        else:
            return _to(request, "sign-in-lost")
    ways = lost.kinds_to_set_up(door.account)
    context = {
        "form": form,
        "row": door.row,
        "state": state_of(door.row) if door.row else "",
        "person": door.account,
        "may_app": rules.APP in ways,
        "may_passkey": rules.PASSKEY in ways and passkeys.party() is not None,
    }
    return TemplateResponse(request, "accounts/lost.html", context, status=status)


@asked_by_itself
@public(NO_RIGHTS)
@require_safe
def lost_state(request: HttpRequest) -> HttpResponse:
    """JSON for the page that waits: `state`."""
    door = _at_door(request)
    return JsonResponse({"state": OVER if door is None or door.row is None else state_of(door.row)})


@public(NO_RIGHTS)
@require_POST
def lost_withdraw(request: HttpRequest) -> HttpResponse:
    """Take the request back: the factor was found."""
    door = _at_door(request)
    if door is not None and door.row is not None:
        requests.withdraw_own(request, door.row)
    return _to(request, "sign-in-lost")


def _approved(request: HttpRequest) -> tuple[Door, ApprovalRequest] | None:
    door = _at_door(request)
    if door is None or door.row is None or not lost.may_be_used(door.row):
        return None
    return door, door.row


@public(NO_RIGHTS)
@require_http_methods(["GET", "HEAD", "POST"])
def lost_app(request: HttpRequest) -> HttpResponseBase:
    """Approved: a new authenticator app, whose first code uses the approval."""
    found = _approved(request)
    if found is None or rules.APP not in lost.kinds_to_set_up(found[0].account):
        return _to(request, "sign-in-lost")
    door, row = found
    device = lost.new_app(request, door.account)
    form, status, right = check_new_app(request, device)
    if right:
        return _done(request, door, row, device)
    context = {"form": form, "account": door.account, "step": 2, **app_of(device)}
    return TemplateResponse(request, "accounts/set_up_factor.html", context, status=status)


@public(NO_RIGHTS)
@require_http_methods(["GET", "HEAD", "POST"])
def lost_passkey(request: HttpRequest) -> HttpResponseBase:
    """Approved: a new passkey in place of everything before."""
    found = _approved(request)
    if (
        found is None
        or passkeys.party() is None
        or rules.PASSKEY not in lost.kinds_to_set_up(found[0].account)
    ):
        return _to(request, "sign-in-lost")
    door, row = found
    called = device_words(request.headers.get("User-Agent", ""))
    form = NewPasskeyForm(request.POST if request.method == "POST" else None, initial={"name": called})
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        try:
            return _done(request, door, row, form.cleaned_data)
        except PasskeyRefused as error:
            form.add_error(None, error.message[:1].upper() + error.message[1:] + ".")
    options = json.dumps(passkeys.creation_options(request, door.account))
    context = {"form": form, "options": options}
    return TemplateResponse(request, "accounts/lost_passkey.html", context, status=status)


def _done(request: HttpRequest, door: Door, row: ApprovalRequest, made: Any) -> HttpResponseBase:
    """Use the approval, once: the new factor (an app, or what the browser made of a passkey) takes the place of all others, and
    the person is signed in with it, as far as their role lets them."""
    with transaction.atomic():  # a passkey that is refused leaves the approval as it was
        if requests.use(request, row, valid_until=clock.now()) is None:
            return _to(request, "sign-in-lost")
        device = made
        if isinstance(made, dict):
            device = passkeys.add(request, door.account, made["name"], made["answer"])
        lost.replace_all(request, door.account, device, row.decided_by_name)
        lost.tell(request, door.account, row)
    return signed_in_with(request, door.account, device)
