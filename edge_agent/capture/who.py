"""Whether the device that answers at a camera's address is the one that was there first, by what it calls itself. Pure."""

from __future__ import annotations


class WhoAnswers:
    """One camera, over its connections. A name that is never the same twice is none, and says nothing."""

    def __init__(self) -> None:
        self._first = self._newest = ""
        self._nameless = False

    def told(self, name: str) -> None:
        """The name given at a new connection; "" where there is none."""
        if not name:
            return
        self._first = self._first or name
        if self.changed and name not in (self._first, self._newest):
            self._nameless = True
        self._newest = name

    @property
    def changed(self) -> bool:
        """Another one than the first answered last."""
        return self._newest != self._first and not self._nameless
