"""The processes of one checkout, their command lines and environments (docs/architecture.md, processes)."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import httpx

from vsaas.onebox.address import Address, is_loopback, kept_address
from vsaas.onebox.authority import Authority
from vsaas.onebox.layout import HOST, Layout, Ports
from vsaas.onebox.passwords import Passwords
from vsaas.onebox.postgres import APP, ENVIRONMENT, MAINTENANCE, OWNER, STOP_SIGNAL, Postgres
from vsaas.onebox.supervisor import Service
from vsaas.onebox.valkey import Valkey
from vsaas.onebox.versitygw import REGION, Versitygw

BUCKET = "footage"
CAMERA_USER = "demo"
YARD, GATE, DOME = "camera-yard", "camera-gate", "camera-dome"
MORE_CAMERAS = {
    YARD: "127.0.0.2",
    GATE: "127.0.0.3",
    DOME: "127.0.0.4",
}  # each with an address of its own, as cameras are
# of the environment of make up
MAIL = ("VSAAS_SMTP_URL", "VSAAS_SMTP_PASSWORD_FILE", "VSAAS_MAIL_FROM")
PASSED_ON = ("VSAAS_LOG_LEVEL", "VSAAS_LOG_FORMAT", *MAIL)
STOP_SECONDS = 5  # how long portal and hub wait for open connections


class Box:
    """Services and settings of one checkout on one row of ports, under an address (that of the last start by default)."""

    def __init__(self, layout: Layout, ports: Ports, address: Address | None = None) -> None:
        self.layout, self.ports = layout, ports
        self.address = address or kept_address(layout)
        self.authority = Authority(layout.authority) if self.address.tls else None
        self.passwords = Passwords(layout.passwords_file)
        self.more_cameras = False
        secrets = layout.passwords_file
        self.postgres = Postgres(layout.var / "postgres", layout.run / "pg", secrets_file=secrets)
        self.valkey = Valkey(layout.var / "valkey", layout.run / "valkey")
        self.s3 = Versitygw(
            layout.var / "s3",
            ports.s3,
            secrets_file=secrets,
            bind=self.address.bind,
            authority=self.authority,
        )

    @property
    def portal_url(self) -> str:
        """The portal as browsers and the agent see it."""
        return self.address.url(self.ports.portal)

    @property
    def live_url(self) -> str:
        """The hub as browsers and the agent see it."""
        return self.address.url(self.ports.hub, "ws")

    @property
    def s3_url(self) -> str:
        """The object store as browsers and the agent see it."""
        return self.address.url(self.ports.s3)

    @property
    def mail_is_read_here(self) -> bool:
        """Whether messages are kept to be read on this machine: without a mail server, and never where others reach it."""
        return not os.environ.get("VSAAS_SMTP_URL") and is_loopback(self.address.host)

    def is_ready(self, port: int) -> bool:
        """Whether portal or hub, on this port, says that it can work."""
        try:
            verify = self.authority.client_context() if self.authority else True
            return httpx.get(f"{self.address.here(port)}/readyz", verify=verify, timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    @property
    def camera_password_file(self) -> Path:
        """The demo camera reads its password from here."""
        return self.layout.secrets / "demo-camera.password"

    def password_file_of(self, camera: str) -> Path:
        """One of `MORE_CAMERAS` reads its password from here, and writes another one where it is changed."""
        return self.layout.secrets / f"{camera}.password"

    def camera_urls(self) -> dict[str, str]:
        """RTSP URLs of the demo camera's streams, credentials included."""
        password = quote(self.passwords.get("demo_camera"), safe="")
        base = f"rtsp://{CAMERA_USER}:{password}@{HOST}:{self.ports.camera}"
        return {"main": f"{base}/main", "sub": f"{base}/sub"}

    def settings(self) -> dict[str, str]:
        """What the portal's code is told, commands included."""
        if self.authority is not None:
            connection = {"VSAAS_CA_FILE": str(self.authority.certificate_file)}
        else:
            connection = {"VSAAS_INSECURE_COOKIES": "1"}
        if self.mail_is_read_here:
            connection["VSAAS_MAIL_OUTBOX_PAGE"] = "1"
        return base_environment() | {
            "VSAAS_SECRET_KEY": self.passwords.get("django_secret_key"),
            "VSAAS_PUBLIC_URL": self.portal_url,
            "VSAAS_LIVE_URL": self.live_url,
            "VSAAS_DATABASE_URL": self.postgres.url(APP, "vsaas"),
            "VSAAS_KEYS_DATABASE_URL": self.postgres.url(APP, "vsaas_keys"),
            "VSAAS_REDIS_URL": self.valkey.url,
            "VSAAS_S3_ENDPOINT": self.s3.endpoint,
            "VSAAS_S3_PUBLIC_ENDPOINT": self.s3_url,
            "VSAAS_S3_REGION": REGION,
            "VSAAS_S3_BUCKET": BUCKET,
            "VSAAS_S3_ACCESS_KEY": self.s3.access_key,
            "VSAAS_S3_SECRET_KEY": self.s3.secret_key,
            "VSAAS_KMS": f"keyfile:{self.layout.kms_file}",
            "VSAAS_ALLOWED_HOSTS": ",".join(dict.fromkeys((HOST, "localhost", self.address.host))),
            **connection,
            **{name: os.environ[name] for name in PASSED_ON if os.environ.get(name)},
        }

    def counted(self, settings: Mapping[str, str]) -> dict[str, str]:
        """The same for a process that keeps running: it counts for the metrics."""
        return dict(settings) | {
            "VSAAS_METRICS_DIR": str(self.layout.metrics),
            "VSAAS_METRICS_TOKEN_FILE": str(self.layout.metrics_token),
        }

    def worker_settings(self) -> dict[str, str]:
        """The same with the role that makes partitions and prunes the audit logs, and with the key that signs those."""
        return self.settings() | {
            "VSAAS_MAINT_DATABASE_URL": self.postgres.url(MAINTENANCE, "vsaas"),
            "VSAAS_AUDIT_KEY": str(self.layout.audit_key_file),
        }

    def owner_settings(self) -> dict[str, str]:
        """The same with the role that owns the tables, for migrations."""
        return self.worker_settings() | {
            "VSAAS_OWNER_DATABASE_URL": self.postgres.url(OWNER, "vsaas"),
            "VSAAS_OWNER_KEYS_DATABASE_URL": self.postgres.url(OWNER, "vsaas_keys"),
        }

    def services(self, *, demo_camera: bool) -> list[Service]:
        """Every process, in the order of starting; stopped in the opposite order."""
        camera = [self._camera()] if demo_camera else []
        if self.more_cameras:
            camera += self._more_cameras()
        return [*self._stores(), *camera, *self._cloud(), self._agent()]

    def _stores(self) -> list[Service]:
        user = self.postgres.user.pw_name if self.postgres.user else None
        return [
            Service(
                "postgres",
                self.postgres.command(),
                ENVIRONMENT,
                user=user,
                stop_signal=STOP_SIGNAL,
                is_store=True,
            ),
            Service("valkey", self.valkey.command(), ENVIRONMENT, is_store=True),
            Service("s3", self.s3.command(), self.s3.environment(), is_store=True),
        ]

    def _camera(self) -> Service:
        options = ["--port", str(self.ports.camera), "--user", CAMERA_USER]
        password = ["--password-file", str(self.camera_password_file)]
        return self._python("camera", ["vsaas.onebox.demo_camera", *options, *password], base_environment())

    def _more_cameras(self) -> list[Service]:
        """Three of other kinds, small ones, which nobody has added yet."""
        plain, secure, streams, onvif = self.ports.more_cameras
        small = [
            "--size",
            "640x360",
            "--fps",
            "10",
            "--bitrate",
            "500000",
            "--sub-fps",
            "5",
            "--sub-bitrate",
            "100000",
        ]
        certificate = str(self.layout.secrets / "camera-gate.pem")
        kinds = {
            YARD: ["--port", str(plain), "--audio", "pcma"],
            GATE: ["--port", str(secure), "--audio", "none", "--certificate", certificate],
            DOME: ["--port", str(streams), "--onvif", str(onvif), "--model", "Dome 1"],
        }
        return [
            self._python(
                name,
                [
                    "vsaas.onebox.demo_camera",
                    *("--host", MORE_CAMERAS[name], "--user", CAMERA_USER),
                    *("--password-file", str(self.password_file_of(name))),
                    *small,
                    *options,
                ],
                base_environment(),
            )
            for name, options in kinds.items()
        ]

    def _cloud(self) -> list[Service]:
        return [
            self._uvicorn("portal", "vsaas.asgi:application", self.ports.portal, ["--ws", "none"]),
            self._uvicorn(
                "hub",
                "vsaas.live.asgi:application",
                self.ports.hub,
                ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false"],
            ),
            self._celery("worker", ["--concurrency", "2"], self.counted(self.worker_settings())),
            self._celery(
                "beat",
                ["--schedule", str(self.layout.var / "beat-schedule")],
                self.counted(self.settings()),
            ),
        ]

    def _agent(self) -> Service:
        command = ["edge_agent", "run", "--state", str(self.layout.agent_state)]
        return self._python("agent", command, self.agent_environment())

    def agent_environment(self) -> dict[str, str]:
        """What the agent is told: which authority to trust, where it is ours."""
        trust = {"SSL_CERT_FILE": str(self.authority.certificate_file)} if self.authority else {}
        # The demo cameras to be found are on this machine alone.
        side = {"VSAAS_AGENT_CAMERA_INTERFACE": "lo"} if self.more_cameras else {}
        return base_environment() | trust | side

    def _uvicorn(self, name: str, application: str, port: int, options: list[str]) -> Service:
        tls = []
        if self.authority is not None:
            tls += ["--ssl-certfile", str(self.authority.server_certificate)]
            tls += ["--ssl-keyfile", str(self.authority.server_key)]
        address = [
            *tls,
            "--host",
            self.address.bind,
            "--port",
            str(port),
            "--no-server-header",
            "--no-access-log",
            "--lifespan",
            "off",
        ]
        stop = ["--timeout-graceful-shutdown", str(STOP_SECONDS)]
        words = ["uvicorn", application, *address, *stop, *options]
        return self._python(name, words, self.counted(self.settings()))

    def _celery(self, part: str, options: list[str], env: Mapping[str, str]) -> Service:
        return self._python(
            part, ["celery", "-A", "vsaas.worker", part, "--loglevel", "WARNING", *options], env
        )

    def _python(self, name: str, words: list[str], env: Mapping[str, str]) -> Service:
        return Service(name, [sys.executable, "-m", *words], env)


def base_environment() -> dict[str, str]:
    """What every Python process of ours gets."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG", "SSL_CERT_FILE") if name in os.environ}
    path = f"{Path(sys.executable).parent}:{os.environ.get('PATH', '/usr/bin:/bin')}"
    return kept | {"PATH": path, "PYTHONUNBUFFERED": "1", "TZ": "UTC"}
