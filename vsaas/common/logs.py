"""What the log says: one line an event, text or JSON, and never a secret.

`redact` stands in the formatter, behind everything that may bring text in: messages, arguments, tracebacks.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
import time
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

from django.http import HttpRequest, HttpResponseBase

HIDDEN = "***"
REQUEST_ID_HEADER = "X-Request-Id"
UNLOGGED = ("healthz", "readyz", "metrics")
_FIELDS = ("request_id", "tenant", "actor", "method", "route", "status", "ms")
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")

# Each with what stays of it. The order matters: addresses first, for they hold other secrets.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    # user:password@ of any address (RTSP, PostgreSQL, Redis, proxies), up to the last @ of the word
    (re.compile(r"\b([a-z][a-z0-9+.-]*://)[^\s\"'<>]*@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    # what makes a presigned URL one
    (
        re.compile(r"\b(X-Amz-(?:Signature|Credential|Security-Token))(=|%3D)[^&\s\"'<>]+", re.IGNORECASE),
        rf"\1\2{HIDDEN}",
    ),
    # headers
    (
        re.compile(
            r"\b(authorization|proxy-authorization|cookie|set-cookie|x-csrftoken|signature|vsaas-nonce)"
            r"([\"']?\s*:\s*(?:b?[\"'])?)[^\r\n\"']+",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    # cookies by their names: session, known browser, CSRF
    (re.compile(r"\b(vsaas_[sd]_[\w-]*|vsaas_csrf)([\"']?\s*[:=]\s*[\"']?)[^;,\s\"']+"), rf"\1\2{HIDDEN}"),
    # fields and parameters whose names say it
    (
        re.compile(
            r"\b(\w*(?:password|passphrase|secret|token|ticket|totp|recovery_code|csrfmiddlewaretoken))"
            r"([\"']?\s*[:=]\s*[\"']?)[^&;,\s\"'<>()]+",
            re.IGNORECASE,
        ),
        rf"\1\2{HIDDEN}",
    ),
    # one-time links
    (re.compile(r"(/(?:setup|invite|invitation|join|reset)/)[^/\s\"'?<>]+"), rf"\1{HIDDEN}"),
    # enrolment codes: 16 and 52 characters of base32, with or without dashes every 4
    (re.compile(r"\b(?:[A-Z2-7]{4}-?){3}[A-Z2-7]{4}-(?:[A-Z2-7]{4}-?){12}[A-Z2-7]{4}\b"), HIDDEN),
    # 32 random bytes as we write tokens, session keys and passwords
    (re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"), HIDDEN),
)

_request_id: ContextVar[str] = ContextVar("vsaas_request_id", default="")

requests = logging.getLogger("vsaas.requests")


def redact(text: str) -> str:
    """`text` without what opens anything."""
    for pattern, stays in _SECRETS:
        text = pattern.sub(stays, text)
    return text


class TextFormatter(logging.Formatter):
    """`time level logger message`, the request's id behind it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        request_id = _request_id.get()
        return redact(f"{line} request={request_id}" if request_id else line)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (UTC), level, logger, message, where there is one the request's id, and what
    `_FIELDS` names."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": moment.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redact(record.getMessage()),
            "request_id": _request_id.get() or None,
        }
        for name in _FIELDS:
            value = getattr(record, name, None)
            if value is not None:
                line[name] = redact(value) if isinstance(value, str) else value
        if record.exc_info:
            line["exception"] = redact(self.formatException(record.exc_info))
        return json.dumps(
            {name: value for name, value in line.items() if value is not None}, ensure_ascii=False
        )


def request_reference() -> str:
    """The id of the request that is being answered, by which its line in the log is found; "" outside one."""
    return _request_id.get()


def formatter(kind: str) -> logging.Formatter:
    """For the settings: "text" or "json"."""
    return JsonFormatter() if kind == "json" else TextFormatter()


class RequestLogMiddleware:
    """Outermost: gives the request an id (the front's, where it sends one), and writes one line when it is answered.

    The line names the route's pattern, not the path: ids and tokens stand in paths.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        before = _request_id.set(request_id)
        began_s = time.perf_counter()
        try:
            response = self.get_response(request)
            response.headers.setdefault(REQUEST_ID_HEADER, request_id)
            self._write(request, response, time.perf_counter() - began_s)
            return response
        finally:
            _request_id.reset(before)

    def _write(self, request: HttpRequest, response: HttpResponseBase, took_s: float) -> None:
        from vsaas.common import metrics

        route = route_of(request)
        metrics.request_answered(request.method or "", route, response.status_code, took_s)
        if route in UNLOGGED or not requests.isEnabledFor(logging.INFO):
            return
        tenant, actor = getattr(request, "tenant", None), getattr(request, "actor", None)
        agent = getattr(request, "agent", None)
        fields = {
            "method": request.method,
            "route": route,
            "status": response.status_code,
            "ms": round(took_s * 1000, 1),
            "tenant": str(tenant.id if tenant else agent.tenant_id) if tenant or agent else None,
            "actor": str(actor.account_id if actor else agent.agent_id) if actor or agent else None,
        }
        requests.info(
            "%s %s %s %.1f ms", request.method, route, response.status_code, took_s * 1000, extra=fields
        )


def route_of(request: HttpRequest) -> str:
    """The pattern a request's address fits ("t/<str:slug>/cameras/<uuid:id>"), "static", or "unmatched"."""
    match = request.resolver_match
    if match is not None:
        return match.route or "/"
    return "static" if request.path_info.startswith("/static/") else "unmatched"
