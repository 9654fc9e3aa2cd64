"""The component page: every shared part of the screens in every state, drawn by the product's own templates and styles.

No customer ever sees it: it is served here, by tests and by `python -m tests.components` for a look by hand.
"""

from __future__ import annotations

import mimetypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.template import engines
from django.test import RequestFactory

from tenants.access import Actor, Grant
from tenants.ids import uuid7
from tenants.lookups import TenantFound
from tenants.models import Site
from tenants.permissions import OWNER
from vsaas.common.context import Organisation
from vsaas.common.pages import Link, SiteChoice
from vsaas.common.security import content_security_policy

HERE = Path(__file__).parent
PLACES = (
    ("live", "Live"),
    ("agent", "Agents"),
    ("site", "Sites"),
    ("people", "People"),
    ("audit", "Audit"),
    ("shield", "Evidence"),
    ("key", "Settings"),
)


class Fields(forms.Form):
    """A field as it comes, one with help, one that was filled in wrongly."""

    name = forms.CharField(label="Name", max_length=80)
    user = forms.CharField(label="User", required=False, help_text="As the camera asks for it.")
    address = forms.URLField(label="Address", assume_scheme="https")
    site = forms.ChoiceField(label="Site", choices=[("g", "Gate"), ("y", "Yard")])


def html() -> str:
    """The page, drawn for an owner with two sites and another organisation in the same browser."""
    tenant_id = uuid7()
    request = RequestFactory().get("/t/bakery/")
    request.tenant = TenantFound(tenant_id, "bakery", "Bakery at the mill")  # type: ignore[attr-defined]
    request.actor = Actor(tenant_id, uuid7(), "Alice Owner", (Grant(OWNER, None),))  # type: ignore[attr-defined]
    request.resolver_match = None
    sites = [
        Site(id=uuid7(), tenant_id=tenant_id, name=name, timezone=zone)
        for name, zone in (("Gate", "Europe/Berlin"), ("Yard", "Europe/Lisbon"))
    ]
    form = Fields({"name": "Gate 2", "user": "", "address": "camera", "site": "y"})
    form.is_valid()
    links = [
        Link(icon, label, icon, f"#{icon}", current)
        for (icon, label), current in zip(PLACES, [True] + [False] * 6, strict=True)
    ]
    context = {
        "places": links,
        "places_at_thumb": 4,
        "own_places": [Link("account", "My account", "person", "#account", False)],
        "site_choice": SiteChoice(sites, sites[1]),
        "organisations": [Organisation("depot", "Depot north")],
        "banners": [],
        "form": form,
        "tabs": [("#tabs", "Cameras", True), ("#agents", "Agents", False), ("#people", "People", False)],
    }
    template = engines["django"].from_string((HERE / "components.html").read_text())
    return str(template.render(context, request))


class Handler(BaseHTTPRequestHandler):
    """The page, its own style sheet, and static files, under the product's own policy."""

    page: str = ""

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path in ("/", "/t/bakery/"):
            return self._send(self.page.encode(), "text/html; charset=utf-8")
        file = self._file(path)
        if file is None:
            return self.send_error(404)
        return self._send(file.read_bytes(), mimetypes.guess_type(file.name)[0] or "application/octet-stream")

    def _file(self, path: str) -> Path | None:
        if path == "/components.css":
            return HERE / "components.css"
        folders = [Path(folder) for folder in settings.STATICFILES_DIRS]
        name = path.removeprefix(settings.STATIC_URL)
        found = [folder / name for folder in folders if (folder / name).is_file()]
        return found[0] if found and path.startswith(settings.STATIC_URL) else None

    def _send(self, body: bytes, content_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", content_security_policy())
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing of each request."""


@contextmanager
def served(port: int = 0) -> Iterator[str]:
    """Serves the page until the block ends; gives its address."""
    handler = type("Page", (Handler,), {"page": html()})
    server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
