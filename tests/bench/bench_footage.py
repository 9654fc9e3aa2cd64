"""Footage: records taken in per second, and the timeline of an hour and a day in a table of three million records."""

from __future__ import annotations

import json
import os
import secrets
import statistics
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

ROOT = Path(__file__).resolve().parent.parent.parent
RECORDS = 3_000_000
CAMERAS = 10
SEGMENT_S = 10
PER_DAY = 24 * 3600 // SEGMENT_S
NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z
SECOND = 1_000_000
DAY_US = 24 * 3600 * SECOND
BATCHES = 24
BATCH = 500
SENDERS = 2


def rows() -> list[Row]:
    """Measures in a process of its own, which starts the services it needs and ends them."""
    return rows_of("tests.bench.bench_footage")


def _measure() -> Iterator[dict[str, Any]]:
    from tests import cast
    from vsaas.common.object_store import object_store

    people = cast.make_cast()
    yield from _ingest(people)
    yield from _timeline(people)
    yield _grants(object_store())


def _ingest(people: Any) -> Iterator[dict[str, Any]]:
    """Batches of 500 signed records through the whole route: signature of the request, records, envelopes, grants."""
    from tests.agent_sim import AgentSim
    from tests.boxes import make_keys

    make_keys(people.tenant_a)
    jobs = []
    for n in range(SENDERS):
        agent = AgentSim.enrol(people.tenant_a.id, people.site_a, f"Box {n}")
        jobs.append((agent, _signed_batches(agent, BATCHES // SENDERS)))
    elapsed, busy = _in_processes([lambda wait, job=job: _send(*job, wait) for job in jobs])
    count = (BATCHES - SENDERS) * BATCH
    against = f"batches of {BATCH} segment records, {SENDERS} portal processes"
    yield {
        "name": "ingest",
        "value": count / elapsed,
        "unit": "records/s",
        "against": against,
        "target": 5000.0,
        "better": "higher",
    }
    yield {
        "name": "ingest: CPU per record, portal and database",
        "value": busy / count * 1e6,
        "unit": "µs",
        "against": against,
    }


def _signed_batches(agent: Any, count: int) -> list[bytes]:
    """What an agent with a backlog sends: made beforehand, so that only the portal is measured."""
    from protocol.batch import RecordsBatch

    stream = agent.stream(agent.add_camera(f"Camera {secrets.token_hex(4)}"))
    items = [stream.genesis(NOON)]
    start = NOON
    while len(items) < count * BATCH:
        items.append(stream.segment(start, SEGMENT_S, size=400).item)
        start += SEGMENT_S * SECOND
    batches = []
    for at in range(0, len(items), BATCH):
        batches.append(RecordsBatch(tuple(items[at : at + BATCH]), tuple(stream.envelopes)).encode())
        stream.envelopes = []
    return batches


def _send(agent: Any, batches: list[bytes], wait: Callable[[], None]) -> Callable[[], None]:
    """Sends one batch, waits, sends the others; gives what reads the replies, which is the agents' work and no part
    of the time."""
    from protocol.batch import BatchReply

    replies = [agent.send("POST", "/agent/v1/records", batches[0])]
    wait()
    replies += [agent.send("POST", "/agent/v1/records", body) for body in batches[1:]]

    def check() -> None:
        for reply in replies:
            assert reply.status_code == 200, reply.content
            result = BatchReply.decode(reply.content)
            assert all(item.error is None for item in result.results), result.results[:3]
            assert len(result.grants) >= len(result.results) - 1  # a genesis has no object

    return check


Job = Callable[[Callable[[], None]], Callable[[], None]]
"""Gets ready, calls what it is given, works; gives a check that is no part of the time."""


def _in_processes(jobs: list[Job]) -> tuple[float, float]:
    """Seconds until all jobs are done, each in a forked process, and seconds of CPU they and the database took."""
    from django.db import connections

    connections.close_all()
    for connection in connections.all():
        connection.close_pool()  # its threads would be missing in the children, its sockets shared
    begin, gate = os.pipe()
    told, tell = os.pipe()
    children = [_fork(job, begin, gate, tell) for job in jobs]
    os.close(begin)
    os.close(tell)
    _hear(told, len(jobs))  # all are ready
    database = _database_cpu_s()
    started = time.perf_counter()
    os.close(gate)
    busy_ns = sum(_hear(told, len(jobs)))
    elapsed = time.perf_counter() - started
    database = _database_cpu_s() - database
    os.close(told)
    for child in children:
        _, status = os.waitpid(child, 0)
        if status != 0:
            raise RuntimeError("a sender failed; its error stands above")
    return elapsed, busy_ns / 1e9 + database


def _hear(told: int, count: int) -> list[int]:
    """So many numbers of 8 bytes from the children."""
    data = b""
    while len(data) < 8 * count:
        piece = os.read(told, 8 * count - len(data))
        if not piece:
            raise RuntimeError("a sender failed; its error stands above")
        data += piece
    return [int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8)]


def _fork(job: Job, begin: int, gate: int, tell: int) -> int:
    from vsaas.common.loaded import settle

    child = os.fork()
    if child:
        return child
    failed = 1
    ready_ns = 0

    def wait() -> None:
        nonlocal ready_ns
        os.write(tell, bytes(8))
        os.read(begin, 1)  # returns when the parent closes its end
        ready_ns = time.process_time_ns()

    try:
        os.close(gate)
        settle()  # as the portal's process does
        check = job(wait)
        os.write(tell, (time.process_time_ns() - ready_ns).to_bytes(8, "big"))
        check()
        failed = 0
    finally:
        # Without the parent's clean-up, which is not the child's to do.
        if failed:
            traceback.print_exc()
        os._exit(failed)


def _database_cpu_s() -> float:
    """Seconds of CPU the database server took until now, with its processes that have ended."""
    from tests import environment

    server = int((environment.postgres().data_dir / "postmaster.pid").read_text().split()[0])
    workers = [
        int(number)
        for path in Path(f"/proc/{server}/task").glob("*/children")
        for number in path.read_text().split()
    ]
    ticks = sum(_stat(server)[11:15])  # its own and that of its ended children: utime to cstime of proc(5)
    ticks += sum(sum(_stat(worker)[11:13]) for worker in workers)
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(process: int) -> list[int]:
    """The fields of /proc/<process>/stat behind the name; 0 for what is no number."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return [int(field) if field.isdecimal() else 0 for field in fields]


def _timeline(people: Any) -> Iterator[dict[str, Any]]:
    from tenants.scope import tenant_scope
    from tenants.sight import Sight
    from vsaas.footage.timeline import timeline

    tenant = people.tenant_a.id
    cameras, days = _fill(tenant)
    middle = NOON - 12 * 3600 * SECOND + (days // 2) * DAY_US
    with tenant_scope(tenant):
        for name, length_us, target in (("hour", 3600 * SECOND, 2.0), ("day", DAY_US, 20.0)):
            spent = []
            for n in range(40):
                begin = middle + (n % 5) * DAY_US
                camera = cameras[n % CAMERAS]
                started = time.perf_counter()
                found = timeline({camera: Sight((None,), 0, None)}, 1, begin, begin + length_us)
                spent.append(time.perf_counter() - started)
                assert found[camera].runs
            yield {
                "name": f"timeline of one {name}",
                "value": statistics.median(spent) * 1000,
                "unit": "ms",
                "against": f"one camera, {RECORDS:,} records in {days} day partitions",
                "target": target,
                "better": "lower",
            }


def _fill(tenant: uuid.UUID) -> tuple[list[uuid.UUID], int]:
    """Three million segments of ten cameras, one in fifty followed by a short gap; partitions as the worker makes them."""
    from tests.cast import owner_connection

    cameras = [uuid.uuid4() for _ in range(CAMERAS)]
    days = RECORDS // CAMERAS // PER_DAY + 1
    begin = NOON - 12 * 3600 * SECOND
    with owner_connection() as connection:
        # As in production; without it VACUUM cannot mark pages visible, and an index-only scan is none.
        connection.execute("SET synchronous_commit = on")
        connection.execute(
            "SELECT make_partitions(to_timestamp(%s)::date, to_timestamp(%s)::date, to_timestamp(%s)::date)",
            [begin // SECOND, (begin + days * DAY_US) // SECOND, begin // SECOND],
        )
        for camera in cameras:
            connection.execute(
                """
                INSERT INTO footage_record (tenant_id, day, camera_id, stream, chain, seq, kind, state, flags, reason,
                    start_us, end_us, segment, run, size_bytes, crc32c, claimed_us, received_us, hash, version_id)
                SELECT %(tenant)s, (to_timestamp(at / 1000000) AT TIME ZONE 'UTC')::date, %(camera)s, 1, %(chain)s, n,
                    CASE WHEN n %% 50 = 0 THEN 3 ELSE 2 END, CASE WHEN n %% 50 = 0 THEN 0 ELSE 4 END, 0,
                    CASE WHEN n %% 50 = 0 THEN 1 END, at, at + %(length)s, gen_random_uuid(), %(chain)s, 5000000,
                    '\\x00000000', at, at, '\\x00', 'version'
                FROM (SELECT n, %(begin)s + n * %(length)s AS at FROM generate_series(0::bigint, %(count)s - 1) n) s
                """,
                {
                    "tenant": tenant,
                    "camera": camera,
                    "chain": uuid.uuid4(),
                    "begin": begin,
                    "length": SEGMENT_S * SECOND,
                    "count": RECORDS // CAMERAS,
                },
            )
        connection.execute("VACUUM ANALYZE footage_record")
    return cameras, days


def _grants(store: Any) -> dict[str, Any]:
    started = time.perf_counter()
    for n in range(2000):
        store.presign_put(f"t/{n:032x}/c/{n:032x}/main/2026010112/{n:032x}", 5_000_000, "AAAAAA==", 900)
    spent = (time.perf_counter() - started) / 2000
    return {"name": "an upload grant", "value": spent * 1e6, "unit": "µs", "against": "boto3: about 400 µs"}


def main() -> None:
    """Prints the rows as JSON on the last line."""
    with databases():
        print(json.dumps(list(_measure())))


if __name__ == "__main__":
    main()
