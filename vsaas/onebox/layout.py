"""Where everything of one checkout lives, and which ports it uses."""

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.passwords import write_private
from vsaas.onebox.places import private_dir, short_run_dir

DEFAULT_PORT = 8400
HOST = "127.0.0.1"
HIGHEST_PORT = 65535
DATA = "var"


@dataclass(frozen=True)
class Ports:
    """The TCP ports, in a row from the portal's; all on 127.0.0.1."""

    portal: int

    @property
    def hub(self) -> int:
        """WebSockets: live video and control."""
        return self.portal + 1

    @property
    def s3(self) -> int:
        """Object store."""
        return self.portal + 2

    @property
    def camera(self) -> int:
        """Demo camera (RTSP)."""
        return self.portal + 3

    @property
    def more_cameras(self) -> tuple[int, int, int, int]:
        """Three more demo cameras, where they are wanted: RTSP, RTSPS, and RTSP and ONVIF of one."""
        first = self.camera + 1
        return first, first + 1, first + 2, first + 3

    def named(self) -> dict[str, int]:
        """Every port with what uses it, in words for people."""
        return {
            "portal": self.portal,
            "live hub": self.hub,
            "object store": self.s3,
            "demo camera": self.camera,
        }


@dataclass(frozen=True)
class Layout:
    """Folders and files of one checkout; all data live under `var/` (a restore puts them together in another folder)."""

    root: Path
    folder: str = DATA

    @property
    def var(self) -> Path:
        """All data. As root others may pass through (the database runs as another user); its contents are closed."""
        return self.root / self.folder

    @property
    def secrets(self) -> Path:
        """Passwords and keys (0700)."""
        return self.var / "secrets"

    @property
    def logs(self) -> Path:
        """What the processes say (0700)."""
        return self.var / "log"

    @property
    def run(self) -> Path:
        """Unix sockets, in a short folder outside the checkout."""
        return short_run_dir(self.root if self.folder == DATA else self.var)

    @property
    def agent_state(self) -> Path:
        """The agent's keys, spool and what it knows."""
        return self.var / "agent"

    @property
    def up_json(self) -> Path:
        """What tools and tests need to know of the running system (0600)."""
        return self.var / "up.json"

    @property
    def passwords_file(self) -> Path:
        """Random passwords of the services."""
        return self.secrets / "passwords.json"

    @property
    def port_file(self) -> Path:
        """The port of the last start."""
        return self.var / "port.json"

    @property
    def address_file(self) -> Path:
        """The public address of the last start, where it was not this machine alone."""
        return self.var / "address.json"

    @property
    def authority(self) -> Path:
        """The certificate authority of this checkout (0700)."""
        return self.secrets / "ca"

    @property
    def metrics(self) -> Path:
        """Where the processes keep their figures while they run (0700)."""
        return self.var / "metrics"

    @property
    def metrics_token(self) -> Path:
        """The token that opens /metrics."""
        return self.secrets / "metrics.token"

    @property
    def portal_env(self) -> Path:
        """The portal's settings, for `manage.py` by hand."""
        return self.secrets / "portal.env"

    @property
    def kms_file(self) -> Path:
        """The key that wraps the tenants' private keys."""
        return self.secrets / "kms.key"

    @property
    def audit_key_file(self) -> Path:
        """The key that signs the audit logs; what was signed last lies beside it."""
        return self.secrets / "audit.key"

    def log(self, name: str) -> Path:
        """Log file of one process."""
        return self.logs / f"{name}.log"

    def make(self) -> None:
        """Makes the folders with their permissions."""
        private_dir(self.var, 0o711 if os.geteuid() == 0 else 0o700)
        private_dir(self.secrets)
        private_dir(self.logs)


def wanted_port(layout: Layout) -> int:
    """The portal's port: `PORT` from the environment, or the one in `PUBLIC_URL`, else the one used before, else 8400."""
    text, in_url = os.environ.get("PORT", "").strip(), port_of(os.environ.get("PUBLIC_URL", "").strip())
    if text and in_url and text != in_url:
        raise OneboxError(f"PORT={text} and the port {in_url} in PUBLIC_URL differ: name one of them")
    text = text or in_url
    if not text and layout.port_file.exists():
        text = str(json.loads(layout.port_file.read_text()))
    try:
        port = int(text or DEFAULT_PORT)
    except ValueError:
        port = 0
    if not 1024 <= port <= HIGHEST_PORT - 3:
        raise OneboxError(f"PORT={text} is not a usable port: write a number from 1024 to {HIGHEST_PORT - 3}")
    return port


def port_of(url: str) -> str:
    """The port an address names, or ""."""
    try:
        return str(urlsplit(url).port or "")
    except ValueError:
        return ""


def remember_port(layout: Layout, ports: Ports) -> None:
    """Keeps the port for the next start without `PORT`."""
    write_private(layout.port_file, ports.portal)


def check_free(ports: dict[str, int], host: str = HOST) -> None:
    """Raises when something else listens on one of the ports."""
    for name, port in ports.items():
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do
            try:
                probe.bind((host, port))
            except OSError as error:
                raise OneboxError(
                    f"port {port} on {host} ({name}) cannot be used: {error.strerror}; "
                    "end what listens there, or choose four other ports in a row, for example: make up PORT=8500"
                ) from None
