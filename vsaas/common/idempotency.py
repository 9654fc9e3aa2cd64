"""Idempotency keys: a request sent again is answered again, and its act is done once.

The row that stands for a key is written in the transaction of the act itself. So a duplicate that comes while the first
is at work waits for its end at the unique constraint: when the first commits it finds the answer, when the first fails it
does the act. What was refused or failed is not kept: the same key may be tried again.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import OperationalError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from psycopg.errors import LockNotAvailable

from tenants.access import Actor
from tenants.scope import set_local
from vsaas.common import clock, secretbox
from vsaas.common.errors import BadRequest, Conflict, Denied, InvalidFields
from vsaas.common.models import KeptAnswer

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"
KEPT = dt.timedelta(hours=24)
KEY_RULE = r"[\x21-\x7e]{1,255}"
WAIT_S = 10  # a duplicate waits this long for the first

_KEY = re.compile(KEY_RULE)


class KeyUsedOtherwise(InvalidFields):
    """The idempotency key came with another request before."""

    problem = "idempotency-key-reused"


class StillAtWork(Conflict):
    """The first request with this key has not ended yet."""

    problem = "still-at-work"


def key_of(request: HttpRequest) -> str | None:
    """The request's idempotency key, None without one; raises BadRequest for one that is none."""
    key = request.headers.get(HEADER)
    if key is not None and _KEY.fullmatch(key) is None:
        raise BadRequest(
            _("%(header)s must be 1 to 255 visible ASCII characters, such as a UUID") % {"header": HEADER}
        )
    return key


def claim(request: HttpRequest, actor: Actor, key: str, session_id: UUID | None) -> KeptAnswer:
    """This request's row for its key: one without status is ours, the act is to be done; one with status is the answer
    kept before. A key belongs to one credential (token or session) of one account.

    Raises KeyUsedOtherwise, StillAtWork, or Denied when the caller's rights changed since the answer was kept.
    """
    now = clock.now()
    ours = KeptAnswer(
        key_hash=_hash(str(actor.account_id), str(actor.token_id or session_id), key),
        # With the caller's key, so that nobody guesses from it what the body held (a camera's password).
        request_hash=_hash(key, request.method or "", request.get_full_path(), request.body),
        rights_hash=_rights(actor),
        created_at=now,
        expires_at=now + KEPT,
    )
    found = _insert_or_find(ours)
    if found.id != ours.id and found.expires_at <= now:
        found.delete()
        found = _insert_or_find(ours)
    if found.id == ours.id:
        return ours
    if bytes(found.request_hash) != ours.request_hash:
        raise KeyUsedOtherwise(
            _("this %(header)s was used with another request; choose a new one for each act")
            % {"header": HEADER}
        )
    if bytes(found.rights_hash) != ours.rights_hash:
        raise Denied(_("your rights changed since this was answered; ask again with a new key"))
    return found


def _insert_or_find(ours: KeptAnswer) -> KeptAnswer:
    set_local("default", "lock_timeout", f"{WAIT_S}s")
    try:
        KeptAnswer.objects.bulk_create([ours], ignore_conflicts=True)
    except OperationalError as error:
        if isinstance(error.__cause__, LockNotAvailable):
            raise StillAtWork(
                _("the first request with this key is still at work; ask again in a moment")
            ) from error
        raise
    set_local("default", "lock_timeout", "0")
    found: KeptAnswer = KeptAnswer.objects.get(key_hash=ours.key_hash)
    return found


def keep(row: KeptAnswer, key: str, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """Keep the answer, in the transaction of the act."""
    document = json.dumps({"headers": dict(headers), "body": body.decode()}).encode()
    sealed = secretbox.seal(document, purpose=_purpose(key), bound_to=row.id.bytes)
    KeptAnswer.objects.filter(id=row.id).update(status=status, sealed=sealed)


def kept(row: KeptAnswer, key: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a kept answer."""
    opened = secretbox.open_sealed(row.sealed, purpose=_purpose(key), bound_to=row.id.bytes)
    document: dict[str, Any] = json.loads(opened)
    return row.status, document["headers"], document["body"].encode()


def _purpose(key: str) -> str:
    """The caller's key goes into the sealing key: who holds database and secret key alone opens no answer."""
    return "idempotency:" + key


def _rights(actor: Actor) -> bytes:
    grants = sorted(
        f"{grant.denies}:{grant.site_id}:{grant.camera_id}:{grant.within}:{grant.group!r}:"
        + ",".join(sorted(one.name for one in grant.role.permissions))
        for grant in actor.grants
    )
    return _hash(*grants)


def _hash(*parts: str | bytes) -> bytes:
    """SHA-256 over parts with their lengths, so that no two lists of parts read alike."""
    digest = hashlib.sha256(b"vsaas-idempotency-v1")
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8) + raw)
    return digest.digest()
