"""What of the audit log can be proved with a public key and nothing else: the formats, and the check of an export.

Pure: no Django, no database, no clock. So whoever has an export and the public key checks it with

    python -m vsaas.audit.proof FILE --key=KEY

Formats (canonical CBOR of `sealing.canonical`; a log is a tenant's id, zeros for the platform):
- entry: hash = SHA-256("vsaas-audit-v1" ‖ [1, log, seq, prev hash, event id, at µs, act, outcome, actor kind, actor id or
  null, actor name, object kind, object id, object name, network, [[detail, value], …] sorted by name]). The first entry
  has seq 0 and a prev hash of 32 zero bytes.
- checkpoint: Ed25519 over "vsaas-audit-checkpoint-v1" ‖ [1, log, size, head, at µs]: the log's first `size` entries
  (pruned ones counted) end with the hash `head`.
- pruning: Ed25519 over "vsaas-audit-pruning-v1" ‖ [1, log, first seq kept, hash of the last one pruned, how many were
  pruned this time, at µs of the earliest and of the latest of them, at µs].
- export: JSON Lines. First {"kind": "log"}, then {"kind": "entry"} in the order of seq without a hole, last
  {"kind": "checkpoint"}, which covers them (null fields where none does yet).
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from sealing.canonical import encode_canonical

ENTRY = b"vsaas-audit-v1"
CHECKPOINT = b"vsaas-audit-checkpoint-v1"
PRUNING = b"vsaas-audit-pruning-v1"
ZERO = bytes(32)
FORMAT = "vsaas-audit-export-v1"


@dataclass(frozen=True, slots=True)
class Fields:
    """What an entry's hash covers, apart from its log, place and predecessor."""

    event_id: UUID
    at_us: int
    act: str
    outcome: str
    actor_kind: str
    actor_id: UUID | None
    actor_name: str
    object_kind: str
    object_id: str
    object_name: str
    network: str
    details: Mapping[str, Any]


def entry_hash(log: UUID, seq: int, prev: bytes, one: Fields) -> bytes:
    """The hash an entry must have at this place."""
    body = [
        1,
        log.bytes,
        seq,
        prev,
        one.event_id.bytes,
        one.at_us,
        one.act,
        one.outcome,
        one.actor_kind,
        one.actor_id.bytes if one.actor_id else None,
        one.actor_name,
        one.object_kind,
        one.object_id,
        one.object_name,
        one.network,
        [[name, value] for name, value in sorted(one.details.items())],
    ]
    return hashlib.sha256(ENTRY + encode_canonical(body)).digest()


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement: the log's first `size` entries end with `head`. `at_us`: when it was signed."""

    log: UUID
    size: int
    head: bytes
    at_us: int
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        return CHECKPOINT + encode_canonical([1, self.log.bytes, self.size, self.head, self.at_us])

    def holds(self, *public_keys: bytes) -> bool:
        """Whether the signature is that of one of the keys (32 bytes each)."""
        message = self.signed_bytes()
        return any(signature_holds(one, self.signature, message) for one in public_keys)


@dataclass(frozen=True, slots=True)
class Pruning:
    """A signed statement: entries before `first_seq` are gone, the last of them had the hash `prev_hash`."""

    log: UUID
    first_seq: int
    prev_hash: bytes
    count: int
    oldest_us: int
    newest_us: int
    at_us: int
    signature: bytes = b""

    def signed_bytes(self) -> bytes:
        body = [
            1,
            self.log.bytes,
            self.first_seq,
            self.prev_hash,
            self.count,
            self.oldest_us,
            self.newest_us,
            self.at_us,
        ]
        return PRUNING + encode_canonical(body)

    def holds(self, *public_keys: bytes) -> bool:
        """Whether the signature is that of one of the keys (32 bytes each)."""
        message = self.signed_bytes()
        return any(signature_holds(one, self.signature, message) for one in public_keys)


def signature_holds(public_key: bytes, signature: bytes, message: bytes) -> bool:
    """Whether an Ed25519 signature is that of the key over the message."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_text(public_key: bytes) -> str:
    """A public key as it is shown and given: base64url without padding."""
    return base64.urlsafe_b64encode(public_key).rstrip(b"=").decode()


def key_of_text(text: str) -> bytes:
    """The 32 bytes of a public key. Raises ValueError."""
    text = text.strip()
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ValueError("a public key is 43 characters of base64url; the audit page shows it")
    return key


# ---- exports


@dataclass(frozen=True, slots=True)
class Report:
    """What the check of an export found. `wrong`: what, and of which entry; empty when all holds. `covered`: how many of
    the entries the checkpoint covers."""

    entries: int
    first_seq: int
    covered: int
    signed_at_us: int | None
    wrong: str = ""


def entry_line(seq: int, prev: bytes, digest: bytes, one: Fields) -> dict[str, Any]:
    """An entry as an export holds it."""
    return {
        "kind": "entry",
        "seq": seq,
        "event_id": str(one.event_id),
        "at_us": one.at_us,
        "act": one.act,
        "outcome": one.outcome,
        "actor": {
            "kind": one.actor_kind,
            "id": str(one.actor_id) if one.actor_id else None,
            "name": one.actor_name,
        },
        "object": {"kind": one.object_kind, "id": one.object_id, "name": one.object_name},
        "network": one.network,
        "details": dict(one.details),
        "prev_hash": prev.hex(),
        "hash": digest.hex(),
    }


def fields_of_line(line: Mapping[str, Any]) -> Fields:
    """What an export's line says. Raises KeyError, TypeError or ValueError when it is no entry."""
    actor, on = line["actor"], line["object"]
    return Fields(
        UUID(line["event_id"]),
        line["at_us"],
        line["act"],
        line["outcome"],
        actor["kind"],
        UUID(actor["id"]) if actor["id"] else None,
        actor["name"],
        on["kind"],
        on["id"],
        on["name"],
        line["network"],
        line["details"],
    )


def checkpoint_line(found: Checkpoint | None, public_key: bytes | None) -> dict[str, Any]:
    """The last line of an export."""
    return {
        "kind": "checkpoint",
        "size": found.size if found else None,
        "head": found.head.hex() if found else None,
        "at_us": found.at_us if found else None,
        "signature": base64.b64encode(found.signature).decode() if found else None,
        "public_key": key_text(public_key) if public_key else None,
    }


def verify_export(lines: Iterable[str], *public_keys: bytes) -> Report:
    """Check an export line by line: each entry's hash, that each continues the one before it, and that the checkpoint at
    the end is signed by one of `public_keys` and names the very entry it should."""
    check = _ExportCheck(public_keys)
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            wrong = check.take(json.loads(text))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            wrong = f"line {number} is not one of an export ({error!r})"
        if wrong:
            return check.report(wrong)
    return check.report(check.end())


class _ExportCheck:
    """The state of the check between two lines."""

    def __init__(self, public_keys: Sequence[bytes]) -> None:
        self.public_keys = public_keys
        self.log: UUID | None = None
        self.first_seq: int | None = None
        self.prev = b""
        self.count = 0
        self.hashes: dict[int, bytes] = {}
        self.checkpoint: Checkpoint | None = None
        self.ended = False

    def take(self, line: Mapping[str, Any]) -> str:
        """Look at the next line; what is wrong with it, or ""."""
        kind = line["kind"]
        if self.ended:
            return "something follows the checkpoint"
        if self.log is None:
            if kind != "log" or line.get("format") != FORMAT:
                return f"the first line does not say that this is an export ({FORMAT})"
            self.log = UUID(line["log"])
            return ""
        if kind == "entry":
            return self._entry(line)
        if kind == "checkpoint":
            self.ended = True
            return self._checkpoint(line)
        return f"a line of the unknown kind {kind!r}"

    def _entry(self, line: Mapping[str, Any]) -> str:
        assert self.log is not None
        seq, prev, digest = line["seq"], bytes.fromhex(line["prev_hash"]), bytes.fromhex(line["hash"])
        if self.first_seq is None:
            self.first_seq, self.prev = seq, prev
        expected = self.first_seq + self.count
        if seq != expected:
            return f"entry {expected} is missing, the next one is {seq}"
        if prev != self.prev:
            return f"entry {seq} does not continue the entry before it"
        if seq == 0 and prev != ZERO:
            return "entry 0 continues something, and is the first"
        if digest != entry_hash(self.log, seq, prev, fields_of_line(line)):
            return f"the content of entry {seq} was changed"
        self.prev = self.hashes[seq] = digest
        self.count += 1
        return ""

    def _checkpoint(self, line: Mapping[str, Any]) -> str:
        if line["size"] is None:
            return ""
        assert self.log is not None
        found = Checkpoint(
            self.log,
            line["size"],
            bytes.fromhex(line["head"]),
            line["at_us"],
            base64.b64decode(line["signature"], validate=True),
        )
        if not found.holds(*self.public_keys):
            return "the checkpoint is not signed by this key"
        known = self.hashes.get(found.size - 1)
        if known is None and self.first_seq is not None and found.size > self.first_seq:
            return (
                f"the checkpoint names entry {found.size - 1}, which is not in the file: entries are missing"
            )
        if known is not None and known != found.head:
            return f"entry {found.size - 1} is another than the one that was signed"
        self.checkpoint = found
        return ""

    def end(self) -> str:
        """What is wrong once all lines were read, or ""."""
        return "" if self.ended else "the file ends before its checkpoint: it was cut off"

    def report(self, wrong: str) -> Report:
        first = self.first_seq or 0
        covered = max(0, min(self.count, self.checkpoint.size - first)) if self.checkpoint else 0
        return Report(self.count, first, covered, self.checkpoint.at_us if self.checkpoint else None, wrong)


def verdict_of(report: Report) -> str:
    """A report in one sentence."""
    if report.wrong:
        return f"BROKEN: {report.wrong}"
    last = report.first_seq + report.entries - 1
    span = f"entries {report.first_seq} to {last}" if report.entries else "no entries"
    if report.covered < report.entries:
        return f"{span} continue each other; the last {report.entries - report.covered} are not signed yet"
    return f"{span} hold, signed"


def check_file(path: Path, *public_keys: bytes) -> Report:
    """As verify_export, of a file. Raises OSError, UnicodeDecodeError."""
    with path.open(encoding="utf-8") as file:
        return verify_export(file, *public_keys)


def main(words: list[str] | None = None) -> int:
    """The command. 0: holds and is signed; 1: does not hold; 2: not signed to its end."""
    parser = argparse.ArgumentParser(prog="python -m vsaas.audit.proof", description=main.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--key", required=True, type=key_of_text, help="the public key the audit page shows")
    options = parser.parse_args(words)
    report = check_file(options.file, options.key)
    sys.stdout.write(verdict_of(report) + "\n")
    if report.wrong:
        return 1
    return 0 if report.covered == report.entries else 2


if __name__ == "__main__":
    sys.exit(main())
