"""One change, step by step: each is on disk before it is taken, and after a power cut the camera itself is asked how far it
came. Of two passwords each is tried once in a round, so that no camera locks its user."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edge_agent.onvif.errors import OnvifFailed
from edge_agent.passwords.journal import (
    FAILED,
    NEITHER,
    PLANNED,
    SET,
    SETTING,
    UNDOING,
    VERIFIED,
    Entry,
)
from edge_agent.passwords.rules import Rules, make_password
from edge_agent.passwords.stream_login import stream_takes
from edge_agent.passwords.ways import Login, Way
from protocol.passwords import SEPARATE_KEPT

log = logging.getLogger(__name__)

APPLIES_S: Final = 3.0
"""How long a camera may take until its RTSP server knows a password that its ONVIF service took."""
_ANSWERED_NO: Final = frozenset({"refused-setting", "rules"})

Put = Callable[[Entry], Entry]
Streams = Callable[[str], tuple[str, bytes | None] | None]
"""The address of a stream of the device with another password, and the certificate it must show; None: it has none."""


class Steps:
    """`put` writes an entry down and returns it."""

    def __init__(self, way: Way, put: Put, streams: Streams) -> None:
        self._way, self._put, self._streams = way, put, streams

    async def begin(self, entry: Entry) -> Entry:
        """From `asked`, with the login it has now in `old`, to the end. Raises OnvifFailed or StateUnusable: the entry on
        disk says how far it came."""
        login = _login(entry)
        rules = await self._way.rules(login)
        if not await self._way.takes(login):
            raise OnvifFailed("credentials", "the device refuses the login it is recorded with")
        if entry.restores:
            return await self._set(self._put(entry.at(PLANNED)), None)
        return await self._set(self._put(replace(entry, new=make_password(rules), state=PLANNED)), rules)

    async def _set(self, entry: Entry, rules: Rules | None) -> Entry:
        entry = self._put(entry.at(SETTING))
        try:
            await self._way.set(_login(entry), entry.new)
        except OnvifFailed as failure:
            log.info("the device at %s did not take a new password: %s", entry.host, failure)
            simpler = rules.simpler() if rules is not None and failure.cause in _ANSWERED_NO else None
            if simpler is not None and not await self._way.takes(_login(entry, new=True)):
                # It said no to this one and did not set it all the same: the next is written down before the device hears of it.
                return await self._set(
                    self._put(replace(entry, new=make_password(simpler), state=PLANNED)), simpler
                )
            # The answer may have got lost on the way back: what holds is asked.
            return await self.settle(entry, failure.cause)
        return await self.settle(self._put(entry.at(SET)))

    async def settle(self, entry: Entry, cause: str = "interrupted") -> Entry:
        """From `setting`, `set` or `undoing` to the end. `cause`: why the former password holds, where it does. Raises
        OnvifFailed where the device cannot be asked, StateUnusable."""
        if entry.state == UNDOING:
            return await self._undo(entry)
        if not await self._way.takes(_login(entry, new=True)):
            if not await self._way.takes(_login(entry)):
                return self._put(entry.at(NEITHER, "neither"))
            return self._put(entry.at(FAILED, "not-kept" if entry.state == SET else cause))
        if entry.state != SET:
            entry = self._put(entry.at(SET))
        if await self._streams_differ(entry):
            return await self._undo(self._put(entry.at(UNDOING)))
        return self._put(entry.at(VERIFIED))

    async def _streams_differ(self, entry: Entry) -> bool:
        """Whether the streams go on taking the former password alone: their users are others than those that were set."""
        stream = self._streams(entry.new)
        if stream is None or await stream_takes(*stream) is not False:
            return False
        await asyncio.sleep(APPLIES_S)
        if await stream_takes(*stream) is not False:
            return False
        former = self._streams(entry.old)
        return former is not None and await stream_takes(*former) is True

    async def _undo(self, entry: Entry) -> Entry:
        if not await self._way.takes(_login(entry)):
            try:
                await self._way.set(_login(entry, new=True), entry.old)
            except OnvifFailed as failure:
                if failure.cause not in _ANSWERED_NO:
                    raise
                log.warning(
                    "the device at %s does not take its former password back: %s", entry.host, failure
                )
                return self._put(entry.at(FAILED, SEPARATE_KEPT))
            if not await self._way.takes(_login(entry)):
                return self._put(entry.at(NEITHER, "neither"))
        return self._put(entry.at(FAILED, "separate-users"))


def _login(entry: Entry, *, new: bool = False) -> Login:
    return Login(entry.host, entry.service, entry.user, entry.new if new else entry.old)
