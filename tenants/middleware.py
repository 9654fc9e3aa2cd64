"""Every request in its tenant's scope, and every view behind what it declares.

`TenantMiddleware` stands outside session and authentication, which need the scope. `enforce` is called by the innermost
middleware (`vsaas.common.problems.AccessMiddleware`), which knows how to tell people of a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _

from tenants import bearer, lookups
from tenants.access import Actor, require, require_in_force
from tenants.declare import FRESH_S, AgentOnly, Public, Requires, declaration_of
from tenants.errors import (
    NotFound,
    NotSignedIn,
    StaleFactor,
    TokenRefused,
    UndeclaredAccess,
    VsaasError,
    WrongOrganisation,
)
from tenants.lookups import TenantFound
from tenants.models import SLUG_RULE
from tenants.scope import roll_back_scope, tenant_scope

API_PREFIX = "/api/v1/"
TENANT_HEADER = "VSaaS-Tenant"
_SLUG = re.compile(SLUG_RULE)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class TenantMiddleware:
    """Sets `request.tenant` (TenantFound or None) and runs view *and rendering* inside the tenant's scope.

    The tenant comes from `/t/<slug>/…` or, on `/api/v1/…`, from the access token (`Authorization: Bearer …`), else from
    the header `VSaaS-Tenant: <slug>`. An unknown one ends in NotFound (on `/api/v1/…` in NotSignedIn) inside the view's place, so
    the reply has the usual form. A reply of 5xx, or a call of `roll_back_scope()`, rolls the scope back.

    `request.token_id` is the access token's, which is not yet known to hold; `request.refused` the error that `enforce`
    raises for this request whatever the view declares. A request with an Authorization header is never let in by a cookie.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.token_id, request.refused = None, None  # type: ignore[attr-defined]
        named, found = tenant_of(request)
        request.tenant = found  # type: ignore[attr-defined]
        request.tenant_named = named  # type: ignore[attr-defined]
        if found is None:
            return self.get_response(request)
        with tenant_scope(found.id):
            response = self.get_response(request)
            if response.status_code >= 500:
                roll_back_scope()
            return response


def tenant_of(request: HttpRequest) -> tuple[bool, TenantFound | None]:
    """Whether a request's route belongs to a tenant, and which one it names (None: none that exists)."""
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return False, None
    if "slug" in match.kwargs:
        return True, _by_slug(match.kwargs["slug"])
    if request.path_info.startswith(API_PREFIX):
        if "Authorization" in request.headers:
            return True, _by_token(request)
        found = _by_slug(request.headers.get(TENANT_HEADER, ""))
        if found is None:  # told as to anybody without a session: programs learn no names by asking
            request.refused = NotSignedIn(_how_to_call())  # type: ignore[attr-defined]
        return True, found
    # A view whose address holds something else that leads to a tenant says how (`view.tenant_of`), and answers for
    # itself when that leads nowhere.
    finder: Callable[..., TenantFound | None] | None = getattr(match.func, "tenant_of", None)
    return False, finder(**match.kwargs) if finder else None


def _how_to_call() -> str:
    return _("send an access token (Authorization: Bearer …), or sign in and send the header %(header)s") % {
        "header": TENANT_HEADER
    }


def _by_slug(slug: str) -> TenantFound | None:
    return lookups.tenant_by_slug(slug) if _SLUG.match(slug) else None


def _by_token(request: HttpRequest) -> TenantFound | None:
    """The tenant of the request's access token, noted on the request; None, with the reason noted, when it is refused."""
    found = _token_found(request.headers["Authorization"])
    if isinstance(found, VsaasError):
        request.refused = found  # type: ignore[attr-defined]
        return None
    tenant, token_id = found
    if request.headers.get(TENANT_HEADER, tenant.slug) != tenant.slug:
        request.refused = WrongOrganisation(  # type: ignore[attr-defined]
            _("leave the header %(header)s out, or name the organisation the token was made in")
            % {"header": TENANT_HEADER}
        )
        return None
    request.token_id = token_id  # type: ignore[attr-defined]
    return tenant


def _token_found(header: str) -> tuple[TenantFound, UUID] | VsaasError:
    scheme, _blank, token = header.partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer":
        return TokenRefused(_("send the token as `Authorization: Bearer vsaas_pat_…`"))
    if not bearer.is_token(token):
        return TokenRefused(_("this is not a whole token; copy it again, or make a new one"))
    return lookups.tenant_of_token(bearer.token_hash(token)) or TokenRefused(
        _("no such token is known here; it was revoked, or comes from another portal")
    )


def enforce(request: HttpRequest, view: Callable[..., Any], kwargs: dict[str, Any]) -> None:
    """Hold a view to what it declares, before it runs; raises NotSignedIn, Denied, NotFound or UndeclaredAccess.

    Takes the `slug` of `/t/<slug>/…` out of the view's arguments: views use `request.tenant`. `request.actor` is an
    Actor or None, put there by the accounts' middleware.
    """
    if request.refused is not None:  # type: ignore[attr-defined]
        raise request.refused  # type: ignore[attr-defined]
    if request.tenant_named:  # type: ignore[attr-defined]
        kwargs.pop("slug", None)
        if request.tenant is None:  # type: ignore[attr-defined]
            raise NotFound(_("no organisation of this name is known here"))
    match declaration_of(view):
        case Public() | AgentOnly():
            return
        case Requires() as declared:
            actor = signed_in(request)
            require_in_force(actor)
            require(actor, declared.of(request.method or ""))
            if declared.wants_fresh(request.method or ""):
                require_fresh(request, actor)
        case _:
            raise UndeclaredAccess(f"the view of {request.path_info} declares no access")


def require_fresh(request: HttpRequest, actor: Actor, within_s: float = FRESH_S) -> None:
    """Raises StaleFactor unless this session's second factor was given within so many seconds (`request.factor_age_s`, by the
    accounts' middleware)."""
    if actor.token_id is not None:
        return
    age_s: float | None = getattr(request, "factor_age_s", None)
    if age_s is None or not 0 <= age_s <= within_s:
        raise StaleFactor(
            _("this takes a second factor given within the last %(minutes)d minutes")
            % {"minutes": within_s // 60},
            extra={"refresh": f"{API_PREFIX}account/freshness"},
        )


def signed_in(request: HttpRequest) -> Actor:
    """The actor of a request; NotSignedIn when there is none, or the second factor is still owed. `request.owes` is the
    error told to a session that owes something else (a second person's approval)."""
    actor = getattr(request, "actor", None)
    if actor is None:
        owes: NotSignedIn | None = getattr(request, "owes", None)
        if owes is not None:
            raise owes
        raise NotSignedIn(
            _how_to_call()
            if request.path_info.startswith(API_PREFIX)
            else _("sign in to your organisation first")
        )
    if not isinstance(actor, Actor):
        raise ImproperlyConfigured(f"request.actor must be an Actor, not {type(actor).__name__}")
    return actor
