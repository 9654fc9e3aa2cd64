"""Pages of customer-held keys, which the browser draws, and the hashes of the code that browsers are served."""

import functools
import hashlib
from pathlib import Path

from django.contrib.staticfiles.finders import get_finders
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from tenants.declare import public, requires
from tenants.permissions import ACCOUNT_SELF, KEYS_HOLD
from vsaas.common.pages import Banner
from vsaas.keys.held import custody
from vsaas.keys.models import OwnKey, StatementRequest


@requires(ACCOUNT_SELF)
@require_safe
def own_keys(request: HttpRequest) -> HttpResponse:
    """My keys: made, opened and replaced in the browser."""
    return render(request, "keys/own_keys.html")


@requires(KEYS_HOLD)
@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The organisation's keys: who holds them, moving them over, and what waits for a holder."""
    custody.require_right(request.actor)  # type: ignore[attr-defined]
    return render(request, "keys/keys.html")


@public("hashes of files that everybody is served")
@require_safe
def code(request: HttpRequest) -> HttpResponse:
    """Every static file that browsers are served, with the SHA-256 of its bytes, so that they can be compared."""
    return JsonResponse({"files": _files()}, headers={"Cache-Control": "no-cache"})


@functools.cache
def _files() -> list[dict[str, str]]:
    """Once per process: WhiteNoise serves what the finders found at its start as well."""
    found: dict[str, str] = {}
    for finder in get_finders():
        for path, storage in finder.list([]):
            found.setdefault(static(path), _sha256(storage.path(path)))
    return [{"path": path, "sha256": digest} for path, digest in sorted(found.items())]


def _sha256(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def banner(request: HttpRequest) -> Banner | None:
    """What holders read on every page while statements or people's own keys wait for them."""
    actor = getattr(request, "actor", None)
    if (
        actor is None
        or not actor.tenant_wide(KEYS_HOLD)
        or not custody.holds(actor, custody.vault_in_force())
    ):
        return None
    count = (
        StatementRequest.objects.filter(number=None).count()
        + OwnKey.objects.filter(stated_number=None).count()
    )
    if not count:
        return None
    words = ngettext(
        "%(count)s signature waits for a holder of the keys.",
        "%(count)s signatures wait for a holder of the keys.",
        count,
    )
    return Banner("warn", words % {"count": count}, "keys")
