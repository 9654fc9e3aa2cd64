"""What an upload costs the agent, beside boto3's as it comes: the same objects to the same S3 server, turn by turn.

CPU time is that of this process (user and system); the server is a process of its own. Both read the object from a file. boto3
signs each request and computes the object's sum by its defaults; the agent was given a grant and a sum by others.
"""

from __future__ import annotations

import asyncio
import base64
import os
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import boto3
from botocore.config import Config

from edge_agent.cloud import Cloud, PutOutcome
from edge_agent.identity import Signing
from edge_agent.keys import BoxKeys
from sealing.crc import crc32c
from tests.bench.row import Row
from tests.s3_servers import S3Server, run_s3
from vsaas.common.object_store import Grant

OBJECT_BYTES = 5_000_000
ROUNDS = 12
AT_ONCE = 5
ORIGIN = "https://portal.example"
BUCKET = "footage"


def rows() -> Iterator[Row]:
    """Measure; about twenty seconds."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "object"
        path.write_bytes(os.urandom(OBJECT_BYTES))
        (folder / "store").mkdir()
        with run_s3("versitygw", folder / "store", ORIGIN) as server:
            server.store(BUCKET).ensure_bucket(ORIGIN)
            agents, botos = asyncio.run(_turns(server, path))
    per_object = f"{OBJECT_BYTES // 1_000_000} MB, median of {ROUNDS} turns of {AT_ONCE}"
    yield Row("upload: agent's CPU per object", statistics.median(agents) * 1000, "ms", per_object)
    yield Row("upload: boto3's CPU per object", statistics.median(botos) * 1000, "ms", per_object)
    ratio = statistics.median(agents) / statistics.median(botos)
    yield Row(
        "upload: agent's CPU beside boto3",
        ratio,
        "×",
        "put_object by default, same objects, turn by turn",
        0.25,
    )


async def _turns(server: S3Server, path: Path) -> tuple[list[float], list[float]]:
    """CPU seconds per object of each turn, the first left out: it warms up."""
    client = boto3.client(
        "s3",
        endpoint_url=server.endpoint,
        region_name="us-east-1",
        aws_access_key_id=server.access_key,
        aws_secret_access_key=server.secret_key,
        config=Config(s3={"addressing_style": "path"}),
    )
    agents, botos = [], []
    async with Cloud(Signing("http://127.0.0.1:1", BoxKeys.new())) as cloud:
        for _ in range(ROUNDS + 1):
            grants = [_grant(server, path) for _ in range(AT_ONCE)]
            began = time.process_time()
            for grant in grants:
                assert await cloud.put(grant.url, grant.headers, path, OBJECT_BYTES) is PutOutcome.STORED
            middle = time.process_time()
            for _ in range(AT_ONCE):
                with path.open("rb") as body:
                    client.put_object(Bucket=BUCKET, Key=f"b/{uuid.uuid4()}", Body=body)
            ended = time.process_time()
            agents.append((middle - began) / AT_ONCE)
            botos.append((ended - middle) / AT_ONCE)
    return agents[1:], botos[1:]


def _grant(server: S3Server, path: Path) -> Grant:
    checksum = base64.b64encode(crc32c(path.read_bytes()).to_bytes(4, "big")).decode()
    return server.store(BUCKET).presign_put(f"t/{uuid.uuid4()}", OBJECT_BYTES, checksum, 300)
