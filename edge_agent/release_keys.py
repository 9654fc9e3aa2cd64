"""The release keys this program was built with: whoever holds their private halves may replace it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from protocol import b64

FILE: Final = "edge_agent/release-keys"


def release_keys(program: Path) -> list[bytes]:
    """The raw public keys beside the program in the folder `program`; [] in a build without any. Raises ProtocolError."""
    path = program / FILE
    if not path.exists():
        return []
    return [b64.decode(line, length=32, what="release key") for line in path.read_text().split()]
