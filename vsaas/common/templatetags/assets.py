"""Links to the built front end: hashed file names from Vite's manifest, so that a browser may keep them for ever."""

from __future__ import annotations

import functools
import json
from typing import Any

from django import template
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()


@functools.cache
def _manifest() -> dict[str, Any]:
    path = settings.BASE_DIR / "frontend" / "dist" / "manifest.json"
    try:
        return json.loads(path.read_text())
    except FileNotFoundError as error:
        raise ImproperlyConfigured(
            "the front end is not built: run `npm ci && npm run build` in frontend/ (make up does it)"
        ) from error


def _entry(name: str) -> dict[str, Any]:
    try:
        return _manifest()[name]
    except KeyError as error:
        raise ImproperlyConfigured(f"the built front end has no entry {name}: build it again") from error


def _styles(name: str, seen: set[str]) -> list[str]:
    """Style sheets of an entry and of what it imports, each once, imports first (their order decides the cascade)."""
    if name in seen:
        return []
    seen.add(name)
    entry = _entry(name)
    sheets = [sheet for part in entry.get("imports", ()) for sheet in _styles(part, seen)]
    return sheets + list(entry.get("css", ()))


def files_of(name: str) -> list[str]:
    """Addresses of what an entry needs to be drawn: its script with what that imports, their styles, and their fonts."""
    names = list(dict.fromkeys(_parts(name, set())))
    return [static(file) for part in names for file in _files(_entry(part))]


def _parts(name: str, seen: set[str]) -> list[str]:
    if name in seen:
        return []
    seen.add(name)
    return [name, *(part for other in _entry(name).get("imports", ()) for part in _parts(other, seen))]


def _files(entry: dict[str, Any]) -> list[str]:
    return [entry["file"], *entry.get("css", ()), *entry.get("assets", ())]


def built_text(name: str) -> str:
    """The text of the built script of an entry."""
    return (settings.BASE_DIR / "frontend" / "dist" / _entry(name)["file"]).read_text()


@register.simple_tag
def asset(name: str) -> SafeString:
    """Tags for one entry, such as `{% asset "src/pages/app.ts" %}`: its style sheets and its module script."""
    styles = list(dict.fromkeys(_styles(name, set())))
    links = format_html_join(
        "\n", '<link rel="stylesheet" href="{}">', ((static(sheet),) for sheet in styles)
    )
    return format_html('{}\n<script type="module" src="{}"></script>', links, static(_entry(name)["file"]))
