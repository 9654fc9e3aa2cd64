"""Random passwords of the one-machine services, kept in one file only its owner can read."""

import json
import os
import secrets
import tempfile
from pathlib import Path
from typing import Any

from vsaas.onebox.errors import OneboxError


class Passwords:
    """Named random passwords in a JSON file (mode 0600); one that is asked for and absent is made."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def get(self, name: str) -> str:
        """The password called `name`: 43 characters of the URL-safe alphabet."""
        known = self._read()
        if name not in known:
            known[name] = secrets.token_urlsafe(32)
            write_private(self.file, known)
        return known[name]

    def has(self, name: str) -> bool:
        """Whether a password of this name was made before."""
        return name in self._read()

    def _read(self) -> dict[str, str]:
        if not self.file.exists():
            return {}
        try:
            known = json.loads(self.file.read_text())
            return {str(name): str(value) for name, value in known.items()}
        except (ValueError, AttributeError):
            raise OneboxError(
                f"cannot read the passwords in {self.file}: not a JSON object; restore it from a backup, "
                "or run `make clean` to begin anew"
            ) from None


def write_private(file: Path, content: Any) -> None:
    """Writes `content` as JSON with mode 0600, whole or not at all."""
    write_private_text(file, json.dumps(content, indent=2) + "\n")


def write_private_text(file: Path, text: str) -> None:
    """Writes `text` with mode 0600, whole or not at all."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
