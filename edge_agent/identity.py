"""Who this box is: three keys made here, and the tenant they were enrolled with.

State folder (0700): `identity/` holds `transport.key`, `record.key`, `box.key` (32 raw bytes each, 0600; further generations of
them once they were rolled over, `rollover.py`) and `agent.json`, which says which generation is in force. While an enrolment
waits for its answer the same keys lie in `enrolling/`; the answer, once checked, becomes the identity by one rename. The other files of
the folder have their own modules.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from edge_agent import called
from edge_agent.errors import AgentError, NotEnrolled, StateUnusable
from edge_agent.files import check_private, make_private_folder, read_private, sync_folder, write_private
from edge_agent.keys import BoxKeys, key_file, remove_keys
from protocol.errors import ProtocolError
from protocol.tips import ChainTip, whole
from sealing.cose import Ed25519Signer

IDENTITY: Final = "identity"
ENROLLING: Final = "enrolling"
_DETAILS: Final = "agent.json"
_WAITING: Final = "code.json"
_LOCK: Final = "lock"
_VERSION: Final = 1


class Signing:
    """What signs requests: the portal they go to and the transport key, made ready once."""

    def __init__(self, portal: str, keys: BoxKeys) -> None:
        """`portal` as `portal_url` returns it."""
        self.portal = portal
        self.use(keys)

    def use(self, keys: BoxKeys) -> None:
        """Sign with these from now on."""
        self.keys = keys
        self.transport = keys.transport_key
        self.transport_key_id = keys.transport_kid


class Identity(Signing):
    """An enrolled box. `fingerprint`: SHA-256 of the tenant root (32 bytes), from the enrolment code. `follows`: where it took
    the place of another box, the newest chain of each stream of that one.

    `instance` is new at each start of the process: two instances taking turns betray a cloned disk. `generation` counts how
    often the keys were rolled over; `rolled_us`: when they were last, by this box's clock.
    """

    def __init__(self, state: Path, keys: BoxKeys, details: dict[str, Any]) -> None:
        try:
            super().__init__(portal_url(details["portal"]), keys)
            self.tenant = uuid.UUID(details["tenant"])
            self.tenant_slug = str(details["tenant_slug"])
            self.agent = uuid.UUID(details["agent"])
            self.name = str(details["name"])
            self.fingerprint = bytes.fromhex(details["fingerprint"])
            self.follows = tuple(ChainTip.from_json(item) for item in details.get("follows", []))
            self.generation = whole(details.get("generation", 0), "generation")
            self.rolled_us = whole(details.get("rolled_us", 0), "rolled_us")
        except (ProtocolError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise StateUnusable(
                f"{state / IDENTITY / _DETAILS} is damaged ({error}): restore it, or enrol this box anew"
            ) from error
        self.state = state
        self.instance = uuid.uuid4()

    @classmethod
    def load(cls, state: Path) -> Identity:
        """Raises NotEnrolled, or StateUnusable when what is there is damaged or open to other users."""
        folder = state / IDENTITY
        if not _can_look(state, folder):
            raise NotEnrolled(
                f"this box is not enrolled ({state} holds no identity): get a code on the portal's page "
                f"'Agents' and run '{called.command()} enrol PORTAL CODE'"
            )
        check_private(state)
        check_private(folder)
        details = _read_json(folder / _DETAILS)
        try:
            generation = whole(details.get("generation", 0), "generation")
        except ProtocolError as error:
            raise StateUnusable(
                f"{folder / _DETAILS} is damaged ({error}): restore it, or enrol this box anew"
            ) from error
        return cls(state, BoxKeys.load(folder, generation), details)

    @property
    def record(self) -> Ed25519Signer:
        """What signs records now."""
        return self.keys.record_signer

    # Rolling the keys over (`rollover.py`): each step is one file, so that a power cut leaves keys that work

    @property
    def folder(self) -> Path:
        return self.state / IDENTITY

    def next_keys(self) -> BoxKeys:
        """The keys that are to come: those an earlier attempt has on disk, or fresh ones, written before they are told to
        anybody. From now on what is sealed to them can be opened as well. Raises StateUnusable."""
        following = self.generation + 1
        try:
            keys = BoxKeys.load(self.folder, following)
        except NotEnrolled:
            keys = BoxKeys.new(self.keys.disk)
            keys.save(self.folder, following)
        self.use(self.keys.beside(*{*self.keys.others, keys.box}))
        return keys

    def roll_over(self, keys: BoxKeys, now_us: int) -> None:
        """Use `keys`, as `next_keys` gave them, from now on, and forget the former signing keys. The former box key stays
        until `forget_former`. Raises StateUnusable; the keys before stay in force then."""
        file = self.folder / _DETAILS
        details = _read_json(file) | {"generation": self.generation + 1, "rolled_us": now_us}
        write_private(file, _json(details))
        former = self.keys.box
        self.generation, self.rolled_us = self.generation + 1, now_us
        self.use(keys.beside(former))
        self.forget_former_signing()

    def forget_former_signing(self) -> None:
        """Remove the private keys that signed before these. Raises StateUnusable."""
        if self.generation:
            remove_keys(self.folder, self.generation - 1, "transport", "record")

    @property
    def has_former(self) -> bool:
        """Whether the box key before this one is still here, to open what is sealed to it."""
        return self.generation > 0 and key_file(self.folder, "box", self.generation - 1).exists()

    def forget_former(self) -> None:
        """Remove it: nothing is sealed to it any more. Raises StateUnusable."""
        remove_keys(self.folder, self.generation - 1, "box")
        self.use(self.keys.beside())


def _can_look(state: Path, folder: Path) -> bool:
    """Whether the folder is there. Raises StateUnusable where this user may not even look."""
    try:
        return folder.is_dir()
    except PermissionError as error:
        raise StateUnusable(f"{state} belongs to another user: run this with sudo") from error


def is_enrolled(state: Path) -> bool:
    return (state / IDENTITY).is_dir()


@dataclass(frozen=True)
class Enrolling:
    """Keys that wait for the answer to an enrolment, and which code they were sent with (`code_hash`, hex)."""

    keys: BoxKeys
    portal: str
    code_hash: str

    @classmethod
    def take_up(cls, state: Path, portal: str, code_hash: str) -> Enrolling:
        """The keys of an earlier attempt with this very code, or fresh ones, on disk before they are used.

        The portal accepts a used code again from the same keys, so a lost reply costs nothing. Raises StateUnusable.
        """
        folder = state / ENROLLING
        if folder.is_dir():
            check_private(folder)
            if (folder / _WAITING).exists():
                waiting = _read_json(folder / _WAITING)
                if (waiting.get("portal"), waiting.get("code_hash")) == (portal, code_hash):
                    return cls(BoxKeys.load(folder), portal, code_hash)
            forget_enrolling(state)
        make_private_folder(folder)
        keys = BoxKeys.new()
        keys.save(folder)
        write_private(folder / _WAITING, _json({"portal": portal, "code_hash": code_hash}))
        return cls(keys, portal, code_hash)

    @staticmethod
    def waits(state: Path) -> bool:
        """Whether keys wait for an answer."""
        return (state / ENROLLING).is_dir()

    def complete(
        self,
        state: Path,
        *,
        tenant: uuid.UUID,
        tenant_slug: str,
        agent: uuid.UUID,
        name: str,
        fingerprint: bytes,
        follows: Sequence[ChainTip] = (),
    ) -> None:
        """Make these keys the box's identity, in one step. Raises StateUnusable."""
        folder = state / ENROLLING
        details = {
            "version": _VERSION,
            "portal": self.portal,
            "tenant": str(tenant),
            "tenant_slug": tenant_slug,
            "agent": str(agent),
            "name": name,
            "fingerprint": fingerprint.hex(),
            "follows": [tip.to_json() for tip in follows],
        }
        write_private(folder / _DETAILS, _json(details))
        try:
            folder.rename(state / IDENTITY)
            sync_folder(state)
            (state / IDENTITY / _WAITING).unlink()
        except OSError as error:
            raise StateUnusable(f"cannot write {state / IDENTITY}: {error.strerror}") from error


def move_portal(state: Path, portal: str) -> str:
    """Keep a new address of the same portal; returns it as requests are signed for it.

    Who answers there is checked as before: what it says must be signed under the root this box was enrolled with.
    Raises BadAddress, NotEnrolled or StateUnusable (also while the agent runs).
    """
    url = portal_url(portal)
    Identity.load(state)
    with hold_state(state):
        file = state / IDENTITY / _DETAILS
        write_private(file, _json(_read_json(file) | {"portal": url}))
    return url


def forget_enrolling(state: Path) -> None:
    """Remove keys that no portal will ever know. Raises StateUnusable."""
    try:
        shutil.rmtree(state / ENROLLING)
        sync_folder(state)
    except FileNotFoundError:
        return
    except OSError as error:
        raise StateUnusable(f"cannot remove {state / ENROLLING}: {error.strerror}") from error


@contextmanager
def hold_state(state: Path, wait_s: float = 2.0) -> Iterator[None]:
    """Keep a second agent or enrolment away from this folder. Raises StateUnusable when another holds it for `wait_s`.

    The wait lets a predecessor finish that was told to stop, and `status` have its look.
    """
    check_private(state)
    path = state / _LOCK
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateUnusable(f"cannot open {path}: {error.strerror}") from error
    try:
        if not _lock(handle, wait_s):
            raise StateUnusable(
                f"another agent uses the folder {state}: stop it first, or choose another folder with --state"
            )
        yield
    finally:
        os.close(handle)


def _lock(handle: int, wait_s: float) -> bool:
    """Whether the lock was had within the time. flock has no time limit of its own, so it is asked again and again."""
    deadline_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline_s:
                return False
            time.sleep(0.05)
        else:
            return True


class BadAddress(AgentError):
    """The portal's address cannot be used."""

    exit_code = 2


def portal_url(text: str) -> str:
    """The portal's address as requests are signed for it: scheme, host, port; nothing after it. Raises BadAddress.

    Plain http is taken only for this machine itself: elsewhere the portal must prove who it is.
    """
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"{text!r} is not an address: write it like https://portal.example.org") from error
    if parts.scheme not in ("http", "https") or not host or not host.isascii():
        raise BadAddress(f"{text!r} is not an address: write it like https://portal.example.org")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username is not None:
        raise BadAddress(
            f"the portal's address is only scheme, host and port, like {parts.scheme}://{host}: leave the rest out"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise BadAddress(f"plain http is only for this machine itself: use https://{host}")
    shown = f"[{host}]" if ":" in host else host
    default = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{port}" if port not in (None, default) else "")


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and cannot leave it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode()


def _read_json(path: Path) -> dict[str, Any]:
    raw = read_private(path, most_bytes=65536)
    try:
        data = json.loads(raw)
    except ValueError as error:
        raise StateUnusable(f"{path} is damaged: restore it, or enrol this box anew") from error
    if not isinstance(data, dict):
        raise StateUnusable(f"{path} is damaged: restore it, or enrol this box anew")
    return data
