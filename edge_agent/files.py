"""Small private files: written whole or not at all, on disk before the call returns, readable by the agent alone."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from edge_agent.errors import StateUnusable

FOLDER_MODE = 0o700
FILE_MODE = 0o600


def make_private_folder(path: Path) -> None:
    """Make a folder (and what is above it) for the agent alone, or check the one that is there. Raises StateUnusable."""
    try:
        path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise StateUnusable(
            f"cannot make the folder {path}: {error.strerror}; choose another with --state"
        ) from error
    check_private(path)


def check_private(path: Path) -> None:
    """Refuse a file or folder that others may read or write, or that belongs to somebody else. Raises StateUnusable."""
    try:
        found = path.stat()
    except OSError as error:
        raise StateUnusable(f"cannot read {path}: {error.strerror}") from error
    if found.st_uid != os.geteuid():
        raise StateUnusable(
            f"{path} belongs to user {found.st_uid}, the agent runs as user {os.geteuid()}: "
            "run the agent as its owner, or give the folder to this user with chown"
        )
    if found.st_mode & 0o077:
        wanted = FOLDER_MODE if stat.S_ISDIR(found.st_mode) else FILE_MODE
        raise StateUnusable(
            f"{path} is open to other users (mode {stat.S_IMODE(found.st_mode):04o}): "
            f"close it with 'chmod {wanted:04o} {path}', and enrol this box anew if others may have read it"
        )


def read_private(path: Path, *, most_bytes: int) -> bytes:
    """The contents of a private file. Raises StateUnusable: absent, open to others, too large, unreadable."""
    check_private(path)
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise StateUnusable(f"cannot read {path}: {error.strerror}") from error
    if len(data) > most_bytes:
        raise StateUnusable(f"{path} has more than {most_bytes} bytes: it is not what the agent wrote there")
    return data


def write_private(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Replace a private file in one step; after a power cut either the old or the new contents are there.

    `durable=False` is for what is written again in seconds: whole, but not waited for on disk.
    Raises StateUnusable with the cause; the old contents stay then.
    """
    temporary: str | None = None
    try:
        handle, temporary = tempfile.mkstemp(
            prefix=f".{path.name}.", dir=path.parent
        )  # mkstemp makes it 0600
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
        if durable:
            sync_folder(path.parent)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StateUnusable(f"cannot write {path}: {error.strerror}") from error


def sync_folder(path: Path) -> None:
    """Put a folder's entries on disk: a rename is not durable before."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
