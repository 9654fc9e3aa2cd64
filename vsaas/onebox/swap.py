"""Putting restored data in the place of what was there, so that a kill at any moment loses nothing.

The old `var/` becomes `var.replaced`, the restored folder becomes `var/`, then what is kept moves over from the old one
and the rest of it is deleted. `settle` finishes this, or undoes it, at the start of the next command.
"""

import json
import os
import shutil
from pathlib import Path

from vsaas.onebox import lock
from vsaas.onebox.layout import Layout
from vsaas.onebox.postgres import Postgres
from vsaas.onebox.progress import say

REPLACED = "var.replaced"
RESTORING = "var.restoring-"


def put_in_place(layout: Layout, restored: Layout) -> None:
    """`restored` becomes the checkout's data. Nothing may run in either."""
    if layout.var.exists():
        os.rename(layout.var, Layout(layout.root, REPLACED).var)
    os.rename(restored.var, layout.var)
    settle(layout)


def settle(layout: Layout) -> None:
    """Finishes or undoes a restore that was interrupted, and deletes what one left behind. Usually there is nothing to do."""
    replaced = Layout(layout.root, REPLACED)
    if replaced.var.exists() and not layout.var.exists():
        os.rename(replaced.var, layout.var)
        say("a restore was interrupted before it took effect: the data are as they were")
    elif replaced.var.exists():
        keep_bucket(replaced, layout)
        keep_agent(replaced, layout)
        discard(replaced)
    for folder in layout.root.glob(f"{RESTORING}*"):
        left = Layout(layout.root, folder.name)
        if lock.holder(left) is None:
            discard(left)


def keep_bucket(old: Layout, new: Layout) -> None:
    """The bucket stays as it was; what the backup holds beyond it is added."""
    kept, restored = old.var / "s3", new.var / "s3"
    if not kept.exists():
        return
    if restored.exists():
        add_missing(restored, kept)
        shutil.rmtree(restored)
    os.rename(kept, restored)


def add_missing(source: Path, target: Path) -> None:
    """Moves over what `target` lacks, folder by folder; what it has stays its own."""
    for entry in source.iterdir():
        there = target / entry.name
        if not there.exists():
            os.rename(entry, there)
        elif entry.is_dir() and there.is_dir():
            add_missing(entry, there)


def keep_agent(old: Layout, new: Layout) -> None:
    """Where the agent is the one in the backup, its state of today stays: it knows what it recorded since, and sends the
    portal again what that does not know any more."""
    if agent_in(old.agent_state) is None or agent_in(old.agent_state) != agent_in(new.agent_state):
        return
    aside = new.var / "agent.from-backup"
    if new.agent_state.exists():
        shutil.rmtree(aside, ignore_errors=True)
        os.rename(new.agent_state, aside)
    os.rename(old.agent_state, new.agent_state)
    shutil.rmtree(aside, ignore_errors=True)


def agent_in(state: Path) -> tuple[str, bytes] | None:
    """Which agent a state folder holds: its id and its record key; None for none. One that was given new keys since is another:
    the portal of the backup knows the former ones."""
    try:
        details = json.loads((state / "identity" / "agent.json").read_text())
        generation = details.get("generation", 0)
        name = f"record.{generation}.key" if generation else "record.key"
        return str(details["agent"]), (state / "identity" / name).read_bytes()
    except (FileNotFoundError, KeyError):
        return None


def discard(layout: Layout) -> None:
    """Deletes a data folder with its database."""
    if (layout.var / "postgres").is_symlink() or (layout.var / "postgres").exists():
        Postgres(layout.var / "postgres", layout.run / "pg", secrets_file=layout.passwords_file).destroy()
    shutil.rmtree(layout.run, ignore_errors=True)
    shutil.rmtree(layout.var, ignore_errors=True)
