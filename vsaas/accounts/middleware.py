"""Who acts in a request."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor, actor_of, in_force
from tenants.errors import TokenRefused
from vsaas.accounts import freshness
from vsaas.accounts.limits import limits_of
from vsaas.accounts.tokens import actor_by_token
from vsaas.approvals import signing_in
from vsaas.approvals.errors import WaitingForApproval
from vsaas.approvals.people import bound
from vsaas.common import clock


class ActorMiddleware:
    """Sets `request.actor`: the signed-in person whose second factor was verified, or whom an access token stands for, or
    None. A session that still owes the second factor, or a second person's approval, has no rights at all; with the latter
    `request.owes` says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.owes = None  # type: ignore[attr-defined]
        request.factor_age_s = None  # type: ignore[attr-defined]
        request.actor = self.actor_of_request(request)  # type: ignore[attr-defined]
        return self.get_response(request)

    def actor_of_request(self, request: HttpRequest) -> Actor | None:
        """A token decides alone: with one, no cookie is looked at."""
        token_id = request.token_id  # type: ignore[attr-defined]
        if token_id is None:
            return actor_in(request)
        try:
            request.user, actor = actor_by_token(request, token_id)
        except TokenRefused as error:
            request.refused = error  # type: ignore[attr-defined]  `enforce` raises it where replies are made
            return None
        return actor


def actor_in(request: HttpRequest) -> Actor | None:
    """The actor of the request's session; `request.factor_age_s` says how long ago its factor was given."""
    if request.tenant is None or not request.user.is_authenticated:  # type: ignore[attr-defined]
        return None
    if not request.user.is_verified():  # type: ignore[attr-defined]
        return None
    actor = actor_of(request.user)
    if not limits_of(actor.grants).allow(request.session.row):  # type: ignore[attr-defined]
        # The strictest limit of the person's roles, which the session itself knows nothing of.
        request.session.flush()
        request.user = AnonymousUser()
        return None
    if bound(actor) and not signing_in.lets_in(request.session, actor):
        request.owes = WaitingForApproval(  # type: ignore[attr-defined]
            _("this session waits for a second person's approval, and has no right until then")
        )
        return None
    request.factor_age_s = freshness.age_s(request)  # type: ignore[attr-defined]
    return in_force(actor, clock.now_us())
