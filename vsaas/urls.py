"""Every address of the portal.

Each app's `urls.py` may define four lists of patterns: `pages` (under `/t/<slug>/`), `api` (under `/api/v1/`), `agent_api`
(under `/agent/v1/`) and `root`. URL names are global and plain ("overview", "camera"). Views of `pages` do not get the
slug: it becomes `request.tenant`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from django.urls import include, path

APPS = (
    "common",
    "accounts",
    "mail",
    "approvals",
    "audit",
    "keys",
    "agents",
    "cameras",
    "alarms",
    "footage",
    "live",
)


def _patterns(kind: str) -> list[Any]:
    found: list[Any] = []
    for app in APPS:
        name = f"vsaas.{app}.urls"
        if find_spec(name) is not None:
            found += getattr(import_module(name), kind, [])
    return found


urlpatterns = [
    *_patterns("root"),
    path("t/<str:slug>/", include(_patterns("pages"))),
    path("api/v1/", include(_patterns("api"))),
    path("agent/v1/", include(_patterns("agent_api"))),
]

handler404 = "vsaas.common.problems.not_found"
handler500 = "vsaas.common.problems.server_error"
