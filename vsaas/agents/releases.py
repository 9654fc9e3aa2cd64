"""Releases of the agent that the operator offers: signed documents beside the packages they name.

They lie in the folder that `VSAAS_AGENT_PACKAGES` names, put there by `manage.py agent_release add`. The portal passes them on
and judges no signature: the box does, by the keys it was built with. A release is held back by a file `<name>.paused`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.conf import settings

from protocol.errors import ProtocolError
from protocol.release import (
    PIECE_BYTES,
    RELEASE_BYTES_MAX,
    Release,
    document_hash,
    read_unverified,
    read_version,
)
from vsaas.common.errors import Conflict

_PATTERN: Final = "vsaas-agent_*.release"


class ReleaseUnusable(Conflict):
    """A release document or one of its files is not what it says."""

    problem = "release-unusable"


@dataclass(frozen=True)
class Offered:
    """One release as it lies there. `digest`: SHA-256 of the document, which names it."""

    release: Release
    document: bytes
    path: Path

    @property
    def version(self) -> str:
        return self.release.version

    @property
    def digest(self) -> bytes:
        return document_hash(self.document)

    @property
    def paused(self) -> bool:
        return _mark(self.path).exists()


def offered() -> list[Offered]:
    """Every release that is there, newest first; what is no release document is left out."""
    folder = settings.ENV.agent_packages
    found = [_read(path) for path in Path(folder).glob(_PATTERN)] if folder is not None else []
    return sorted(
        (one for one in found if one is not None), key=lambda one: read_version(one.version), reverse=True
    )


def newest() -> Offered | None:
    """The newest release that is not held back."""
    return next((one for one in offered() if not one.paused), None)


def find(digest: bytes) -> Offered | None:
    """The release of this name, held back or not."""
    return next((one for one in offered() if one.digest == digest), None)


def part_of(one: Offered, name: str, first: int) -> bytes | None:
    """A part of one of its files from a byte on; None when the release has no such file."""
    if name not in {file.name for file in one.release.files}:
        return None
    try:
        with (one.path.parent / name).open("rb") as file:
            file.seek(first)
            return file.read(PIECE_BYTES)
    except FileNotFoundError:
        return None


def add(document: Path, folder: Path) -> Offered:
    """Copy a release and its files, which lie beside the document, into the folder. Raises ReleaseUnusable."""
    try:
        data = document.read_bytes()
        release = read_unverified(data)
        for file in release.files:
            _check(document.parent / file.name, file.size_bytes, file.sha256)
        for file in release.files:
            _put(folder / file.name, (document.parent / file.name).read_bytes())
        target = folder / f"vsaas-agent_{release.version}.release"
        # Last: whoever sees the document finds its files.
        _put(target, data)
    except ProtocolError as error:
        raise ReleaseUnusable(f"{document}: {error.detail}") from error
    except OSError as error:
        raise ReleaseUnusable(f"{error.filename}: {error.strerror}") from error
    return Offered(release, data, target)


def hold_back(one: Offered, paused: bool) -> None:
    """Have no further agent begin with a release, or have them go on."""
    if paused:
        _mark(one.path).touch()
    else:
        _mark(one.path).unlink(missing_ok=True)


def _mark(path: Path) -> Path:
    return path.with_name(path.name + ".paused")


def _read(path: Path) -> Offered | None:
    try:
        with path.open("rb") as file:
            data = file.read(RELEASE_BYTES_MAX + 1)
        return Offered(read_unverified(data), data, path)
    except ProtocolError:
        return None


def _check(path: Path, size_bytes: int, sha256: bytes) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    if path.stat().st_size != size_bytes or digest != sha256:
        raise ReleaseUnusable(f"{path} is not the file the release names: sign the release anew")


def _put(path: Path, data: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    new.write_bytes(data)
    new.replace(path)
