"""The audit log: what it adds to a request, and how many entries a second pass through inbox and sequencer, signed."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

ENTRIES = 20_000
PASS = 2_000
TIMES = 300


def rows() -> Iterator[Row]:
    """In a process of its own with the services it needs."""
    yield from rows_of("tests.bench.bench_audit")


def _measure() -> Iterator[dict[str, Any]]:
    from tests import cast

    people = cast.make_cast()
    yield from _throughput(people.tenant_b)
    yield _added(people)


def _throughput(tenant: Any) -> Iterator[dict[str, Any]]:
    """Acts as a wall of cameras records them, 100 to a transaction; a pass of the sequencer for each PASS of them."""
    from tenants.scope import tenant_scope
    from vsaas.audit import sequencer
    from vsaas.audit.checkpoints import log_of, verify_log
    from vsaas.audit.models import AuditCheckpoint
    from vsaas.audit.services import What, record_many, system
    from vsaas.audit.signer import signer
    from vsaas.live.acts import ENDED

    on = What("camera", "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11", "Gate 2")
    details = {
        "from_time": "2025-11-25T09:00:00Z",
        "to_time": "2025-11-25T09:10:00Z",
        "stream": 1,
        "view": "0" * 32,
    }
    recording_s = sequencing_s = 0.0
    for _ in range(ENTRIES // PASS):
        began = time.perf_counter()
        for _ in range(PASS // 100):
            with tenant_scope(tenant.id):
                record_many(ENDED, system("bench"), [(on, details)] * 100)
        recorded = time.perf_counter()
        sequencer.sequence(tenant.id)
        recording_s += recorded - began
        sequencing_s += time.perf_counter() - recorded
    key = signer()
    assert key is not None
    with tenant_scope(tenant.id):
        began = time.perf_counter()
        verified = verify_log(log_of(tenant.id), [key.public_key], key.tip(tenant.id))
        verifying_s = time.perf_counter() - began
        assert AuditCheckpoint.objects.count() == ENTRIES // PASS
    assert verified.verdict.broken_at is None
    assert verified.signed == ENTRIES
    against = f"{ENTRIES:,} entries of one log, a checkpoint for each {PASS:,}; one process"
    for name, seconds, target in (
        ("audit: entries through inbox, sequencer and checkpoint", recording_s + sequencing_s, 2000),
        ("audit: entries through sequencer and checkpoint", sequencing_s, None),
        ("audit: entries checked by audit_verify", verifying_s, None),
    ):
        yield {
            "name": name,
            "value": ENTRIES / seconds,
            "unit": "1/s",
            "against": against,
            "target": target,
            "better": "higher",
        }


def _added(people: Any) -> dict[str, Any]:
    """The same request with its act recorded and with nothing recorded, in turn."""
    from vsaas.accounts import own

    person, at = cast_client(people.alice), f"/t/{people.tenant_a.slug}/account"
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(TIMES):
        for audited in (True, False):
            with nothing(own, "record_act", not audited):
                began = time.perf_counter()
                reply = person.post(at, {"name": f"Alice {number} {audited}"})
                taken[audited].append((time.perf_counter() - began) * 1000)
            assert reply.status_code == 302, reply.status_code
    added = statistics.median(taken[True]) - statistics.median(taken[False])
    return {
        "name": "audit: added to a request, median",
        "value": max(added, 0.0),
        "unit": "ms",
        "against": f"a change of one's name, {TIMES} times with its act and as often without, in turn",
        "target": 2,
    }


def cast_client(account: Any) -> Any:
    from tests import cast

    return cast.sign_in(account)


@contextmanager
def nothing(module: Any, name: str, switched: bool) -> Iterator[None]:
    """Inside the block the function does nothing, where `switched`."""
    kept = getattr(module, name)
    if switched:
        setattr(module, name, lambda *_args, **_kwargs: None)
    try:
        yield
    finally:
        setattr(module, name, kept)


def main() -> None:
    """Prints the rows as JSON on one line."""
    with databases():
        print(json.dumps(list(_measure())))


if __name__ == "__main__":
    main()
