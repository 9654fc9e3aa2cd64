"""What a camera or the agent notices (motion, tampering, an input), told within the agent to whoever records by it.

Belongs to one event loop: a thread tells through `loop.call_soon_threadsafe`. What is active is told once when it begins and
once when it ends; a teller that goes away ends what it told (`end`), so that nothing stays active for good.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

KINDS: Final = frozenset({"motion", "tamper", "input", "line", "sound", "manual"})
SOURCE_MAX: Final = 60
ACTIVE_MOST: Final = 64
"""Of one camera, at once: a hostile camera names as many sources as it likes."""


@dataclass(frozen=True)
class Happening:
    """`source` says whose word it is (`own`, `onvif:VideoSource_1`), at most 60 characters. `at_us`: UTC µs, the agent's clock."""

    camera: uuid.UUID
    kind: str
    source: str
    at_us: int
    active: bool

    def __post_init__(self) -> None:
        if self.kind not in KINDS or not 0 < len(self.source) <= SOURCE_MAX:
            raise ValueError(f"no happening: kind {self.kind!r}, source of {len(self.source)} characters")


class Listener:
    """What one listener sees of one camera."""

    def __init__(self, active: dict[tuple[str, str], Happening]) -> None:
        self._active = active
        self._begun: set[str] = set()
        self._news = asyncio.Event()

    def active(self, kind: str) -> bool:
        """Whether anything of this kind goes on."""
        return any(held == kind for held, _ in self._active)

    def kinds(self) -> tuple[frozenset[str], frozenset[str]]:
        """The kinds of what goes on, and those that began since the last call, even where they have ended again."""
        begun, self._begun = frozenset(self._begun), set()
        return frozenset(kind for kind, _ in self._active), begun

    async def wait(self) -> None:
        """Returns after the next change; one that came since the last return counts."""
        await self._news.wait()
        self._news.clear()

    def woken(self, happening: Happening) -> None:
        if happening.active:
            self._begun.add(happening.kind)
        self._news.set()


class Happenings:
    def __init__(self) -> None:
        self._active: dict[uuid.UUID, dict[tuple[str, str], Happening]] = {}
        self._listeners: dict[uuid.UUID, list[Listener]] = {}

    def tell(self, happening: Happening) -> None:
        """Never blocks. Beyond `ACTIVE_MOST` at once of a camera, what begins is not held: the others keep it recording."""
        active = self._active.setdefault(happening.camera, {})
        key = (happening.kind, happening.source)
        if not happening.active:
            active.pop(key, None)
        elif key in active or len(active) < ACTIVE_MOST:
            active[key] = happening
        for listener in self._listeners.get(happening.camera, ()):
            listener.woken(happening)

    def end(self, camera: uuid.UUID, source: str, at_us: int) -> None:
        """Whatever that source told of the camera has ended: it is gone, or nobody asks it any more."""
        for kind, held in list(self._active.get(camera, {})):
            if held == source:
                self.tell(Happening(camera, kind, source, at_us, active=False))

    @contextmanager
    def listen(self, camera: uuid.UUID) -> Iterator[Listener]:
        listener = Listener(self._active.setdefault(camera, {}))
        here = self._listeners.setdefault(camera, [])
        here.append(listener)
        try:
            yield listener
        finally:
            here.remove(listener)
            if not here:
                del self._listeners[camera]
