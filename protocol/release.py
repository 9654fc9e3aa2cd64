"""A release of the agent: which files belong to a version, signed by a release key.

A release document is one file, canonical CBOR `[[introduction, …], release]`, both signed objects of the purpose
`vsaas-release-v1` (`sealing.cose`). A program knows the release keys it was built with. Each introduction, signed by a key
known so far, makes one more key known; the release is signed by a known key. So a new release key takes the place of the
old one without boxes between two versions being left behind. What a command document names is the SHA-256 of the document.

Payloads: introduction `{1: 1, 2: 2, 3: public key, 4: issued_us}`; release `{1: 1, 2: 1, 3: version, 4: issued_us,
5: oldest version it updates from, 6: notes, 7: [[architecture, form, file, size, SHA-256], …]}`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocol import fields
from protocol.errors import ProtocolError
from sealing.canonical import decode_canonical, encode_canonical
from sealing.cose import Purpose, Signed, Signer, check1, parse1, sign1
from sealing.errors import SealingError
from sealing.ids import kid

FORMAT: Final = 1
RELEASE_BYTES_MAX: Final = 64 * 1024
PACKAGE_BYTES_MAX: Final = 1024**3
PIECE_BYTES: Final = 1024 * 1024
"""How much of a file one request for a part of it brings."""
FORMS: Final = ("deb", "single")
INTRODUCTIONS_MAX: Final = 16
_RELEASE, _KEY = 1, 2
_VERSION: Final = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6}){0,3}")
_FILE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_WORD: Final = re.compile(r"[a-z0-9]{1,20}")


@dataclass(frozen=True)
class ReleaseFile:
    """One file of a release. `form`: one of FORMS."""

    architecture: str
    form: str
    name: str
    size_bytes: int
    sha256: bytes


@dataclass(frozen=True)
class Release:
    """`updates_from`: the oldest version that updates to this one by itself."""

    version: str
    issued_us: int
    updates_from: str
    notes: str
    files: tuple[ReleaseFile, ...]

    def file_for(self, architecture: str, form: str) -> ReleaseFile:
        """Raises ProtocolError `other-architecture` where there is none."""
        for file in self.files:
            if (file.architecture, file.form) == (architecture, form):
                return file
        raise ProtocolError(
            "other-architecture", f"release {self.version} has no {form} file for {architecture}"
        )

    def check_step(self, running: str) -> None:
        """Raises ProtocolError: `older` unless this is newer than the version running, `too-far` for a step it does not allow."""
        if read_version(self.version) <= read_version(running):
            raise ProtocolError("older", f"release {self.version} is not newer than {running}, which runs")
        if read_version(running) < read_version(self.updates_from):
            raise ProtocolError(
                "too-far", f"release {self.version} updates from {self.updates_from} on, not from {running}"
            )


def read_version(text: str) -> tuple[int, ...]:
    """Its numbers, to be compared; 1.2 and 1.2.0 are one version. Raises ProtocolError `bad-field`."""
    if not _VERSION.fullmatch(text):
        raise ProtocolError(
            "bad-field", f"{text[:40]!r} is no version: numbers with points between, as 1.4.2"
        )
    numbers = [int(part) for part in text.split(".")]
    return tuple(numbers + [0] * (4 - len(numbers)))


def sign_release(release: Release, signer: Signer, introductions: Sequence[bytes] = ()) -> bytes:
    """The release document. Raises ProtocolError for a release that no reader would take."""
    payload: dict[int, Any] = {
        1: FORMAT,
        2: _RELEASE,
        3: release.version,
        4: release.issued_us,
        5: release.updates_from,
        6: release.notes,
        7: [[f.architecture, f.form, f.name, f.size_bytes, f.sha256] for f in release.files],
    }
    _read_release(encode_canonical(payload))
    return encode_canonical([list(introductions), sign1(encode_canonical(payload), Purpose.RELEASE, signer)])


def introduce_key(public_key: bytes, issued_us: int, signer: Signer) -> bytes:
    """A signed introduction of another release key."""
    payload: dict[int, Any] = {1: FORMAT, 2: _KEY, 3: public_key, 4: issued_us}
    return sign1(encode_canonical(payload), Purpose.RELEASE, signer)


def document_hash(document: bytes) -> bytes:
    """What names a release document: its SHA-256."""
    return hashlib.sha256(document).digest()


def verify_release(document: bytes, known_keys: Sequence[bytes]) -> Release:
    """The release, when a known key signed it. `known_keys`: raw Ed25519 keys the program was built with.

    Raises ProtocolError: `no-release-key`, `not-a-release`, `unknown-key`, `bad-signature`, `bad-field`.
    """
    if not known_keys:
        raise ProtocolError("no-release-key", "this program was built without a release key")
    introductions, signed = _parts(document)
    keys = {kid(key): key for key in known_keys}
    for introduction in introductions:
        key = _read_key(_checked(introduction, keys).payload)
        keys[kid(key)] = key
    return _read_release(_checked(signed, keys).payload)


def read_unverified(document: bytes) -> Release:
    """What a release document says, whoever signed it: for those who only pass it on. Raises ProtocolError."""
    return _read_release(_parts(document)[1].payload)


def _parts(document: bytes) -> tuple[list[Signed], Signed]:
    if len(document) > RELEASE_BYTES_MAX:
        raise ProtocolError("not-a-release", f"a release document has {RELEASE_BYTES_MAX} bytes at most")
    try:
        top = fields.array(decode_canonical(document), "release document", length=2)
        introductions = fields.array(top[0], "introductions", most=INTRODUCTIONS_MAX)
        parsed = [parse1(fields.data(item, "introduction")) for item in introductions]
        return parsed, parse1(fields.data(top[1], "release"))
    except (SealingError, ProtocolError) as error:
        raise ProtocolError("not-a-release", f"this is no whole release document ({error})") from error


def _checked(signed: Signed, keys: dict[bytes, bytes]) -> Signed:
    key = keys.get(signed.kid)
    if key is None:
        raise ProtocolError(
            "unknown-key", f"signed by the release key {signed.kid.hex()}, which is not known here"
        )
    try:
        return check1(signed, Purpose.RELEASE, key)
    except SealingError as error:
        raise ProtocolError("bad-signature", f"the release's signature does not hold ({error})") from error


def _payload(payload: bytes, kind: int, what: str) -> dict[int, object]:
    try:
        row = fields.mapping(decode_canonical(payload), what)
    except SealingError as error:
        raise ProtocolError("bad-field", f"{what} cannot be read ({error})") from error
    if row.get(1) != FORMAT or row.get(2) != kind:
        raise ProtocolError("bad-field", f"this is no {what} of format {FORMAT}")
    return row


def _read_key(payload: bytes) -> bytes:
    return fields.data(_payload(payload, _KEY, "introduction of a release key").get(3), "key", length=32)


def _read_release(payload: bytes) -> Release:
    row = _payload(payload, _RELEASE, "release")
    release = Release(
        version=fields.text(row.get(3), "version", most=40),
        issued_us=fields.uint(row.get(4), "issued"),
        updates_from=fields.text(row.get(5), "oldest version", most=40),
        notes=fields.text(row.get(6), "notes", most=4000),
        files=tuple(_read_file(item) for item in fields.array(row.get(7), "files", most=32)),
    )
    if read_version(release.updates_from) > read_version(release.version):
        raise ProtocolError("bad-field", "a release updates from versions before it")
    if len({(file.architecture, file.form) for file in release.files}) != len(release.files):
        raise ProtocolError("bad-field", "a release has one file per architecture and form")
    return release


def _read_file(value: object) -> ReleaseFile:
    row = fields.array(value, "file", length=5)
    file = ReleaseFile(
        architecture=fields.text(row[0], "architecture"),
        form=fields.text(row[1], "form"),
        name=fields.text(row[2], "file name"),
        size_bytes=fields.uint(row[3], "size", most=PACKAGE_BYTES_MAX),
        sha256=fields.data(row[4], "SHA-256", length=32),
    )
    if not _WORD.fullmatch(file.architecture) or file.form not in FORMS or not _FILE.fullmatch(file.name):
        raise ProtocolError("bad-field", "a file's architecture, form or name is none")
    return file
