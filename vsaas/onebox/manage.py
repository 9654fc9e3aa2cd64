"""Runs commands of the portal and of the agent, with secrets in the environment or on standard input only."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from vsaas.onebox.errors import OneboxError

PATIENCE_SECONDS = 180


def manage(root: Path, env: Mapping[str, str], *words: str, given: str | None = None) -> str:
    """Runs `manage.py WORDS` and returns what it printed; `given` goes to its standard input.

    Raises OneboxError with the end of its message when it fails.
    """
    return _run(root, env, [sys.executable, "manage.py", *words], words[0], given)


def manage_json(root: Path, env: Mapping[str, str], *words: str, given: str | None = None) -> Any:
    """The same for commands that print JSON."""
    printed = manage(root, env, *words, given=given)
    try:
        return json.loads(printed)
    except ValueError:
        raise OneboxError(f"cannot use what `manage.py {words[0]}` printed: it is not JSON") from None


def module(
    root: Path, env: Mapping[str, str], *words: str, given: str | None = None, well: tuple[int, ...] = (0,)
) -> str:
    """Runs `python -m WORDS` the same way; exit statuses in `well` are no failure."""
    return _run(root, env, [sys.executable, "-m", *words], " ".join(words[:2]), given, well)


def _run(
    root: Path,
    env: Mapping[str, str],
    command: Sequence[str],
    name: str,
    given: str | None,
    well: tuple[int, ...] = (0,),
) -> str:
    result = subprocess.run(
        command,
        cwd=root,
        env=env,
        input=given or "",
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
    )
    if result.returncode not in well:
        said = (result.stderr.strip() or result.stdout.strip())[-1500:]
        raise OneboxError(f"`{name}` failed: {said}")
    return result.stdout.strip()
