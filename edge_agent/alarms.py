"""What a person must look at: kept while it holds, and no longer than a day."""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

logger = logging.getLogger(__name__)

KEPT_S: Final = 86_400.0
MOST: Final = 20


class Alarms:
    """Texts by what they are about: the newest one of each counts. May be used from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._texts: dict[str, tuple[float, str]] = {}

    def put(self, about: str, text: str) -> None:
        """Raise it, or keep it for another day. `about` names the matter for `clear`."""
        with self._lock:
            before = self._texts.pop(about, None)
            self._texts[about] = (time.monotonic(), text)
            while len(self._texts) > MOST:
                del self._texts[next(iter(self._texts))]
        if before is None or before[1] != text:
            logger.error("%s", text)

    def clear(self, about: str) -> None:
        """It no longer holds."""
        with self._lock:
            self._texts.pop(about, None)

    def texts(self) -> list[str]:
        """Those that hold now, the newest last."""
        oldest_s = time.monotonic() - KEPT_S
        with self._lock:
            self._texts = {about: item for about, item in self._texts.items() if item[0] > oldest_s}
            return [text for _, text in self._texts.values()]
