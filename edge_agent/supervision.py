"""What the agent tells systemd: that it is ready, how it is doing, and that it makes progress (sd_notify(3)).

Without systemd (no NOTIFY_SOCKET in the environment) nothing is told and nobody waits for it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Mapping
from typing import Final

log = logging.getLogger(__name__)

_TELLS_PER_LIMIT: Final = 3


class Supervisor:
    """`watchdog_s`: within how many seconds systemd wants to hear of progress; None when it does not ask."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        for_us = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        limit_us = environment.get("WATCHDOG_USEC", "")
        self.watchdog_s = int(limit_us) / 1e6 if for_us and limit_us.isdecimal() and int(limit_us) else None

    def tell(self, *lines: str) -> None:
        """Send one message. Not being heard is told in the log: recording does not depend on it."""
        if not self._address:
            return
        # A name that begins with @ is in the abstract namespace: there a zero byte comes first.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
                sock.connect(address)
                sock.send("\n".join(lines).encode())
        except OSError as error:
            log.warning("systemd cannot be told (%s): %s", lines[0].partition("=")[0], error.strerror)

    async def keep_told(self, progress: Callable[[], int]) -> None:
        """Tell of progress until cancelled; `progress` grows as long as the work outside this loop goes on.

        This runs on the event loop, so a loop that stands still is not vouched for either.
        """
        if self.watchdog_s is None:
            return
        before = -1
        while True:
            now = progress()
            if now != before:
                self.tell("WATCHDOG=1")
            else:
                log.error("the recorders make no progress: systemd is not told that all is well")
            before = now
            await asyncio.sleep(self.watchdog_s / _TELLS_PER_LIMIT)
