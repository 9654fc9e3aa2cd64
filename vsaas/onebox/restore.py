"""`make restore FROM=FILE`: everything of a backup, made ready beside the data and put in their place at the end.

The archive is read to its end before anything is decided: a wrong passphrase, a bit that flipped or a piece that is
missing changes nothing. Databases are loaded into a new cluster, and the keys tried, while the old data still lie
untouched. What the restored portal has forgotten its agents send again (`edge_agent.upload.Uploader.compare_tips`).
"""

import json
import os
import secrets
import shutil
import sys
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from vsaas.onebox import lock
from vsaas.onebox.archive import reading, unpack
from vsaas.onebox.backup import END, FORMAT, MANIFEST, postgres_tool
from vsaas.onebox.box import Box
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout, Ports, wanted_port
from vsaas.onebox.manage import manage
from vsaas.onebox.passphrase import known_passphrase
from vsaas.onebox.postgres import DATABASES
from vsaas.onebox.progress import say
from vsaas.onebox.recorder import ask_cloud
from vsaas.onebox.swap import RESTORING, agent_in, discard, put_in_place, settle

SPARE_BYTES = 512 * 1024 * 1024


def restore(root: Path) -> None:
    """Restores the backup that `FROM` names in the environment; asks where data are in the way. Raises OneboxError."""
    layout = Layout(root)
    source = wanted_source()
    settle(layout)
    passphrase = known_passphrase()
    restored = Layout(root, f"{RESTORING}{secrets.token_hex(4)}")
    with ExitStack() as locks:
        if layout.var.exists():
            refuse_while_running(layout)
            locks.enter_context(lock.only_one(layout))
            lock.stop_recorded(layout)
        restored.make()
        locks.enter_context(lock.only_one(restored))
        locks.callback(discard, restored)  # nothing is left of it once it is in its place
        manifest = read_archive(source, passphrase, restored)
        say(f"the backup of {spoken(manifest)} is whole")
        confirm(layout, restored, manifest)
        load(restored, manifest)
        put_in_place(layout, restored)
    tell(layout, manifest)


def wanted_source() -> Path:
    """The backup to restore."""
    named = os.environ.get("FROM", "").strip()
    if not named:
        raise OneboxError("name the backup: make restore FROM=FILE")
    return Path(named)


def refuse_while_running(layout: Layout) -> None:
    if lock.holder(layout) is not None:
        raise OneboxError("cannot restore while the system runs; stop it first: make down")


def spoken(manifest: dict[str, Any]) -> str:
    """When a backup was made, in words."""
    return f"{datetime.fromisoformat(manifest['made']):%Y-%m-%d %H:%M:%S} UTC"


def read_archive(source: Path, passphrase: str, restored: Layout) -> dict[str, Any]:
    """Unpacks everything below the new data folder; returns the manifest. Raises OneboxError when it is not whole."""
    if source.exists() and shutil.disk_usage(restored.var).free < source.stat().st_size + SPARE_BYTES:
        raise OneboxError(f"not enough room beside {restored.root} to unpack {source}: nothing was changed")
    manifest: dict[str, Any] | None = None
    entries, stated = 0, -1
    try:
        with reading(source, passphrase) as tar:
            for member in tar:
                path = unpack(member, tar, restored.var)
                if member.name == MANIFEST:
                    manifest = check_manifest(json.loads(path.read_text()), restored.root)
                    say("the passphrase fits; unpacking")
                elif member.name == END:
                    stated = json.loads(path.read_text())["entries"]
                    continue
                entries += 1
    except OSError as error:
        raise OneboxError(f"cannot unpack {source}: {error}; nothing was changed") from error
    if manifest is None or stated != entries:
        raise OneboxError(f"{source} was not written to its end: nothing was changed; use another copy")
    for name in (MANIFEST, END):
        (restored.var / name).unlink()
    return manifest


def check_manifest(manifest: dict[str, Any], root: Path) -> dict[str, Any]:
    """The manifest again; raises OneboxError when it is of a later release than this one."""
    unknown = [name for name in manifest["migrations"] if is_unknown(name, root)]
    if manifest["format"] != FORMAT or unknown:
        why = f"format {manifest['format']}" if manifest["format"] != FORMAT else f"changes {unknown[0]}"
        raise OneboxError(
            f"the backup was made by a later release ({why} is not known here): restore it with that release"
        )
    return manifest


def is_unknown(migration: str, root: Path) -> bool:
    """Whether a migration is of one of our apps and not in this checkout."""
    app, _, name = migration.partition(".")
    folders = [path for path in (root / "vsaas" / app, root / app) if (path / "migrations").is_dir()]
    return any(not (folder / "migrations" / f"{name}.py").exists() for folder in folders)


def confirm(layout: Layout, restored: Layout, manifest: dict[str, Any]) -> None:
    """Asks before data are replaced; raises OneboxError without a yes."""
    if not layout.passwords_file.exists() and not (layout.var / "postgres").exists():
        return
    agent = agent_in(layout.agent_state)
    print(f"This replaces the databases, keys, accounts and settings in {layout.var}")
    print(f"by those of {spoken(manifest)}.")
    if agent is not None and agent == agent_in(restored.agent_state):
        print("This machine's agent stays, and sends again what the backup does not know.")
    elif agent is not None:
        print(
            "This machine's agent is another one than in the backup and is replaced, with what it has not sent."
        )
    if (layout.var / "s3").exists():
        print("The bucket of sealed footage stays as it is.")
    print("Type yes to restore: ", end="", flush=True)
    if sys.stdin.readline().strip() != "yes":
        raise OneboxError("nothing was changed")


def load(restored: Layout, manifest: dict[str, Any]) -> None:
    """Loads the databases into a cluster of their own, brings them to this release, and tries the keys."""
    box = Box(restored, Ports(wanted_port(restored)))
    box.postgres.start()
    try:
        box.postgres.ensure_roles()
        for database in DATABASES:
            dump = restored.var / "databases" / f"{database}.dump"
            postgres_tool(
                box.postgres, "pg_restore", database, "--exit-on-error", "--single-transaction", str(dump)
            )
            say(f"database {database} is restored")
        shutil.rmtree(restored.var / "databases")
        manage(restored.root, box.owner_settings(), "migrate", "--noinput")
        found = ask_cloud(box, "restored", {"made": spoken(manifest)})
    finally:
        box.postgres.stop()
    say(f"the key file opens the keys of {found['organisations']} organisations")
    if found["keys_missing"]:
        say(f"of {found['keys_missing']} key periods the keys are not in it: their footage cannot be opened")


def tell(layout: Layout, manifest: dict[str, Any]) -> None:
    """What people need to know now."""
    say(f"restored as of {spoken(manifest)}; start it with: make up")
    print(
        "Everybody signs in again. Invitations, set-up links and enrolment codes that were open have ended."
    )
    print("Agents send again what they recorded since, as far back as a day.")
    if not manifest["footage"]:
        print(
            f"Footage was not in the backup: it is in the bucket ({layout.var / 's3'}), or wherever you copied that."
        )
