"""Where the one-machine services keep sockets and, as root, the data of the unprivileged database user."""

import hashlib
import os
import pwd
import stat
import subprocess
from pathlib import Path

from vsaas.onebox.errors import OneboxError

SERVICE_USER = "vsaas-onebox"
SHARED_DIR = Path("/var/lib/vsaas-onebox")  # used only as root; belongs to root, searchable by everyone
SOCKET_PATH_MAX_BYTES = 103  # sun_path holds 108 on Linux and 104 elsewhere, the closing zero included


def short_hash(path: Path) -> str:
    """Twelve hex digits that stand for an absolute path."""
    return hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:12]


def private_dir(path: Path, mode: int = 0o700) -> Path:
    """`path` as a folder of this user with `mode`, made on demand; raises when it is somebody else's."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise OneboxError(f"cannot use {path}: it is not a folder of this user; remove it and start again")
    path.chmod(mode)
    return path


def short_run_dir(key: Path) -> Path:
    """A short private folder for unix sockets that belongs to `key`, the same one at each call.

    Socket paths may have about 100 bytes, which a checkout deep in somebody's home soon exceeds. As root
    others may pass through it (0711), because the database runs as another user; what is inside is closed.
    """
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    usable = runtime and len(runtime) < 40 and Path(runtime).is_dir() and os.access(runtime, os.W_OK)
    root = os.geteuid() == 0
    base = Path(runtime) if usable and not root else Path("/tmp")  # noqa: S108 owner and mode are checked
    return private_dir(base / f"vsaas-{os.geteuid()}-{short_hash(key)}", 0o711 if root else 0o700)


def check_socket_path(path: Path) -> Path:
    """`path` again; raises when it is too long for a unix socket."""
    size_bytes = len(os.fsencode(path))
    if size_bytes > SOCKET_PATH_MAX_BYTES:
        raise OneboxError(
            f"cannot put a socket at {path}: {size_bytes} bytes, at most {SOCKET_PATH_MAX_BYTES} are allowed; "
            "choose a shorter folder"
        )
    return path


def service_user() -> pwd.struct_passwd | None:
    """As root: the user the database runs as, made on first use. Otherwise None: it runs as we do."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(SERVICE_USER)
    except KeyError:
        return _make_service_user()


def _make_service_user() -> pwd.struct_passwd:
    command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
    try:
        result = subprocess.run(
            [*command, "--shell", "/usr/sbin/nologin", SERVICE_USER], capture_output=True, text=True
        )
    except FileNotFoundError:
        raise OneboxError(
            f"cannot make the user {SERVICE_USER}, which PostgreSQL needs when started by root: "
            "no useradd here; install it with: apt-get install passwd"
        ) from None
    try:
        return pwd.getpwnam(SERVICE_USER)  # also when another process made it a moment ago
    except KeyError:
        raise OneboxError(
            f"cannot make the user {SERVICE_USER}, which PostgreSQL needs when started by root: "
            f"{result.stderr.strip()}; make it by hand, or run this as an ordinary user"
        ) from None


def reachable(path: Path, user: pwd.struct_passwd) -> bool:
    """Whether `user` may pass through every folder above `path`. Their permissions are never changed."""
    return all(_may_search(folder.stat(), user) for folder in path.absolute().parents if folder.exists())


def _may_search(folder: os.stat_result, user: pwd.struct_passwd) -> bool:
    if folder.st_uid == user.pw_uid:
        return bool(folder.st_mode & stat.S_IXUSR)
    if folder.st_gid == user.pw_gid:
        return bool(folder.st_mode & stat.S_IXGRP)
    return bool(folder.st_mode & stat.S_IXOTH)


def shared_dir() -> Path:
    """Root's folder for what the service user must reach and cannot where the checkout lies."""
    return private_dir(SHARED_DIR, 0o711)
