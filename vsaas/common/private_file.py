"""Files that only their owner may read, made whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def create_whole(path: Path, content: bytes) -> None:
    """Makes a file of mode 0600, never over an existing one: it has all its content before it has its name, so nobody ever
    reads half of it, and a crash leaves none. Raises FileExistsError, or any other OSError."""
    aside = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.link(aside, path)
    finally:
        aside.unlink(missing_ok=True)
