"""Fetches the release the orders name, and asks the box's installer for it (`updater.py`, root, apart from this program).

The command document names the release document by its SHA-256, so the portal's command key says which version is to run,
and the release key which files that is. This program only fetches, part by part and no faster than the pace below, resuming
where a restart left off; it looks at everything itself, so that the installer is not asked in vain, and the installer, which
trusts none of it, looks again. Folder `update/` in the state folder: `release`, `package.deb` and, last, `request`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edge_agent import __version__, called
from edge_agent.cloud import Cloud, Patience
from edge_agent.errors import AgentError, PortalRefused, PortalUnreachable, StateUnusable
from edge_agent.files import make_private_folder, sync_folder, write_private
from edge_agent.orders import Orders
from edge_agent.release_keys import release_keys
from edge_agent.updater import ASKED, DOCUMENT, FILE, JOURNAL, OWN, REQUEST, RESULT, read_json
from protocol.command import UpdateOrder
from protocol.errors import ProtocolError
from protocol.health import UpdateHealth
from protocol.release import (
    PIECE_BYTES,
    RELEASE_BYTES_MAX,
    Release,
    ReleaseFile,
    document_hash,
    verify_release,
)

log = logging.getLogger(__name__)

PATH: Final = "/agent/v1/updates/"
BYTES_PER_S: Final = 2 * 1024 * 1024
_AGAIN_S: Final = 3600.0
_LOOK_S: Final = 5.0
_PROGRAM: Final = Path(__file__).resolve().parent.parent


class UpdateRefused(AgentError):
    """What the orders name is not installed; trying again would change nothing."""


@dataclass(frozen=True)
class Box:
    """Where the program lies and its installer keeps its answers. `own` is None where the box has no installer."""

    program: Path = _PROGRAM
    own: Path | None = OWN
    version: str = __version__


class Updates:
    """`run` until cancelled; `health` says how far it is."""

    def __init__(self, state: Path, orders: Orders, cloud: Cloud, box: Box | None = None) -> None:
        self._folder, self._orders, self._cloud = state / ASKED, orders, cloud
        self._box = box or Box(own=OWN if called.command() == "vsaas-agent" else None)
        self._told = UpdateHealth("idle")
        self._gave_up: UpdateOrder | None = None

    def health(self) -> UpdateHealth:
        """What became of the update ordered. Called from any thread."""
        return self._told

    async def run(self) -> None:
        """Follow the orders until cancelled. A failure is told in the heartbeat and tried again later."""
        off = await asyncio.to_thread(self._why_off)
        if off is not None:
            self._told = UpdateHealth("off", reason=off)
            log.info("this program does not update itself: %s", off)
            return
        patience = Patience(10.0, _AGAIN_S)
        while True:
            version, order = self._orders.version, self._orders.settings.update
            wait_s = _AGAIN_S
            try:
                wait_s = await self._follow(order)
                patience.reset()
            except (PortalUnreachable, PortalRefused, StateUnusable, OSError, ValueError) as error:
                wait_s = patience.after(error) if isinstance(error, AgentError) else _AGAIN_S
                self._tell("waiting", order, str(error))
                log.warning("the update waits: %s; tried again in %.0f s", error, wait_s)
            except (UpdateRefused, ProtocolError) as error:
                self._gave_up = order
                self._tell("refused", order, error.detail if isinstance(error, ProtocolError) else str(error))
                log.error("the update is not installed: %s", error)
            try:
                async with asyncio.timeout(wait_s):
                    await self._orders.wait_change(version)
            except TimeoutError:
                continue

    def _why_off(self) -> str | None:
        """Why this box cannot update itself, or None. Raises nothing: a damaged file of keys is a reason too."""
        if self._box.own is None or not self._box.own.is_dir():
            return "it was not installed from the Debian package"
        try:
            known = release_keys(self._box.program)
        except ProtocolError as error:
            return error.detail
        return None if known else "it was built without a release key"

    async def _follow(self, order: UpdateOrder | None) -> float:
        """One look at the order; in how many seconds to look again."""
        if order is None:
            self._told = UpdateHealth("idle")
            return _AGAIN_S
        # First: the installer answers before its journal goes, so one of the two is always seen.
        at_work = await asyncio.to_thread(self._installer_at_work)
        answer = await asyncio.to_thread(self._answer, order)
        if answer is not None:
            self._told = answer
            return _AGAIN_S
        if at_work:
            self._tell("handed-over", order)
            return _LOOK_S
        if order == self._gave_up:
            return _AGAIN_S
        if order.version == self._box.version:
            # The installer judges this version just now, or a person installed it.
            self._tell("idle", order)
            return _LOOK_S
        if not (self._folder / REQUEST).exists() and self._told.state != "handed-over":
            await self._hand_over(order)
        self._tell("handed-over", order)
        return _LOOK_S

    def _installer_at_work(self) -> bool:
        """Whether an update is being installed, tried or taken back: this very start may be part of it."""
        return self._box.own is not None and (self._box.own / JOURNAL).exists()

    def _answer(self, order: UpdateOrder) -> UpdateHealth | None:
        """What the installer said to this very order; None when it has not answered it."""
        own = self._box.own
        row: dict[str, Any] | None = None if own is None else read_json(own / RESULT)
        asked = (order.document.hex(), order.attempt)
        if row is None or (row.get("document"), row.get("attempt")) != asked:
            return None
        (self._folder / FILE).unlink(missing_ok=True)
        return UpdateHealth(
            str(row.get("state")),
            order.version,
            order.attempt,
            str(row.get("reason")),
            row.get("interruption_ms"),
        )

    async def _hand_over(self, order: UpdateOrder) -> None:
        await asyncio.to_thread(make_private_folder, self._folder)
        self._tell("downloading", order)
        document = await self._cloud.get_bytes(f"{PATH}{order.document.hex()}")
        release, file = await asyncio.to_thread(self._read, order, document)
        await asyncio.to_thread(self._make_room, file)
        await self._fetch(order, file)
        log.info("release %s is here: the box's installer takes it from now on", release.version)
        asked = {"document": order.document.hex(), "attempt": order.attempt}
        await asyncio.to_thread(write_private, self._folder / DOCUMENT, document)
        await asyncio.to_thread(write_private, self._folder / REQUEST, json.dumps(asked).encode())

    def _read(self, order: UpdateOrder, document: bytes) -> tuple[Release, ReleaseFile]:
        if len(document) > RELEASE_BYTES_MAX or document_hash(document) != order.document:
            raise UpdateRefused("the portal shows another release document than the orders name")
        release = verify_release(document, release_keys(self._box.program))
        if release.version != order.version:
            raise UpdateRefused(
                f"the orders name {order.version}, and the release document is of {release.version}"
            )
        release.check_step(self._box.version)
        done = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=False)
        return release, release.file_for(done.stdout.strip(), "deb")

    def _make_room(self, file: ReleaseFile) -> None:
        """Drop what another release left half fetched. Raises StateUnusable when the disk has too little room."""
        for path in self._folder.iterdir():
            if path.name != self._part(file).name:
                path.unlink()
        free_bytes = shutil.disk_usage(self._folder).free
        if free_bytes < 5 * file.size_bytes:
            raise StateUnusable(
                f"an update needs {5 * file.size_bytes // 10**6} MB free on the disk, and {free_bytes // 10**6} MB are"
            )

    def _part(self, file: ReleaseFile) -> Path:
        return self._folder / f"{file.sha256.hex()[:16]}.part"

    async def _fetch(self, order: UpdateOrder, file: ReleaseFile) -> None:
        """The package, from where the part that is here ends. Raises UpdateRefused when it is not the one named."""
        part = self._part(file)
        have = part.stat().st_size if part.exists() else 0
        while have < file.size_bytes:
            piece = await self._cloud.get_bytes(f"{PATH}{order.document.hex()}/{file.name}?from={have}")
            if not 0 < len(piece) <= min(PIECE_BYTES, file.size_bytes - have):
                raise PortalUnreachable(
                    f"the portal sends {file.name} in parts of a wrong size: tried again later"
                )
            await asyncio.to_thread(_append, part, piece)
            have += len(piece)
            await asyncio.sleep(len(piece) / BYTES_PER_S)
        if await asyncio.to_thread(_sha256, part) != file.sha256:
            part.unlink()
            raise UpdateRefused(
                f"{file.name} is not the file the release names: the portal's copy is damaged or altered"
            )
        os.replace(part, self._folder / FILE)
        sync_folder(self._folder)

    def _tell(self, state: str, order: UpdateOrder | None, reason: str = "") -> None:
        version, attempt = (order.version, order.attempt) if order is not None else ("", 0)
        text = "".join(char if char.isprintable() else " " for char in reason)[:200]
        self._told = UpdateHealth(state, version, attempt, text)


def _append(path: Path, piece: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as file:
        file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
