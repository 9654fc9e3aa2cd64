"""The agent's Debian packages, offered by the portal to boxes that are to be enrolled.

`VSAAS_AGENT_PACKAGES` names the folder they lie in, as `make deb` builds them; without it none are offered. The command of
the enrolment page holds their SHA-256: it travels as the organisation's root does, through the browser of a person who is
signed in, so a false portal on the way of the box cannot slip it another package.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_lazy as _

from tenants.declare import public
from vsaas.common.errors import NotFound

_FILE: Final = re.compile(r"vsaas-agent_([0-9]+(?:\.[0-9]+)*)_([a-z0-9]+)\.deb")
_PIECE_BYTES: Final = 256 * 1024


@dataclass(frozen=True)
class Package:
    """One package on the portal's disk. `name`: as boxes are told it, the same for every version."""

    path: Path
    architecture: str
    version: tuple[int, ...]

    @property
    def name(self) -> str:
        return f"vsaas-agent_{self.architecture}.deb"

    @property
    def sha256(self) -> str:
        found = self.path.stat()
        return _sha256(self.path, found.st_mtime_ns, found.st_size)


def packages() -> dict[str, Package]:
    """The newest package of each architecture; {} where none are offered."""
    folder = settings.ENV.agent_packages
    newest: dict[str, Package] = {}
    for path in sorted(Path(folder).glob("*.deb")) if folder is not None else []:
        found = _FILE.fullmatch(path.name)
        if found is None:
            continue
        package = Package(path, found[2], tuple(int(part) for part in found[1].split(".")))
        before = newest.get(package.architecture)
        if before is None or before.version < package.version:
            newest[package.architecture] = package
    return newest


def install_command(code: str) -> str | None:
    """The one command that installs the package on a box and enrols it; None where no package is offered.

    Nor where the portal's authority is one's own: the box does not trust it before somebody brings it there.
    """
    offered = sorted(packages().items())
    if not offered or settings.ENV.ca_file is not None:
        return None
    portal = settings.ENV.public_url
    sums = " ".join(f"'{package.sha256}  {package.name}'" for _architecture, package in offered)
    return (
        "f=vsaas-agent_$(dpkg --print-architecture).deb"
        f' && curl -fsSO "{portal}/agent-packages/$f"'
        f" && printf '%s\\n' {sums} | sha256sum --check --ignore-missing --strict"
        ' && sudo apt-get install --yes "./$f"'
        f" && sudo vsaas-agent enrol {portal} {code}"
    )


@public("the agent's program holds nothing of anybody; a box that is to be enrolled has no account")
def agent_package(request: HttpRequest, architecture: str) -> StreamingHttpResponse:
    """GET /agent-packages/vsaas-agent_<architecture>.deb: the newest package."""
    package = packages().get(architecture)
    if package is None:
        raise NotFound(_("there is no package of the agent for this architecture here"))
    pieces = _pieces_async(package.path) if isinstance(request, ASGIRequest) else _pieces(package.path)
    reply = StreamingHttpResponse(pieces, content_type="application/vnd.debian.binary-package")
    reply["Content-Length"] = str(package.path.stat().st_size)
    reply["Content-Disposition"] = f'attachment; filename="{package.name}"'
    return reply


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


async def _pieces_async(path: Path) -> AsyncIterator[bytes]:
    """The same without keeping a thread for as long as a slow box takes."""
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
            yield piece


@lru_cache(maxsize=16)
def _sha256(path: Path, changed_ns: int, size_bytes: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
