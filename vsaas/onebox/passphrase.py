"""The passphrase of a backup: typed, or the first line of a file only its owner may read."""

import getpass
import os
import stat
import sys
from pathlib import Path

from vsaas.onebox.errors import OneboxError

SHORTEST = 12


def new_passphrase() -> str:
    """The passphrase of a new backup, typed twice. Raises OneboxError when it is too short."""
    chosen = _from_file()
    if chosen is None:
        print(
            f"Choose a passphrase for this backup, at least {SHORTEST} characters. Without it nobody opens it."
        )
        chosen = _typed("Passphrase: ")
        if _typed("Again: ") != chosen:
            raise OneboxError("the two passphrases differ: nothing was backed up")
    if len(chosen) < SHORTEST:
        raise OneboxError(
            f"the passphrase is too short: at least {SHORTEST} characters, for example five words chosen by dice"
        )
    return chosen


def known_passphrase() -> str:
    """The passphrase of a backup that is to be opened."""
    chosen = _from_file()
    return _typed("Passphrase of the backup: ") if chosen is None else chosen


def _typed(question: str) -> str:
    if not sys.stdin.isatty():
        raise OneboxError(
            "no terminal to type the passphrase at: write it into a file only you may read, "
            "and name that with PASSPHRASE_FILE="
        )
    return getpass.getpass(question)


def _from_file() -> str | None:
    """What `PASSPHRASE_FILE` in the environment holds, or None where it names no file."""
    named = os.environ.get("PASSPHRASE_FILE", "").strip()
    if not named:
        return None
    path = Path(named)
    try:
        with path.open() as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise OneboxError(f"others may read the passphrase in {path}: chmod 600 {path}")
            return file.readline().rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise OneboxError(f"cannot read the passphrase in {path}: {error}") from None
