"""The environment the portal is tested in: real services, at addresses known before any of them runs.

Django's settings are read when tests are collected; PostgreSQL, Valkey and the S3 server start when the first test
needs them (`tests.services`). The folder is made by the first process of a test run and inherited by xdist's workers.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import tempfile
from pathlib import Path

from vsaas.onebox.postgres import Postgres
from vsaas.onebox.valkey import Valkey

FOLDER_VARIABLE = "VSAAS_TEST_FOLDER"
PUBLIC_URL = "http://127.0.0.1:8400"
FIRST_PORT = 20_000
GIVEN_PORTS = Path("/proc/sys/net/ipv4/ip_local_port_range")
UNSAFE_BUT_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def worker() -> str:
    """xdist's name of this worker, "gw0"…, or "solo"."""
    return os.environ.get("PYTEST_XDIST_WORKER", "solo")


def folder() -> Path:
    """The folder of this test run; made, with its secrets, by the first process that asks."""
    known = os.environ.get(FOLDER_VARIABLE)
    if known is None:
        path = Path(tempfile.mkdtemp(prefix="vsaas-test-"))
        path.chmod(0o711)  # as root PostgreSQL runs as another user, who must pass through
        known = os.environ[FOLDER_VARIABLE] = str(path)
        database = postgres()
        for role in ("postgres", "vsaas_owner", "vsaas_maint", "vsaas_app"):
            database.passwords.get(role)
        (path / "s3-port").write_text(str(free_port()))
        (path / "s3-secret").write_text(secrets.token_hex(16))
        (path / "owner-of-this-run").write_text(str(os.getpid()))
    return Path(known)


def began_here() -> bool:
    """Whether this process made the folder, and so takes it away."""
    return (folder() / "owner-of-this-run").read_text() == str(os.getpid())


def remove() -> None:
    """Take the folder and the database's data away."""
    postgres().destroy()
    shutil.rmtree(folder())


def postgres() -> Postgres:
    """The PostgreSQL of this run."""
    return Postgres(folder() / "pg", folder() / "pgrun", settings=UNSAFE_BUT_FAST)


def valkey() -> Valkey:
    """The Valkey of this run."""
    return Valkey(folder() / "valkey", folder() / "vrun")


def free_port() -> int:
    """A port nobody uses now, to be listened at later: no outgoing connection gets it meanwhile, for it is below those that the
    kernel gives to whoever names none."""
    lowest = int(GIVEN_PORTS.read_text().split()[0])
    while True:
        wanted = FIRST_PORT + secrets.randbelow(lowest - FIRST_PORT) if lowest > FIRST_PORT else 0
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", wanted))
            except OSError:
                continue  # somebody's
            port: int = probe.getsockname()[1]
        return port


def live_port() -> int:
    """The port of this worker's hub, which runs on this worker's databases (`tests.live_hub`)."""
    known = folder() / f"live-port-{worker()}"
    if not known.exists():
        known.write_text(str(free_port()))
    return int(known.read_text())


def databases() -> tuple[str, str]:
    """This worker's own databases: cloned from the migrated templates."""
    return f"vsaas_{worker()}", f"vsaas_keys_{worker()}"


def variables() -> dict[str, str]:
    """Every VSAAS_ setting of the portal under test."""
    database, keys = databases()
    server = postgres()
    endpoint = f"http://127.0.0.1:{(folder() / 's3-port').read_text()}"
    number = 0 if worker() == "solo" else int(worker().removeprefix("gw")) % 16
    return {
        "SECRET_KEY": "only for tests: " + "0123456789abcdef" * 2,
        "PUBLIC_URL": PUBLIC_URL,
        "LIVE_URL": f"ws://127.0.0.1:{live_port()}",
        "DATABASE_URL": server.url("vsaas_app", database),
        "KEYS_DATABASE_URL": server.url("vsaas_app", keys),
        "OWNER_DATABASE_URL": server.url("vsaas_owner", database),
        "OWNER_KEYS_DATABASE_URL": server.url("vsaas_owner", keys),
        "MAINT_DATABASE_URL": server.url("vsaas_maint", database),
        "REDIS_URL": f"{valkey().url}?db={number}",
        "S3_ENDPOINT": endpoint,
        "S3_PUBLIC_ENDPOINT": endpoint,
        "S3_REGION": "us-east-1",
        "S3_BUCKET": f"footage-{worker()}",
        "S3_ACCESS_KEY": "tests",
        "S3_SECRET_KEY": (folder() / "s3-secret").read_text(),
        "KMS": f"keyfile:{folder() / 'kms.key'}",
        "AUDIT_PRIVATE_TARGETS": "1",  # the servers of the tests are on this machine
        "AUDIT_KEY": str(folder() / f"audit-{worker()}.key"),
        "ALLOWED_HOSTS": "127.0.0.1,testserver",
        "INSECURE_COOKIES": "1",
        "MAIL_OUTBOX_PAGE": "1",
        "LOG_LEVEL": "WARNING",
    }


def prepare() -> None:
    """Put the settings into the environment, whatever stood there before."""
    for name in [name for name in os.environ if name.startswith("VSAAS_") and name != FOLDER_VARIABLE]:
        del os.environ[name]
    for name, value in variables().items():
        os.environ[f"VSAAS_{name}"] = value
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
