import os
import signal
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.onebox.listening import listening_ports
from vsaas.common.object_store import ObjectStore
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.versitygw import REGION, Versitygw


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def gateway(folder: Path) -> Iterator[Versitygw]:
    server = Versitygw(folder / "data", free_port())
    server.start()
    yield server
    server.stop()


def store(gateway: Versitygw) -> ObjectStore:
    return ObjectStore(
        endpoint=gateway.endpoint,
        public_endpoint=gateway.endpoint,
        region=REGION,
        bucket="footage",
        access_key=gateway.access_key,
        secret_key=gateway.secret_key,
    )


def test_objects_survive_a_kill_9(gateway: Versitygw) -> None:
    store(gateway).ensure_bucket("http://127.0.0.1:8400")
    store(gateway).put("t/one", b"sealed")
    assert gateway.program is not None
    os.kill(gateway.program.pid, signal.SIGKILL)
    gateway.start()
    assert [found.name for found in store(gateway).list_prefix("t/")] == ["t/one"]


def test_it_listens_on_its_port_of_the_loopback_address_alone(gateway: Versitygw) -> None:
    assert gateway.program is not None
    assert listening_ports({gateway.program.pid}) == {("0100007F", gateway.port)}


def test_its_keys_stand_neither_on_the_command_line_nor_in_the_log(gateway: Versitygw) -> None:
    assert gateway.program is not None
    words = Path(f"/proc/{gateway.program.pid}/cmdline").read_text() + gateway.log.read_text()
    assert gateway.secret_key not in words
    assert gateway.access_key not in words


def test_stored_bytes_are_closed_to_others(gateway: Versitygw) -> None:
    store(gateway).ensure_bucket("http://127.0.0.1:8400")
    store(gateway).put("t/one", b"sealed")
    found = gateway.data_dir / "objects" / "footage" / "t" / "one"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert stat.S_IMODE(gateway.data_dir.stat().st_mode) == 0o700


def test_a_taken_port_is_named(gateway: Versitygw, folder: Path) -> None:
    second = Versitygw(folder / "second", gateway.port)
    with pytest.raises(
        OneboxError, match=rf"port {gateway.port} on 127\.0\.0\.1 \(object store\) cannot be used"
    ):
        second.start()
