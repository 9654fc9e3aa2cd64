"""What a log is sent to in tests: a real rsyslog with TLS, and an HTTPS server that takes JSON."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.environment import free_port
from vsaas.common import clock
from vsaas.onebox.authority import Authority
from vsaas.onebox.processes import wait_until

RSYSLOGD = shutil.which("rsyslogd") or shutil.which("rsyslogd", path="/usr/sbin")
PATIENCE_S = 15.0
FIELDS = ("pri", "timestamp", "hostname", "app-name", "procid", "msgid", "structured-data", "msg")

CONFIGURATION = """
global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off"
       defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="{ca}"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
template(name="json" type="list" option.jsonf="on") {{
  property(outname="pri" name="pri" format="jsonf")
  property(outname="timestamp" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="hostname" name="hostname" format="jsonf")
  property(outname="app-name" name="app-name" format="jsonf")
  property(outname="procid" name="procid" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="structured-data" name="structured-data" format="jsonf")
  property(outname="msg" name="msg" format="jsonf")
}}
input(type="imtcp" address="127.0.0.1" port="{port}")
action(type="omfile" file="{output}" template="json")
"""


def authority(folder: Path) -> Authority:
    """A certificate authority of its own, with a certificate for localhost."""
    made = Authority(folder)
    made.prepare("localhost", clock.now())
    return made


class Rsyslog:
    """A real rsyslog that writes what it understood, one JSON object a line. It may be stopped and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.authority = authority(folder / "ca")
        self.output = folder / "received.jsonl"
        self._process: subprocess.Popen[bytes] | None = None
        values = {
            "folder": folder,
            "ca": self.authority.certificate_file,
            "certificate": self.authority.server_certificate,
            "key": self.authority.server_key,
            "port": self.port,
            "output": self.output,
        }
        (folder / "rsyslog.conf").write_text(CONFIGURATION.format(**values))

    @property
    def address(self) -> str:
        return f"localhost:{self.port}"

    @property
    def ca_pem(self) -> str:
        return self.authority.certificate_file.read_text()

    def start(self) -> None:
        if RSYSLOGD is None:
            pytest.skip("no rsyslog here: apt-get install rsyslog rsyslog-gnutls")
        command = [RSYSLOGD, "-n", "-f", str(self.folder / "rsyslog.conf"), "-i", str(self.folder / "pid")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for(self._listens, lambda: (self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(PATIENCE_S)
            self._process = None

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def received(self) -> list[dict[str, str]]:
        """The messages, in the order in which it wrote them."""
        if not self.output.exists():
            return []
        return [json.loads(line) for line in self.output.read_text().splitlines()]

    def until(self, count: int) -> list[dict[str, str]]:
        """The messages once there are so many: it writes them a moment after it has read them."""
        wait_for(lambda: len(self.received()) >= count, lambda: str(self.received()[-3:]))
        return self.received()


@dataclass
class Collector:
    """An HTTPS server that takes POSTs. `answers`: statuses for the next requests, else 200."""

    url: str
    ca_pem: str
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was taken, in order."""
        return [event for body in self.bodies for event in body]


@contextlib.contextmanager
def collecting(folder: Path) -> Iterator[Collector]:
    """The server runs inside the block."""
    made = authority(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = collector.answers.pop(0) if collector.answers else 200
            collector.headers.append(dict(self.headers))
            if status == 200:
                collector.bodies.append(json.loads(body))
            self.send_response(status)
            if status == 302:
                self.send_header("Location", collector.url + "elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Nothing is said of a request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.server_certificate, made.server_key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    collector = Collector(f"https://localhost:{server.server_port}/", made.certificate_file.read_text())
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(condition: Any, otherwise: Any) -> None:
    """Until the condition holds; fails with what `otherwise` says."""
    if not wait_until(condition, PATIENCE_S):
        pytest.fail(otherwise())
