"""The pages of approvals: what waits, what is demanded, and the sealed codes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.errors import VsaasError
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import ACCOUNT_SELF, LOGIN_APPROVE, PEOPLE_EDIT
from tenants.roles import roles
from vsaas.approvals import break_glass, requests, shown
from vsaas.approvals.errors import FreshFactorNeeded
from vsaas.approvals.forms import ConfirmForm, DecisionForm, PolicyForm
from vsaas.approvals.models import ApprovalRequest, BreakGlassCode
from vsaas.approvals.people import accounts
from vsaas.approvals.policy import Policy, change, policy
from vsaas.common.api import session_id
from vsaas.common.by_itself import asked_by_itself
from vsaas.common.errors import Conflict, Denied, Gone, TooMany
from vsaas.common.links import tenant_url

SAID = "approvals_said"


@requires(ACCOUNT_SELF)
@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for the person's decision, their own requests, and what was decided lately."""
    return _list(request)


def _list(request: HttpRequest, status: int = 200, wrong: dict[str, Any] | None = None) -> HttpResponse:
    actor = signed_in(request)
    cards = [shown.card(actor, row) for row in requests.visible(actor)[: shown.SHOWN_MOST]]
    waiting = sorted((one for one in cards if one["may_decide"]), key=lambda one: one["asked_at"])
    for one in waiting:
        one["wrong"] = wrong["text"] if wrong and wrong["id"] == one["id"] else ""
    context = {
        "waiting": waiting,
        "others": [one for one in cards if not one["may_decide"]],
        "decides": bool(requests.decides(actor)),
        "may_edit": actor.tenant_wide(PEOPLE_EDIT),
        "broken": [
            {"row": row, "may": break_glass.may_acknowledge(actor, row)}
            for row in break_glass.unacknowledged()
            if actor.tenant_wide(LOGIN_APPROVE)
        ],
        "stamp": shown.stamp(actor),
        "said": request.session.pop(SAID, ""),
        "failed": wrong["text"] if wrong and wrong["id"] not in {one["id"] for one in waiting} else "",
    }
    return render(request, "approvals/approvals.html", context, status=status)


@asked_by_itself
@requires(ACCOUNT_SELF)
@require_safe
def waiting(request: HttpRequest) -> HttpResponse:
    """How much waits for the person, and a stamp that changes with what the page shows: asked for every few seconds."""
    actor = signed_in(request)
    return JsonResponse({"waiting": requests.waiting_count(actor), "stamp": shown.stamp(actor)})


def _say(request: HttpRequest, text: str) -> HttpResponse:
    request.session[SAID] = text
    return HttpResponseRedirect(tenant_url(request, "approvals"))


def _decided(
    request: HttpRequest, request_id: UUID, decide: Callable[[Actor, ApprovalRequest], str]
) -> HttpResponse:
    """Carry a decision out, or show why it came to nothing beside the request."""
    actor = signed_in(request)
    row = requests.one(actor, request_id)
    try:
        return _say(request, decide(actor, row))
    except (Conflict, Gone, Denied, FreshFactorNeeded, TooMany) as error:
        requests.note_refused(request, actor, row, error)
        return _list(request, error.status, {"id": row.pk, "text": _sentence(error)})


def _sentence(error: VsaasError) -> str:
    text = str(getattr(error, "message", "") or error.detail)
    return text[:1].upper() + text[1:] + ("" if text.endswith(".") else ".")


@requires(ACCOUNT_SELF)
@require_POST
def approve(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """Yes, with a fresh code, to what was seen."""

    def decide(actor: Actor, row: ApprovalRequest) -> str:
        form = DecisionForm(request.POST)
        form.is_valid()
        code, digest = form.cleaned_data.get("code", ""), form.cleaned_data.get("digest", "")
        account = get_user_model().objects.get(pk=actor.account_id)
        requests.approve(
            request,
            actor.account_id,
            row,
            seen=digest,
            fresh=lambda: bool(code) and accounts().check_factor(request, account, code, bytes(row.digest)),
        )
        return _("You approved what %(name)s asked for.") % {"name": row.requester_name}

    return _decided(request, request_id, decide)


@requires(ACCOUNT_SELF)
@require_POST
def refuse(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """No."""

    def decide(actor: Actor, row: ApprovalRequest) -> str:
        requests.refuse(request, actor.account_id, row)
        return _("You refused what %(name)s asked for.") % {"name": row.requester_name}

    return _decided(request, request_id, decide)


@requires(ACCOUNT_SELF)
@require_POST
def withdraw(request: HttpRequest, request_id: UUID) -> HttpResponse:
    """End one's own request, or an approval that lets a session in."""

    def decide(actor: Actor, row: ApprovalRequest) -> str:
        requests.withdraw(request, actor, row)
        return _("It is withdrawn.")

    return _decided(request, request_id, decide)


# ---- what is demanded


@requires(PEOPLE_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def policy_page(request: HttpRequest) -> HttpResponse:
    """Which roles need approval, how long it lasts, and whether changes of roles need a second person."""
    actor = signed_in(request)
    access.require(actor, PEOPLE_EDIT, Tenant.objects.get())
    now, known = policy(), roles()
    initial = {
        "roles": sorted(now.needing),
        "holds_h": f"{now.sign_in_holds_s / 3600:g}",
        "roles_need_second": now.roles_need_second,
    }
    choices = [(key, role.title) for key, role in known.items()]
    form = PolicyForm(request.POST if request.method == "POST" else None, choices=choices, initial=initial)
    status = 422 if form.is_bound else 200
    if form.is_bound and form.is_valid():
        data = form.cleaned_data
        wanted = Policy(frozenset(data["roles"]), data["roles_need_second"], round(data["holds_h"] * 3600))
        try:
            made = _changed(request, actor, wanted)
        except Conflict as error:
            form.add_error(None, _sentence(error))
            status = error.status
        else:
            if made is not None:
                return _say(request, _("This waits for a second person. Nothing has changed yet."))
            request.session[SAID] = _("The rules are saved.")
            return HttpResponseRedirect(tenant_url(request, "approvals-policy"))
    context = {"form": form, "said": request.session.pop(SAID, "")}
    return render(request, "approvals/policy.html", context, status=status)


def _changed(request: HttpRequest, actor: Actor, wanted: Policy) -> ApprovalRequest | None:
    with transaction.atomic():  # refused, nothing of it stays, and the page is shown again with the reason
        return change(request, actor, wanted, session_id=session_id(request))


# ---- break glass


@requires(PEOPLE_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def break_glass_codes(request: HttpRequest) -> HttpResponse:
    """The sealed codes there are; POST makes one, with password and code, and shows it once."""
    actor = signed_in(request)
    access.require(actor, PEOPLE_EDIT, Tenant.objects.get())
    form = ConfirmForm(request.POST if request.method == "POST" else None)
    status, made = (422 if form.is_bound else 200), ""
    if form.is_bound and form.is_valid():
        account = get_user_model().objects.get(pk=actor.account_id)
        try:
            status, field = _confirm(request, account, form)
        except TooMany as error:
            status, field = error.status, ""
            form.add_error(None, _sentence(error))
        if status == 200:
            made = break_glass.make(request, actor)
            form = ConfirmForm()
        elif field:
            form.add_error(field, _("This is wrong. Try again."))
    rows = BreakGlassCode.objects.order_by("-made_at", "-id")[: shown.SHOWN_MOST]
    context = {"form": form, "made": made, "codes": rows, "person": request.user}
    context["said"] = request.session.pop(SAID, "")
    return render(request, "approvals/break_glass.html", context, status=status)


def _confirm(request: HttpRequest, account: Any, form: ConfirmForm) -> tuple[int, str]:
    """Status, and the field that is wrong."""
    if not accounts().check_password(request, account, form.cleaned_data["password"]):
        return 401, "password"
    if not accounts().check_factor(request, account, form.cleaned_data["code"], b""):
        return 401, "code"
    return 200, ""


@requires(PEOPLE_EDIT)
@require_POST
def break_glass_revoke(request: HttpRequest, code_id: UUID) -> HttpResponse:
    """End a sealed code."""
    actor = signed_in(request)
    row = access.get(actor, PEOPLE_EDIT, BreakGlassCode.objects.all(), pk=code_id)
    break_glass.revoke(request, actor, row)
    request.session[SAID] = _("The code is revoked.")
    return HttpResponseRedirect(tenant_url(request, "approvals-break-glass"))


@requires(LOGIN_APPROVE)
@require_POST
def break_glass_acknowledge(request: HttpRequest, code_id: UUID) -> HttpResponse:
    """Take note that somebody broke the glass; the banner goes."""
    actor = signed_in(request)
    row = access.get(actor, LOGIN_APPROVE, BreakGlassCode.objects.all(), pk=code_id)
    break_glass.acknowledge(request, actor, row)
    return _say(request, _("You acknowledged it."))
