"""Entity tags (RFC 9110 sections 8.8 and 13): what was not changed is not sent again, and what somebody else changed is
not overwritten.

A tag is `"<version>-<hash of the reply>"`, or `"<hash of the reply>"` where the object has no version. If-None-Match looks
at the whole tag; If-Match on a change looks at the version, which stands for what people can change: a camera that went
offline meanwhile may still be renamed.
"""

from __future__ import annotations

import hashlib
import re

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import VsaasError

_TAG = re.compile(r'(?:W/)?"([\x21\x23-\x7e]*)"')


class ChangedMeanwhile(VsaasError):
    """The object is not as the caller saw it (If-Match)."""

    status = 412
    problem = "changed-meanwhile"
    title = _("Somebody changed this meanwhile")


def tag(body: bytes, version: str | None = None) -> str:
    """The entity tag of a reply."""
    content = hashlib.sha256(body).hexdigest()[:32]
    return f'"{content}"' if version is None else f'"{version}-{content}"'


def version_of(*values: object) -> str:
    """A version made of everything people can change in an object."""
    return hashlib.sha256(repr(values).encode()).hexdigest()[:16]


def not_modified(request: HttpRequest, current: str) -> bool:
    """Whether the caller has this very reply already."""
    header = request.headers.get("If-None-Match")
    if header is None:
        return False
    return header.strip() == "*" or current.strip('"') in _TAG.findall(header)


def hold_if_match(request: HttpRequest, version: str) -> None:
    """Raise ChangedMeanwhile when the request asks for another version than there is. Lock the object first."""
    header = request.headers.get("If-Match")
    if header is None or header.strip() == "*":
        return
    if version not in [found.partition("-")[0] for found in _TAG.findall(header)]:
        raise ChangedMeanwhile(_("get it again, look what changed, and send your change with the new ETag"))
