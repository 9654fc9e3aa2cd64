import os
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.onebox.listening import listening_ports
from vsaas.onebox.valkey import Valkey


@pytest.fixture
def valkey(folder: Path) -> Iterator[Valkey]:
    server = Valkey(folder / "data", folder / "run")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def client(valkey: Valkey) -> Iterator["redis.Redis[bytes]"]:
    connection = redis.Redis.from_url(valkey.url)
    yield connection
    connection.close()


def test_it_listens_on_no_tcp_port(valkey: Valkey) -> None:
    assert valkey.program is not None
    assert listening_ports({valkey.program.pid}) == set()


def test_socket_and_folders_are_closed_to_others(valkey: Valkey) -> None:
    for path in (valkey.socket, valkey.run_dir, valkey.data_dir):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_nothing_is_evicted(client: "redis.Redis[bytes]") -> None:
    assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}


def test_what_was_queued_survives_a_restart_and_a_kill_9(
    valkey: Valkey, client: "redis.Redis[bytes]"
) -> None:
    client.rpush("tasks", "one")
    valkey.stop()
    assert not valkey.ready()
    valkey.start()
    assert client.lrange("tasks", 0, -1) == [b"one"]
    assert valkey.program is not None
    os.kill(valkey.program.pid, signal.SIGKILL)  # leaves its socket file behind
    valkey.start()
    assert client.lrange("tasks", 0, -1) == [b"one"]
