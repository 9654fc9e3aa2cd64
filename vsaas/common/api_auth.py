"""Who calls the browser API, for REST framework's settings. Apart from `api.py`: REST framework imports this while it
makes its own view class, which `api.py` needs."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, CSRFCheck
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from tenants.declare import declaration_of
from vsaas.common.errors import FormExpired


class PortalToken(BaseAuthentication):
    """The owner of the request's access token. No cookie counts, so no CSRF check: a foreign page cannot send the header."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        token_id = getattr(request._request, "token_id", None)
        return None if token_id is None else (request._request.user, token_id)


class PortalSession(BaseAuthentication):
    """The person of the request's session, with the CSRF check on every unsafe method, signed in or not."""

    def authenticate(self, request: Request) -> tuple[Any, None] | None:
        check = CSRFCheck(lambda _request: None)
        check.process_request(request._request)
        if check.process_view(request._request, None, (), {}) is not None:
            raise FormExpired(_("send the value of the cookie vsaas_csrf in the header X-CSRFToken"))
        user = getattr(request._request, "user", None)
        return (user, None) if user is not None and user.is_authenticated else None


class Declared(BasePermission):
    """Lets through what the middleware let through: a view that declares nothing was refused there already."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return declaration_of(view) is not None
