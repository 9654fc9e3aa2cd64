"""One session cookie per tenant, and sessions in the tenant's own table."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, SessionBase, UpdateError
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.crypto import get_random_string
from django_otp import DEVICE_ID_SESSION_KEY

from tenants.scope import scope_rolls_back
from vsaas.accounts import trust
from vsaas.accounts.models import Account, Session
from vsaas.common import clock
from vsaas.common.by_itself import is_asked_by_itself
from vsaas.common.cookies import set_closed
from vsaas.common.network import network_of

TOUCH_S = 60  # last_seen_at is written at most once a minute


def hash_key(session_key: str) -> str:
    """What is stored of a session key."""
    return hashlib.sha256(b"vsaas-session-v1" + session_key.encode()).hexdigest()


class SessionStore(SessionBase):
    """Django's session interface over `Session`. Needs the tenant's scope.

    Idle for SESSION_IDLE_S, or SESSION_COOKIE_AGE after it began, a session has ended, whatever the cookie says. What a page
    asks by itself (`vsaas.common.by_itself`) is no activity.
    """

    def __init__(self, session_key: str | None = None, request: HttpRequest | None = None) -> None:
        super().__init__(session_key)
        self.row: Session | None = None
        self._somebody_there = request is None or not is_asked_by_itself(request)
        self._network = network_of(request) if request else ""
        self._user_agent = request.headers.get("User-Agent", "")[:200] if request else ""

    def _get_new_session_key(self) -> str:
        return get_random_string(43)

    def load(self) -> dict[str, Any]:
        now = clock.now()
        row = (
            Session.objects.filter(
                key_hash=hash_key(self.session_key),
                expires_at__gt=now,
                last_seen_at__gt=now - dt.timedelta(seconds=settings.SESSION_IDLE_S),
            ).first()
            if self.session_key
            else None
        )
        if row is None:
            self._session_key = None
            return {}
        self.row = row
        data: dict[str, Any] = self.decode(row.data)
        if self._somebody_there and row.last_seen_at < now - dt.timedelta(seconds=TOUCH_S):
            touched = Session.objects.filter(pk=row.pk, last_seen_at=row.last_seen_at)
            # Who gave a password and no second factor was not seen here: it may be anybody.
            if touched.update(last_seen_at=now) and DEVICE_ID_SESSION_KEY in data:
                Account.objects.filter(pk=row.account_id).update(last_seen_at=now)
        return data

    def exists(self, session_key: str) -> bool:
        return Session.objects.filter(key_hash=hash_key(session_key)).exists()

    def create(self) -> None:
        self._session_key = self._get_new_session_key()
        self.save(must_create=True)
        self.modified = True

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            return self.create()
        data = self._get_session(no_load=must_create)
        now = clock.now()
        values = {"data": self.encode(data), "account_id": data.get(SESSION_KEY), "last_seen_at": now}
        if must_create:
            if self.exists(self.session_key):
                raise CreateError
            Session.objects.create(
                key_hash=hash_key(self.session_key),
                network=self._network,
                user_agent=self._user_agent,
                created_at=now,
                expires_at=now + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE),
                **values,
            )
        elif Session.objects.filter(key_hash=hash_key(self.session_key)).update(**values) != 1:
            raise UpdateError
        return None

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            Session.objects.filter(key_hash=hash_key(key)).delete()

    @classmethod
    def clear_expired(cls) -> None:
        Session.objects.filter(expires_at__lt=clock.now()).delete()


class VoidSession(SessionBase):
    """The session of a request that belongs to no tenant, or comes with an access token: empty, and nothing can be kept
    in it."""

    def load(self) -> dict[str, Any]:
        return {}

    def exists(self, session_key: str) -> bool:
        return False

    def create(self) -> None:
        raise ImproperlyConfigured(
            "a request outside a tenant or with a token has no session to keep anything in"
        )

    def save(self, must_create: bool = False) -> None:
        self.create()

    def delete(self, session_key: str | None = None) -> None:
        return None


def cookie_name(slug: str) -> str:
    """The session cookie of a tenant: one browser can be signed in to several side by side."""
    return f"{settings.SESSION_COOKIE_NAME}{slug}"


class TenantSessionMiddleware:
    """As Django's session middleware, with the cookie and the table of the request's tenant."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        tenant = request.tenant  # type: ignore[attr-defined]
        if tenant is None or request.token_id is not None:  # type: ignore[attr-defined]
            request.session = VoidSession()  # type: ignore[assignment]
            return self.get_response(request)
        name = cookie_name(tenant.slug)
        request.session = SessionStore(request.COOKIES.get(name), request)  # type: ignore[assignment]
        response = self.get_response(request)
        self._keep(request, response, name)
        if response.status_code < 500:
            trust.keep(request, response)
        return response

    def _keep(self, request: HttpRequest, response: HttpResponseBase, name: str) -> None:
        session: Any = request.session
        if session.accessed:
            patch_vary_headers(response, ("Cookie",))
        if session.is_empty():
            if name in request.COOKIES:
                response.delete_cookie(name, samesite=settings.SESSION_COOKIE_SAMESITE)
            return
        if not session.modified or response.status_code >= 500 or scope_rolls_back():
            return
        try:
            session.save()
        except UpdateError:  # it was ended meanwhile, in another tab or by its owner: nothing brings it back
            response.delete_cookie(name, samesite=settings.SESSION_COOKIE_SAMESITE)
            return
        set_closed(response, name, session.session_key, settings.SESSION_COOKIE_AGE)
