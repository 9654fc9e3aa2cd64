"""The running system as its keeper sees it: processes, stored objects, commands."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sealing.names import ObjectName, parse_object_name
from tests.onebox.running import Checkout
from vsaas.onebox.box import BUCKET, Box
from vsaas.onebox.layout import Layout, Ports
from vsaas.onebox.manage import manage
from vsaas.onebox.processes import Identity, wait_until

T = TypeVar("T")


def until(what: str, look: Callable[[], T | None], seconds: float = 30) -> T:
    """Waits until `look` gives something true, and gives that."""
    found: list[T] = []

    def there() -> bool:
        value = look()
        if value:
            found.append(value)
        return bool(value)

    assert wait_until(there, seconds), f"not within {seconds:g} s: {what}"
    return found[0]


class System:
    """What `make up` runs in one checkout."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.box = Box(Layout(checkout.root), Ports(checkout.port))
        told = checkout.up_json()
        self.slug: str = told["tenant"]
        self.fingerprint: str = told["root_fingerprint"]
        self.camera: str = told["cameras"][0]["id"]
        self.camera_name: str = told["cameras"][0]["name"]
        self.setup_url: str | None = told["setup_url"]

    @property
    def portal(self) -> str:
        """The portal's address, without a slash at the end."""
        return self.box.portal_url

    def page(self, path: str = "", slug: str | None = None) -> str:
        """Address of a page of an organisation, the demo organisation by default."""
        return f"{self.portal}/t/{slug or self.slug}/{path}"

    def camera_page(self, at: str | None = None) -> str:
        """The demo camera's page; `at`: ISO time."""
        return self.page(f"cameras/{self.camera}") + (f"?t={at}" if at else "")

    def manage(self, *words: str) -> str:
        """Runs a command of the portal as its keeper would."""
        return manage(self.checkout.root, self.box.settings(), *words)

    def setup_link(self, slug: str) -> str:
        """A one-time link to set up another organisation, made here and now."""
        self.manage("tenant_create", "--slug", slug, "--name", f"Organisation {slug}", "--site", "Hall")
        self.manage("tenant_keys", "--tenant", slug)
        return self.manage("setup_link", "--tenant", slug)

    def verify(self, folder: Path) -> str:
        """What `sealing verify` says of a footage folder."""
        words = [sys.executable, "-m", "sealing", "verify", str(folder), "--trust", self.fingerprint]
        done = subprocess.run(words, cwd=self.checkout.root, capture_output=True, text=True)
        assert done.returncode in (0, 1), done.stderr
        return done.stdout

    # ---- processes ----

    def identity(self, name: str) -> Identity:
        """The process of this name."""
        found = Identity.of(self.checkout.processes()[name])
        assert found is not None, f"{name} does not run"
        return found

    def kill(self, name: str) -> None:
        """kill -9; waits until the supervisor has started it anew."""
        before = self.identity(name)
        os.kill(before.pid, signal.SIGKILL)
        until(f"{name} runs again", lambda: self.checkout.processes().get(name) not in (None, before.pid), 60)

    @contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """As if its box hung: the process stands still, its connections stay open."""
        process = self.identity(name)
        process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send(signal.SIGCONT)

    # ---- the bucket ----

    def objects(self) -> dict[ObjectName, Path]:
        """Every stored segment of the demo camera with its file, oldest first."""
        bucket = self.box.s3.data_dir / "objects" / BUCKET
        found = {
            parse_object_name(str(path.relative_to(bucket))): path
            for path in bucket.glob("t/*/c/*/*/*/*")
            if path.is_file()
        }
        ours = {name: path for name, path in found.items() if str(name.camera) == self.camera}
        return dict(sorted(ours.items(), key=lambda item: item[0].about_us))


@contextmanager
def altered(path: Path, offset: int) -> Iterator[None]:
    """One bit of a stored object is another for the length of the block."""

    def flip() -> None:
        with path.open("r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1]))

    flip()
    try:
        yield
    finally:
        flip()
