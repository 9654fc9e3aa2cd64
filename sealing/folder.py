"""Footage folders and key files (SPEC.md section 8.1): the one place that knows their layout. Reads and writes files, nothing else."""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .canonical import decode_canonical, encode_canonical
from .errors import BadFolder, SealingError
from .fields import octets
from .ids import Rendition, Stream
from .names import object_name
from .record import Segment

FORMAT: Final = "vsaas-footage-v1"
KEYS_FORMAT: Final = "vsaas-keys-v1"
MAX_FILE_BYTES: Final = 256 << 20
_MAX_JSON_BYTES: Final = 64 << 20


@dataclass(frozen=True)
class Manifest:
    """What the folder says it holds: convenience only, nothing relies on it but `partial`. `cameras`: names by id."""

    tenant: uuid.UUID
    from_us: int
    to_us: int
    partial: bool
    cameras: Mapping[uuid.UUID, str]


@dataclass(frozen=True)
class ChainFile:
    """The records of one chain as they lie in the folder; nothing is verified."""

    camera: uuid.UUID
    stream: Stream
    chain: bytes
    records: tuple[bytes, ...]


class FolderWriter:
    """Writes a footage folder. Objects are written by the caller at `object_path`."""

    def __init__(self, path: Path) -> None:
        path.mkdir(parents=True, exist_ok=True)
        self.path = path

    def manifest(self, manifest: Manifest) -> None:
        document = {
            "format": FORMAT,
            "tenant": str(manifest.tenant),
            "from_us": manifest.from_us,
            "to_us": manifest.to_us,
            "partial": manifest.partial,
            "cameras": [{"id": str(camera), "name": name} for camera, name in manifest.cameras.items()],
        }
        (self.path / "manifest.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")

    def statements(self, statements: Sequence[bytes]) -> None:
        """The tenant's statements from number 0 on."""
        _write_list(self.path / "statements.cbor", statements)

    def chain(self, camera: uuid.UUID, stream: Stream, chain: bytes, records: Sequence[bytes]) -> None:
        """The records of one chain, in order."""
        folder = self.path / "records" / f"{camera.hex}-{stream.name.lower()}"
        folder.mkdir(parents=True, exist_ok=True)
        _write_list(folder / f"{chain.hex()}.cbor", records)

    def tombstones(self, tombstones: Sequence[bytes]) -> None:
        _write_list(self.path / "tombstones.cbor", tombstones)

    def object_path(self, segment: Segment) -> Path:
        """Where a segment's object belongs; its folder exists."""
        path = self.path / "objects" / name_of(segment)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def name_of(segment: Segment) -> str:
    """Object name of a segment's record."""
    return object_name(segment.tenant, segment.camera, segment.stream, segment.segment, segment.start_us)


def _write_list(path: Path, items: Sequence[bytes]) -> None:
    data = encode_canonical(list(items))
    if len(data) > MAX_FILE_BYTES:
        raise BadFolder(f"{path.name} would be longer than {MAX_FILE_BYTES} bytes: take a shorter range")
    path.write_bytes(data)


def read_list(path: Path) -> tuple[bytes, ...]:
    """The byte strings of a folder's `.cbor` file. Raises BadFolder."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadFolder(f"{path}: longer than {MAX_FILE_BYTES} bytes")
        value = decode_canonical(path.read_bytes(), MAX_FILE_BYTES)
    except OSError as error:
        raise BadFolder(f"cannot read {path}: {error.strerror}") from error
    except BadFolder:
        raise
    except SealingError as error:
        raise BadFolder(f"{path}: {error}") from error
    if not isinstance(value, list):
        raise BadFolder(f"{path}: not an array")
    items = [item for item in value if isinstance(item, bytes)]
    if len(items) != len(value):
        raise BadFolder(f"{path}: holds something else than signed objects")
    return tuple(items)


class Folder:
    """A footage folder as it lies there. Raises BadFolder where it is not of the shape laid down."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.manifest = _manifest(path / "manifest.json")

    def statements(self) -> tuple[bytes, ...]:
        return read_list(self.path / "statements.cbor")

    def tombstones(self) -> tuple[bytes, ...]:
        path = self.path / "tombstones.cbor"
        return read_list(path) if path.exists() else ()

    def chains(self) -> Iterator[ChainFile]:
        """Every chain file, sorted by name."""
        for path in sorted(self.path.glob("records/*/*")):
            camera, _, stream = path.parent.name.partition("-")
            try:
                place = uuid.UUID(hex=camera), Stream[stream.upper()]
                chain = octets(bytes.fromhex(path.stem), "chain", 16)
            except (ValueError, KeyError, SealingError) as error:
                raise BadFolder(f"{path}: not the name of a chain file") from error
            if path.suffix != ".cbor":
                raise BadFolder(f"{path}: not the name of a chain file")
            yield ChainFile(*place, chain, read_list(path))

    def object_path(self, segment: Segment) -> Path:
        return self.path / "objects" / name_of(segment)

    def object_names(self) -> Iterator[str]:
        """Names of all files below `objects`, sorted."""
        root = self.path / "objects"
        for path in sorted(root.rglob("*")):
            if not path.is_dir():
                yield path.relative_to(root).as_posix()


def _json(path: Path, expected: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise BadFolder(f"{path}: longer than {_MAX_JSON_BYTES} bytes")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadFolder(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise BadFolder(f"{path}: not JSON") from error
    if not isinstance(document, dict) or document.get("format") != expected:
        raise BadFolder(f'{path}: its format is not "{expected}"')
    return document


def _manifest(path: Path) -> Manifest:
    document = _json(path, FORMAT)
    try:
        cameras = {uuid.UUID(item["id"]): str(item["name"]) for item in document["cameras"]}
        from_us, to_us = int(document["from_us"]), int(document["to_us"])
        return Manifest(uuid.UUID(document["tenant"]), from_us, to_us, document["partial"] is True, cameras)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadFolder(f"{path}: not a manifest: {error}") from error


@dataclass(frozen=True)
class SegmentKey:
    """One released key: opens one part of one segment."""

    segment: uuid.UUID
    rendition: Rendition
    key_id: bytes
    key: bytes


def write_keys(path: Path, tenant: uuid.UUID, keys: Iterable[SegmentKey]) -> None:
    """Write a key file that only its owner may read. An existing file is not overwritten (FileExistsError)."""
    items = [
        {
            "segment": str(item.segment),
            "rendition": int(item.rendition),
            "key_id": item.key_id.hex(),
            "key": base64.urlsafe_b64encode(item.key).rstrip(b"=").decode(),
        }
        for item in keys
    ]
    document = json.dumps({"format": KEYS_FORMAT, "tenant": str(tenant), "keys": items}, indent=1)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(handle, "w") as file:
        file.write(document + "\n")


def read_keys(path: Path) -> dict[tuple[uuid.UUID, Rendition], bytes]:
    """Segment keys (32 bytes) by segment and rendition. Raises BadFolder."""
    document = _json(path, KEYS_FORMAT)
    try:
        return {
            (uuid.UUID(item["segment"]), Rendition(item["rendition"])): octets(
                _base64(item["key"]), "key", 32
            )
            for item in document["keys"]
        }
    except (KeyError, TypeError, ValueError, AttributeError, SealingError) as error:
        raise BadFolder(f"{path}: not a key file, or one of its entries is broken") from error


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        raise ValueError("not base64url") from error
