"""Release keys, and the signed document that says which files a version of the agent consists of (`protocol.release`)."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from installer.build import ROOT, BuildError
from protocol import b64
from protocol.errors import ProtocolError
from protocol.release import Release, ReleaseFile, introduce_key, sign_release, verify_release
from sealing.cose import Ed25519Signer

_DEB: Final = re.compile(r"vsaas-agent_([0-9.]+)_([a-z0-9]+)\.deb")
_SINGLE: Final = re.compile(r"vsaas-agent-([0-9.]+)-([a-z0-9]+)\.pyz")
_INTRODUCTION_BYTES_MAX: Final = 4096


def make_key(path: Path) -> Path:
    """Make a release key: the private half at `path` (PEM, 0600), the public half beside it in `<path>.pub`, whose path is
    returned. Raises BuildError: it exists, or lies in the source tree."""
    path = path.absolute()
    if path.resolve().is_relative_to(ROOT):
        raise BuildError(
            f"{path} lies in the source tree: keep the release key where no copy of the source takes it along"
        )
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem)
    except OSError as error:
        raise BuildError(f"cannot make the release key {path}: {error.strerror}") from error
    public = path.with_name(path.name + ".pub")
    public.write_text(b64.encode(key.public_key().public_bytes_raw()) + "\n")
    return public


def read_public(path: Path) -> bytes:
    """The public half of a release key, as `make_key` wrote it. Raises BuildError."""
    try:
        return b64.decode(path.read_text().strip(), length=32, what="release key")
    except (OSError, UnicodeDecodeError, ProtocolError) as error:
        raise BuildError(f"cannot read the public release key {path}: {error}") from error


def introduce(key: Path, other: Path, target: Path) -> Path:
    """Have a release key introduce another one, whose public half is `other`. Raises BuildError."""
    target.write_bytes(introduce_key(read_public(other), _now_us(), _signer(key)))
    return target


def make_release(
    key: Path, files: Sequence[Path], *, updates_from: str, notes: str, introductions: Sequence[Path] = ()
) -> Path:
    """Write the release document beside its files, which are all of one version. Raises BuildError."""
    named = [_named(path) for path in files]
    versions = {version for version, _file in named}
    if len(versions) != 1:
        raise BuildError(
            f"a release is of one version, and these files are of {', '.join(sorted(versions)) or 'none'}"
        )
    version = versions.pop()
    release = Release(version, _now_us(), updates_from, notes, tuple(file for _v, file in named))
    signer = _signer(key)
    try:
        given = [path.read_bytes()[:_INTRODUCTION_BYTES_MAX] for path in introductions]
        document = sign_release(release, signer, given)
        if not given:
            verify_release(document, [signer.public_key])
    except (OSError, ProtocolError) as error:
        raise BuildError(f"cannot sign release {version}: {error}") from error
    target = files[0].with_name(f"vsaas-agent_{version}.release")
    target.write_bytes(document)
    return target


def _named(path: Path) -> tuple[str, ReleaseFile]:
    for form, pattern in (("deb", _DEB), ("single", _SINGLE)):
        found = pattern.fullmatch(path.name)
        if found is not None:
            try:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").digest()
                return found[1], ReleaseFile(found[2], form, path.name, path.stat().st_size, digest)
            except OSError as error:
                raise BuildError(f"cannot read {path}: {error.strerror}") from error
    raise BuildError(
        f"{path.name} is neither vsaas-agent_VERSION_ARCHITECTURE.deb nor vsaas-agent-VERSION-ARCHITECTURE.pyz"
    )


def _signer(path: Path) -> Ed25519Signer:
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(f"cannot read the release key {path}: {error}") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BuildError(f"{path} is no Ed25519 key: make one with 'python -m installer release-key FILE'")
    return Ed25519Signer(key.private_bytes_raw())


def _now_us() -> int:
    return time.time_ns() // 1000
