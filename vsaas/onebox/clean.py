"""`make down` and `make clean`."""

import os
import shutil
import sys
from pathlib import Path

from vsaas.onebox import lock
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.postgres import Postgres
from vsaas.onebox.progress import say


def down(root: Path) -> None:
    """Stops what `make up` started in this checkout, and what is left of one that was killed."""
    layout = Layout(root)
    stopped = lock.stop_holder(layout)
    left = lock.stop_recorded(layout)
    if stopped or left:
        say("everything is stopped; the data stay in var/")
    else:
        say(f"nothing runs in {root}")


def clean(root: Path) -> None:
    """Deletes `var/` and the database, after asking (FORCE=1 in the environment: without)."""
    layout = Layout(root)
    if lock.holder(layout) is not None:
        raise OneboxError("cannot clean while the system runs; stop it first: make down")
    if not layout.var.exists():
        say(f"nothing to delete: there is no {layout.var}")
        return
    if os.environ.get("FORCE") != "1" and not _confirmed(layout):
        raise OneboxError("nothing was deleted")
    lock.stop_recorded(layout)
    if (layout.var / "postgres").exists():
        Postgres(layout.var / "postgres", layout.run / "pg", secrets_file=layout.passwords_file).destroy()
    shutil.rmtree(layout.run, ignore_errors=True)
    shutil.rmtree(layout.var)
    say(f"deleted {layout.var}: recordings, keys, accounts and logs of this checkout")


def _confirmed(layout: Layout) -> bool:
    print(f"This deletes everything in {layout.var}: recordings, the keys that open them, accounts, logs.")
    print("Type yes to delete: ", end="", flush=True)
    return sys.stdin.readline().strip() == "yes"
