"""What is being changed, on disk before each step: one file per change, readable for the agent alone and sealed under a key
of this disk (AES-256-GCM), since it holds passwords.

    asked -> planned -> setting -> set -> verified -> reported        the new password holds
    setting, set -> undoing -> failed                                 the former one holds
    neither -> told                                                   the camera takes neither: a person must look
"""

from __future__ import annotations

import hmac
import json
import logging
import os
import uuid
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from edge_agent.errors import StateUnusable
from edge_agent.files import make_private_folder, read_private, sync_folder, write_private
from edge_agent.keys import BoxKeys
from sealing.canonical import encode_canonical

log = logging.getLogger(__name__)

FOLDER: Final = "passwords"
ASKED, PLANNED, SETTING, SET, VERIFIED = "asked", "planned", "setting", "set", "verified"
REPORTED, UNDOING, FAILED, NEITHER, TOLD = "reported", "undoing", "failed", "neither", "told"
UNCERTAIN: Final = frozenset({ASKED, PLANNED, SETTING, SET, UNDOING})
"""A change in one of these was broken off, or is under way."""
NEW_HOLDS: Final = frozenset({SET, VERIFIED, REPORTED, UNDOING})
TO_REPORT: Final = frozenset({VERIFIED, FAILED, NEITHER})
_SUFFIX: Final = ".sealed"
_BYTES_MAX: Final = 16_384
_FORMER: Final = "former"
"""Traces (HMAC under a key of this disk) of passwords that were replaced, the newest last."""
_FORMER_MOST: Final = 4096
_OVER: Final = "over"
"""Ids of the last changes that are over, so that an order that comes once more is none."""
_OVER_MOST: Final = 500


@dataclass(frozen=True)
class Entry:
    """One change of one device's password. `old`, `new`: never printed; "" while not known."""

    change: uuid.UUID
    camera: uuid.UUID
    service: str
    way: str
    state: str = ASKED
    host: str = ""
    user: str = ""
    old: str = field(default="", repr=False)
    new: str = field(default="", repr=False)
    cause: str = ""
    restores: bool = False

    def at(self, state: str, cause: str = "") -> Entry:
        """The same, one step on."""
        return replace(self, state=state, cause=cause)


class Journal:
    """The open changes. Use from one thread."""

    def __init__(self, state: Path, keys: BoxKeys) -> None:
        """Raises StateUnusable."""
        self._folder = state / FOLDER
        make_private_folder(self._folder)
        self._aead = AESGCM(keys.at_rest(b"vsaas-agent-passwords-v1"))
        self._former_key = keys.at_rest(b"vsaas-agent-former-v1")
        self._former: list[str] = self._read_former()
        self._over: list[str] = self._lines(_OVER, _OVER_MOST * 80)
        self._entries: dict[uuid.UUID, Entry] = {}
        self.unreadable: list[str] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            self._read(path)

    def _read(self, path: Path) -> None:
        try:
            change = uuid.UUID(path.name.removesuffix(_SUFFIX))
            data = read_private(path, most_bytes=_BYTES_MAX)
            row = json.loads(self._aead.decrypt(data[:12], data[12:], change.bytes))
            entry = Entry(**{**row, "change": change, "camera": uuid.UUID(row["camera"])})
        except (StateUnusable, InvalidTag, ValueError, KeyError, TypeError) as error:
            log.error(
                "the journal of a camera's password %s cannot be read (%s)", path.name, type(error).__name__
            )
            self.unreadable.append(path.name)
            return
        self._entries[change] = entry

    def all(self) -> list[Entry]:
        """Every open change, the oldest first as they came in."""
        return list(self._entries.values())

    def find(self, change: uuid.UUID) -> Entry | None:
        return self._entries.get(change)

    def is_over(self, change: uuid.UUID) -> bool:
        """Whether it was here once, and was forgotten."""
        return str(change) in self._over

    def put(self, entry: Entry) -> Entry:
        """On disk when this returns. Raises StateUnusable; what was there before stays then."""
        if entry.state == VERIFIED:
            self._remember(self._trace(entry.host, entry.user, entry.old))
        row = asdict(entry) | {"change": str(entry.change), "camera": str(entry.camera)}
        nonce = os.urandom(12)
        sealed = nonce + self._aead.encrypt(nonce, json.dumps(row).encode(), entry.change.bytes)
        write_private(self._folder / f"{entry.change}{_SUFFIX}", sealed)
        self._entries[entry.change] = entry
        return entry

    # Which passwords devices had: only such a one is put back, so that no portal can set one of its own choice.

    def had(self, host: str, user: str, password: str) -> bool:
        """Whether this box replaced this very password of the device once."""
        return self._trace(host, user, password) in self._former

    def _trace(self, host: str, user: str, password: str) -> str:
        what = encode_canonical([host, user, password])
        return hmac.new(self._former_key, what, "sha256").hexdigest()

    def _read_former(self) -> list[str]:
        return self._lines(_FORMER, _FORMER_MOST * 80)

    def _lines(self, name: str, most_bytes: int) -> list[str]:
        path = self._folder / name
        if not path.exists():
            return []
        return read_private(path, most_bytes=most_bytes).decode("ascii", "replace").split()

    def _remember(self, trace: str) -> None:
        if trace not in self._former:
            kept = [*self._former, trace][-_FORMER_MOST:]
            write_private(self._folder / _FORMER, "\n".join(kept).encode())
            self._former = kept

    def drop(self, entry: Entry) -> None:
        """Forget a change that is over. Raises StateUnusable."""
        self._over = [*self._over, str(entry.change)][-_OVER_MOST:]
        write_private(self._folder / _OVER, "\n".join(self._over).encode())
        try:
            (self._folder / f"{entry.change}{_SUFFIX}").unlink(missing_ok=True)
            sync_folder(self._folder)
        except OSError as error:
            raise StateUnusable(f"cannot remove a file of {self._folder}: {error.strerror}") from error
        del self._entries[entry.change]
