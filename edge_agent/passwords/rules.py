"""What a password may look like, and making one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from typing import Final

from edge_agent.onvif.errors import OnvifFailed

LOWER: Final = "abcdefghijkmnpqrstuvwxyz"
UPPER: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
DIGITS: Final = "23456789"
SIGNS: Final = "-_."
"""Signs that stand in an address as they are (RFC 3986), and that no camera we know refuses."""
LONGEST: Final = 64
SHORTEST: Final = 8


@dataclass(frozen=True)
class Rules:
    """`kinds`: sets of characters, of each of which one at least is in the password; look-alikes are left out."""

    length: int = 20
    kinds: tuple[str, ...] = (LOWER, UPPER, DIGITS, SIGNS)

    def within(self, *, shortest: int = 0, longest: int = 0) -> Rules:
        """The same, kept to what a device told; 0: it told nothing. Raises OnvifFailed `rules` where no password of
        SHORTEST characters is possible."""
        length = max(self.length, shortest)
        length = min(length, longest) if longest else length
        if length < max(SHORTEST, shortest) or length > LONGEST:
            raise OnvifFailed("rules", f"the device takes no password of {SHORTEST} to {LONGEST} characters")
        return replace(self, length=length)

    def simpler(self) -> Rules | None:
        """What to try next where a device refuses a password without saying why; None: nothing more."""
        if SIGNS in self.kinds:
            return replace(self, length=min(self.length, 16), kinds=(LOWER, UPPER, DIGITS))
        return replace(self, length=12) if self.length > 12 else None


def make_password(rules: Rules) -> str:
    """A random one, from the operating system's randomness. It begins with a letter."""
    while True:
        first = secrets.choice(LOWER + UPPER)
        rest = "".join(secrets.choice("".join(rules.kinds)) for _ in range(rules.length - 1))
        password = first + rest
        if all(any(char in kind for char in password) for kind in rules.kinds):
            return password
