"""`make backup`: databases, keys, secrets and this machine's agent in one encrypted file, while everything runs.

The order is what makes it consistent. The main database first, the key store after it: envelopes are committed before
the records that need them, so every record in the archive has its key there; and what was deleted in between has lost
its key, which a restore must not bring back. The agent's index last: it must know at least what the portal knows, or a
restored agent would go on from a record before the portal's newest one.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from vsaas.onebox import lock
from vsaas.onebox.archive import Contents, writing
from vsaas.onebox.box import Box
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout, Ports, wanted_port
from vsaas.onebox.passphrase import new_passphrase
from vsaas.onebox.postgres import DATABASES, ENVIRONMENT, SUPERUSER, Postgres, binaries
from vsaas.onebox.progress import say
from vsaas.onebox.recorder import ask_cloud
from vsaas.onebox.swap import settle

FORMAT = 1
MANIFEST, END = "manifest.json", "end.json"
WORK = ".backup-"
SECRETS = ("passwords.json", "kms.key", "audit.key", "camera.json", "cameras.json")
AGENT_FOLDERS = ("identity", "orders")
AGENT_SETTINGS = Path("spool.toml")
SPOOL_INDEX = Path("spool", "index.sqlite3")
SPARE_BYTES = 64 * 1024 * 1024


def backup(root: Path) -> None:
    """Writes the backup `TO` names in the environment (backups/vsaas-TIME.tar by default), with the bucket's footage
    where WITH_FOOTAGE=1. Raises OneboxError with one sentence for people."""
    layout = Layout(root)
    settle(layout)
    if not layout.passwords_file.exists() or not (layout.var / "postgres").exists():
        raise OneboxError(
            f"there is nothing to back up in {layout.var}: nothing was started here yet (make up)"
        )
    now = datetime.now(UTC)
    target = wanted_target(root, now)
    footage = os.environ.get("WITH_FOOTAGE", "").strip() == "1"
    check_room(layout, target, footage)
    passphrase = new_passphrase()
    box = Box(layout, Ports(wanted_port(layout)))
    with running_database(layout, box.postgres):
        ask_cloud(box, "copied", {})
        with tempfile.TemporaryDirectory(dir=layout.var, prefix=WORK) as work:
            contents = write(box, Path(work), target, passphrase, now, footage)
    said = "with the footage in the bucket" if footage else (
        "without footage: that lies sealed in the bucket, which needs a copy of its own (or WITH_FOOTAGE=1)"
    )  # fmt: skip
    say(f"backed up to {target}, {target.stat().st_size / 1e6:.1f} MB, {contents.count} entries, {said}")
    say("keep it and its passphrase apart; whoever has both reads everything this system recorded")


def wanted_target(root: Path, now: datetime) -> Path:
    """Where the backup goes. Raises OneboxError when something is there."""
    named = os.environ.get("TO", "").strip()
    target = Path(named) if named else root / "backups" / f"vsaas-{now:%Y%m%dT%H%M%SZ}.tar"
    target = target if target.is_absolute() else Path.cwd() / target
    if target.exists() or target.is_symlink():
        raise OneboxError(f"{target} is there already and is not overwritten: choose another TO=")
    if not named:
        target.parent.mkdir(mode=0o700, exist_ok=True)
    if not target.parent.is_dir():
        raise OneboxError(f"cannot write {target}: there is no folder {target.parent}")
    return target


def check_room(layout: Layout, target: Path, footage: bool) -> None:
    """Raises OneboxError when the footage will not fit where the backup goes."""
    needed = SPARE_BYTES + (size_of(layout.var / "s3") if footage else 0)
    free = shutil.disk_usage(target.parent).free
    if free < needed:
        raise OneboxError(
            f"not enough room for {target}: {needed / 1e6:.0f} MB are needed, {free / 1e6:.0f} MB are free; "
            "choose another place with TO="
        )


def size_of(folder: Path) -> int:
    """Bytes in the files below a folder."""
    return sum(
        os.lstat(Path(where, name)).st_size
        for where, _, names in os.walk(folder)
        for name in names
        if os.path.lexists(Path(where, name))
    )


@contextmanager
def running_database(layout: Layout, postgres: Postgres) -> Iterator[None]:
    """PostgreSQL, for the time of the block: the one that runs, or one started for it."""
    if lock.holder(layout) is not None:
        if not postgres.ready():
            raise OneboxError(
                f"the database does not answer, though the system runs: see {layout.log('postgres')}, or make down "
                "and back up while it is stopped"
            )
        yield
        return
    with lock.only_one(layout):
        lock.stop_recorded(layout)
        postgres.start()
        try:
            yield
        finally:
            postgres.stop()


def write(box: Box, work: Path, target: Path, passphrase: str, now: datetime, footage: bool) -> Contents:
    """Fills the archive; returns what went in."""
    layout = box.layout
    manifest = {
        "format": FORMAT,
        "made": now.isoformat(timespec="seconds"),
        "footage": footage,
        "migrations": migrations(box.postgres),
    }
    with writing(target, passphrase) as contents:
        contents.add_bytes(MANIFEST, json.dumps(manifest).encode())
        for database in DATABASES:  # the key store after the records: see above
            dump = work / f"{database}.dump"
            dump_database(box.postgres, database, dump)
            contents.add_file(f"databases/{dump.name}", dump)
            dump.unlink()
            say(f"database {database} is in")
        add_secrets(contents, layout)
        add_agent(contents, layout, work)
        say("keys, secrets and this machine's agent are in")
        if footage:
            say(f"copying {size_of(layout.var / 's3') / 1e6:.0f} MB of sealed footage")
            contents.add_tree("s3", layout.var / "s3", skip=lambda path: path.name.startswith(".sgwtmp"))
        contents.add_bytes(END, json.dumps({"entries": contents.count}).encode())
        return contents


def migrations(postgres: Postgres) -> list[str]:
    """The migrations the databases have had, as app.name, so that an older release does not take them over."""
    found: set[str] = set()
    for database in DATABASES:
        with psycopg.connect(postgres.url(SUPERUSER, database)) as connection:
            rows: list[Any] = connection.execute("SELECT app, name FROM django_migrations").fetchall()
            found.update(f"{app}.{name}" for app, name in rows)
    return sorted(found)


def dump_database(postgres: Postgres, database: str, target: Path) -> None:
    """pg_dump as the superuser: row-level security hides nothing from it. One snapshot, without stopping anybody."""
    postgres_tool(postgres, "pg_dump", database, "--format=custom", f"--file={target}")
    target.chmod(0o600)


def postgres_tool(postgres: Postgres, name: str, database: str, *words: str) -> None:
    """Runs a program of PostgreSQL against a database as the superuser; raises OneboxError with the end of its words."""
    address = [
        f"--host={postgres.run_dir}",
        f"--username={SUPERUSER}",
        f"--dbname={database}",
        "--no-password",
    ]
    result = subprocess.run(
        [str(binaries() / name), *address, *words],
        env=ENVIRONMENT | {"PGPASSWORD": postgres.passwords.get(SUPERUSER)},
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        umask=0o077,
    )
    if result.returncode:
        raise OneboxError(f"{name} of the database {database} failed: {result.stderr.strip()[-800:]}")


def add_secrets(contents: Contents, layout: Layout) -> None:
    """What the portal needs to run: passwords, the key that wraps the tenants' keys, what the camera is, the port."""
    for name in SECRETS:
        if (layout.secrets / name).exists():
            contents.add_file(f"secrets/{name}", layout.secrets / name)
    if layout.authority.exists():
        contents.add_tree("secrets/ca", layout.authority)
    for file in (layout.port_file, layout.address_file):
        if file.exists():
            contents.add_file(file.name, file)


def add_agent(contents: Contents, layout: Layout, work: Path) -> None:
    """Who the agent is, what somebody set on it and where its chains stand; not the footage it has not sent yet."""
    if not (layout.agent_state / "identity").is_dir():
        return
    for name in AGENT_FOLDERS:
        contents.add_tree(f"agent/{name}", layout.agent_state / name)
    if (layout.agent_state / AGENT_SETTINGS).is_file():
        contents.add_file(f"agent/{AGENT_SETTINGS}", layout.agent_state / AGENT_SETTINGS)
    if (layout.agent_state / SPOOL_INDEX).exists():
        copy = work / SPOOL_INDEX.name
        copy_index(layout.agent_state / SPOOL_INDEX, copy)
        contents.add_file(f"agent/{SPOOL_INDEX}", copy)
        copy.unlink()


def copy_index(source: Path, target: Path) -> None:
    """One consistent copy of an SQLite file that is being written to."""
    with closing(sqlite3.connect(source, timeout=30)) as from_, closing(sqlite3.connect(target)) as to:
        from_.backup(to)
    target.chmod(0o600)
