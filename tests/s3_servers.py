"""Real S3 servers for tests: versitygw and MinIO, each on a free port over a folder of its own."""

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vsaas.common.object_store import ObjectStore
from vsaas.onebox.gobuild import MINIO, VERSITYGW, build

REGION = "us-east-1"


@dataclass(frozen=True)
class S3Server:
    """A running server: its `kind`, endpoint, and root credentials made for this run."""

    kind: str
    endpoint: str
    access_key: str
    secret_key: str

    def store(self, bucket: str) -> ObjectStore:
        return ObjectStore(
            endpoint=self.endpoint,
            public_endpoint=self.endpoint,
            region=REGION,
            bucket=bucket,
            access_key=self.access_key,
            secret_key=self.secret_key,
        )


@contextmanager
def run_s3(kind: str, folder: Path, cors_origin: str) -> Iterator[S3Server]:
    """Runs `versitygw` or `minio` over `folder` until the block ends."""
    port = _free_port()
    server = S3Server(kind, f"http://127.0.0.1:{port}", secrets.token_hex(8), secrets.token_hex(16))
    command, env = _command(server, port, folder, cors_origin)
    log = folder / "server.log"
    with open(log, "wb") as out:
        process = subprocess.Popen(command, env=os.environ | env, stdout=out, stderr=subprocess.STDOUT)
    try:
        _wait_until_up(process, port, log)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _command(server: S3Server, port: int, folder: Path, cors_origin: str) -> tuple[list[str], dict[str, str]]:
    data, side = folder / "data", folder / "versions"
    data.mkdir()
    side.mkdir()
    if server.kind == "versitygw":
        command = [str(build(VERSITYGW)), "--port", f"127.0.0.1:{port}", "--region", REGION]
        env = {"ROOT_ACCESS_KEY": server.access_key, "ROOT_SECRET_KEY": server.secret_key}
        return [*command, "posix", "--versioning-dir", str(side), str(data)], env
    env = {
        "MINIO_ROOT_USER": server.access_key,
        "MINIO_ROOT_PASSWORD": server.secret_key,
        "MINIO_API_CORS_ALLOW_ORIGIN": cors_origin,
        "MINIO_UPDATE": "off",
    }
    return [str(build(MINIO)), "server", str(data), "--address", f"127.0.0.1:{port}"], env


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait_until_up(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"the S3 server ended at once: {log.read_text()[-800:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=0.2):
                return
        except OSError:
            # Nothing to wait on but the port itself; a short pause keeps the probe from spinning.
            time.sleep(0.05)
    raise RuntimeError(f"the S3 server did not open its port: {log.read_text()[-800:]}")
