"""Asking for a second factor again, before what takes one given a moment ago (`tenants.declare.Requires.fresh`).

The page that asks keeps what was sent in its form, so that sending that gives the factor and does what was asked for.
Programs in a browser's session give it by `POST /api/v1/account/freshness`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _

from tenants.declare import Requires, declaration_of
from tenants.errors import StaleFactor, VsaasError
from vsaas.accounts import freshness, sent_codes, signin
from vsaas.accounts.code_asking import try_to_ask
from vsaas.accounts.models import Account
from vsaas.accounts.waiting import sentence
from vsaas.approvals.forms import code_field
from vsaas.common.errors import TooMany
from vsaas.common.problems import register_page, wants_page

FIELD = "fresh-code"
SEND = "fresh-send"
TOKEN = "csrfmiddlewaretoken"  # noqa: S105  the name of a field


class FreshForm(forms.Form):
    """A code, beside whatever else the form holds."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[FIELD] = code_field()


def register() -> None:
    """Called once, when the app starts."""
    register_page(StaleFactor, _ask)


def refresh(request: HttpRequest, account: Account, code: str) -> bool:
    """Whether the code is right, unused and of the account that is signed in: the session's factor is fresh then. Raises
    TooMany."""
    if signin.check_factor(request, account, code, sent=True) is None:
        return False
    freshness.given(request)
    return True


def _ask(request: HttpRequest, error: VsaasError) -> HttpResponseBase:
    response = _page(request, FreshForm(), error.status)
    response.render()
    return response


def _page(request: HttpRequest, form: FreshForm, status: int) -> TemplateResponse:
    kept = [
        (name, value)
        for name in request.POST
        if name not in (FIELD, SEND, TOKEN)
        for value in request.POST.getlist(name)
    ]
    account: Any = request.user
    sent_codes.relabel(request, account, form.fields[FIELD])
    context = {"form": form, "field": form[FIELD], "kept": kept}
    return TemplateResponse(request, "accounts/fresh.html", context, status=status)


class FreshFactorMiddleware:
    """Outside AccessMiddleware: takes the code that the page above asked for, and lets what was asked for go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if not _gives(request, view):
            return None
        if SEND in request.POST:
            return _sent(request)
        form = FreshForm(request.POST)
        status = 422
        if form.is_valid():
            try:
                if refresh(
                    request, Account.objects.get(pk=request.actor.account_id), form.cleaned_data[FIELD]
                ):  # type: ignore[attr-defined]
                    return None
                form.add_error(
                    FIELD, _("This code is wrong or was used before. Wait for the next one and type that.")
                )
                status = 401
            except TooMany as error:
                form.add_error(None, sentence(error))
                status = error.status
        return _page(request, form, status)


def _sent(request: HttpRequest) -> HttpResponseBase:
    """The page again, once a code was sent to the person, or could not be."""
    form, account = FreshForm(), Account.objects.get(pk=request.actor.account_id)  # type: ignore[attr-defined]
    wrong = try_to_ask(request, account, request.POST[SEND])
    if wrong is None:
        return _page(request, form, 200)
    form = FreshForm(request.POST)
    form.errors.clear()
    form.add_error(None, sentence(wrong))
    return _page(request, form, wrong.status)


def _gives(request: HttpRequest, view: Callable[..., Any]) -> bool:
    """Whether the request holds a code for a view that takes a fresh factor, from somebody whose session is full."""
    declared = declaration_of(view)
    return (
        isinstance(declared, Requires)
        and declared.wants_fresh(request.method or "")
        and getattr(request, "actor", None) is not None
        and request.token_id is None  # type: ignore[attr-defined]
        and wants_page(request)
        and FIELD in request.POST
    )
