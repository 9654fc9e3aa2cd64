"""The REST API's views. Every one subclasses `ApiView` and describes each of its methods (`vsaas.common.describe`).

class Cameras(ApiView):
    access = Requires(CAMERA_VIEW)

    @describe("List cameras", reply=CameraPage, example={…})
    def get(self, request: Request) -> Response: …       self.actor is the tenants.access.Actor

What every view gets from here, whoever wrote it: rate limits, idempotency keys on POST, entity tags on GET.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.access import Actor
from tenants.declare import Declaration
from tenants.middleware import signed_in
from vsaas.common import conditional, idempotency, rates
from vsaas.common.models import KeptAnswer

VERSION_ATTRIBUTE = "object_version"
_KEPT_HEADERS = ("Content-Type", "Location")


class Replayed(Exception):
    """Ends a request whose answer was kept."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__("answered before")
        self.response = response


def versioned(response: Response, version: str) -> Response:
    """Let the reply's ETag carry the version of the object it shows, so that If-Match can name it."""
    setattr(response, VERSION_ATTRIBUTE, version)
    return response


class AsAddressed(DefaultContentNegotiation):
    """For a view whose address names what it answers with (`audit.csv`): the same whatever a request says it accepts."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """A JSON view of the REST API. `access` is its declaration, which the middleware enforces before the view runs."""

    access: Declaration
    # True for a view that is declared Public and still answers callers alone, whatever their rights.
    for_any_caller = False
    # False where a repeated POST must be answered anew: what it hands out lives for seconds.
    keeps_answers = True
    # A tighter allowance for this view, beside the caller's own.
    rate: rates.Rate | None = None

    _taken: rates.Taken | None = None
    _kept: tuple[KeptAnswer, str] | None = None

    @property
    def actor(self) -> Actor:
        """The caller: a signed-in person, or whom an access token stands for."""
        return signed_in(self.request._request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        actor = getattr(request._request, "actor", None)
        if actor is None:
            return  # a public view
        self._taken = rates.take(rates.SESSION if actor.token_id is None else rates.TOKEN, actor)
        if self.rate is not None:
            self._taken = rates.take(self.rate, actor)
        if request.method == "POST" and self.keeps_answers:
            self._claim(request._request, actor)

    def _claim(self, request: HttpRequest, actor: Actor) -> None:
        key = idempotency.key_of(request)
        if key is None:
            return
        row = idempotency.claim(request, actor, key, session_id(request))
        if row.status is None:
            self._kept = row, key
            return
        status, headers, body = idempotency.kept(row, key)
        response = HttpResponse(body, status=status, headers=headers)
        response[idempotency.REPLAYED_HEADER] = "true"
        raise Replayed(response)

    def handle_exception(self, exc: Exception) -> HttpResponseBase:
        if isinstance(exc, Replayed):
            return exc.response
        return super().handle_exception(exc)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = super().dispatch(request, *args, **kwargs)
        if isinstance(response, Response):
            response.render()
            if self._kept is not None and 200 <= response.status_code < 300:
                row, key = self._kept
                headers = {name: response[name] for name in _KEPT_HEADERS if name in response}
                idempotency.keep(row, key, response.status_code, headers, response.content)
            if request.method in ("GET", "HEAD") and response.status_code == 200:
                response = _tagged(request, response)
        if self._taken is not None:
            for name, value in self._taken.headers().items():
                response.headers.setdefault(name, value)
        return response


def session_id(request: HttpRequest) -> UUID | None:
    """The row of the browser session a request belongs to; None with a token."""
    row = getattr(request.session, "row", None)
    return None if row is None else row.id


def _tagged(request: HttpRequest, response: Response) -> HttpResponseBase:
    tag = conditional.tag(response.content, getattr(response, VERSION_ATTRIBUTE, None))
    response["ETag"] = tag
    # A program may keep what it got and ask whether it still holds; browsers of people keep nothing (no-store).
    if getattr(request, "token_id", None) is not None:
        response["Cache-Control"] = "private, no-cache"
        response["Vary"] = "Authorization"
    if not conditional.not_modified(request, tag):
        return response
    unchanged = HttpResponse(status=304)
    for name in ("ETag", "Cache-Control", "Vary"):
        if name in response:
            unchanged[name] = response[name]
    return unchanged
