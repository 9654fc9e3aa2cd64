"""Logs that a test alters go afterwards: what looks at every tenant's log would stumble over them for the rest of the run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from tests.cast import owner_connection
from vsaas.audit.signer import signer


@contextmanager
def altered(tenant_id: UUID) -> Iterator[None]:
    """Whatever is done to this tenant's log is forgotten at the end, with what was signed of it."""
    try:
        yield
    finally:
        key = signer()
        assert key is not None
        (key.tips / f"{tenant_id}.json").unlink(missing_ok=True)
        with owner_connection() as owner:
            for table in ("auditinbox", "auditentry", "auditcheckpoint", "auditpruning"):
                owner.execute(f"DELETE FROM audit_{table} WHERE tenant_id = %s", [tenant_id])
