"""An S3 server of our own: versitygw over a plain folder, built once from its pinned Go module."""

import http.client
import os
import ssl
from pathlib import Path

from vsaas.onebox.authority import Authority
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.gobuild import VERSITYGW, build
from vsaas.onebox.layout import HOST, check_free
from vsaas.onebox.passwords import Passwords
from vsaas.onebox.places import private_dir
from vsaas.onebox.postgres import beside
from vsaas.onebox.processes import Program

HEALTH_PATH = "/-/healthy"
REGION = "us-east-1"


class Versitygw:
    """One versitygw on 127.0.0.1:`port` over `data_dir`; keys random, in `secrets_file` (beside by default).

    With an `authority` it speaks TLS with the certificate that signed, on `bind`.
    """

    def __init__(
        self,
        data_dir: Path,
        port: int,
        *,
        secrets_file: Path | None = None,
        log: Path | None = None,
        bind: str = HOST,
        authority: Authority | None = None,
    ) -> None:
        self.bind, self.authority = bind, authority
        self.data_dir, self.port = data_dir.absolute(), port
        self.log = (log or beside(self.data_dir, ".log")).absolute()
        self.passwords = Passwords(secrets_file or beside(self.data_dir, ".passwords.json"))
        self.program: Program | None = None

    @property
    def endpoint(self) -> str:
        """URL of the server, as this machine asks it."""
        return f"http{'s' if self.authority else ''}://{HOST}:{self.port}"

    @property
    def access_key(self) -> str:
        """Access key of its root user."""
        return f"root-{self.passwords.get('s3_access_key')[:12]}"

    @property
    def secret_key(self) -> str:
        """Secret key of its root user."""
        return self.passwords.get("s3_secret_key")

    def prepare(self) -> None:
        """Makes its folders and builds the program where needed; raises when the disk keeps no attributes."""
        for folder in (self.data_dir, self.data_dir / "objects", self.data_dir / "versions"):
            private_dir(folder)
        check_extended_attributes(self.data_dir)
        build(VERSITYGW)

    def command(self) -> list[str]:
        """The command line; the keys go through the environment."""
        objects, versions = str(self.data_dir / "objects"), str(self.data_dir / "versions")
        modes = ["--dir-perms", "0700", "--file-perms", "0600"]
        return [str(build(VERSITYGW)), "posix", *modes, "--versioning-dir", versions, objects]

    def environment(self) -> dict[str, str]:
        """Its settings and keys."""
        tls = {}
        if self.authority is not None:
            tls["VGW_CERT"] = str(self.authority.server_certificate)
            tls["VGW_KEY"] = str(self.authority.server_key)
        bind = f"[{self.bind}]" if ":" in self.bind else self.bind
        return tls | {
            "PATH": "/usr/bin:/bin",
            "ROOT_ACCESS_KEY": self.access_key,
            "ROOT_SECRET_KEY": self.secret_key,
            "VGW_PORT": f"{bind}:{self.port}",
            "VGW_REGION": REGION,
            "VGW_HEALTH": HEALTH_PATH,
            "VGW_KEEP_ALIVE": "true",
            "VGW_QUIET": "true",
        }

    def start(self) -> None:
        """Prepares, starts the server (again, when it ran or was killed) and returns when it answers."""
        self.stop()
        check_free({"object store": self.port})
        self.prepare()
        self.program = Program("versitygw", self.command(), env=self.environment(), log=self.log)
        self.program.start()
        self.program.wait_ready(self.ready, 30)

    def stop(self) -> None:
        """Ends the server."""
        if self.program:
            self.program.stop()

    def _connection(self) -> http.client.HTTPConnection:
        if self.authority is None:
            return http.client.HTTPConnection(HOST, self.port, timeout=5)
        context: ssl.SSLContext = self.authority.client_context()
        return http.client.HTTPSConnection(HOST, self.port, timeout=5, context=context)

    def ready(self) -> bool:
        """Whether the server answers."""
        connection = self._connection()
        try:
            connection.request("GET", HEALTH_PATH)
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def check_extended_attributes(folder: Path) -> None:
    """Raises when the file system of `folder` keeps no extended attributes, where versitygw puts its metadata."""
    try:
        os.setxattr(folder, "user.vsaas", b"1")
        os.removexattr(folder, "user.vsaas")
    except OSError as error:
        raise OneboxError(
            f"cannot keep objects in {folder}: its file system has no extended attributes ({error.strerror}); "
            "put the checkout on ext4, xfs or btrfs"
        ) from None
