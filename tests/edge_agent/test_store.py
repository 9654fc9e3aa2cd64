"""Uploads as the agent makes them, against two real S3 servers: once, whole, and never over another."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent.cloud import Cloud, PutOutcome, StoreRefused, TransferBroken
from edge_agent.identity import Signing
from edge_agent.keys import BoxKeys
from sealing.crc import crc32c
from tests.s3_servers import S3Server, run_s3

SIZE = 5_000_000


@pytest.fixture(scope="module", params=["versitygw", "minio"])
def s3(request, tmp_path_factory) -> Iterator[S3Server]:
    with run_s3(request.param, tmp_path_factory.mktemp(request.param), "https://portal.example") as server:
        server.store("footage").ensure_bucket("https://portal.example")
        yield server


@pytest.fixture
def segment(tmp_path) -> Path:
    path = tmp_path / "segment"
    path.write_bytes(os.urandom(SIZE))
    return path


def granted(s3: S3Server, name: str, path: Path):
    checksum = base64.b64encode(crc32c(path.read_bytes()).to_bytes(4, "big")).decode()
    return s3.store("footage").presign_put(name, path.stat().st_size, checksum, 300)


async def test_an_object_is_stored_once_and_a_repeated_upload_changes_nothing(s3, segment):
    name = f"t/{secrets.token_hex(8)}"
    async with Cloud(Signing("http://127.0.0.1:1", BoxKeys.new())) as cloud:
        grant = granted(s3, name, segment)
        assert await cloud.put(grant.url, grant.headers, segment, SIZE) is PutOutcome.STORED
        for _ in range(2):
            try:
                assert await cloud.put(grant.url, grant.headers, segment, SIZE) is PutOutcome.ALREADY_THERE
            except TransferBroken:
                # versitygw closes without reading the object; the agent has the portal look whether it is there.
                assert s3.kind == "versitygw"
    assert [item.size for item in s3.store("footage").list_prefix(name)] == [SIZE]


async def test_altered_bytes_are_refused_for_good(s3, segment, tmp_path):
    grant = granted(s3, f"t/{secrets.token_hex(8)}", segment)
    altered = tmp_path / "altered"
    altered.write_bytes(os.urandom(SIZE))
    async with Cloud(Signing("http://127.0.0.1:1", BoxKeys.new())) as cloud:
        with pytest.raises(StoreRefused):
            await cloud.put(grant.url, grant.headers, altered, SIZE)
