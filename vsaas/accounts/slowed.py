"""Which sign-ins are slowed down just now, so that owners see it and can lift it.

Kept in Redis beside the counters (`throttle`), by address: noted alike whether the address has an account.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import dataclass
from uuid import UUID

import redis
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants.access import Actor
from vsaas.accounts import acts, people, throttle
from vsaas.accounts.models import Account, RecoverySet, TotpDevice
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.errors import Unavailable

EVERYWHERE = "*"
PLACES_MAX = 50
TOLD_EVERY_S = 3600
KEEP_S = 24 * 3600
KINDS = {one.name: one for one in (throttle.PASSWORD, throttle.ACCOUNT, throttle.FACTOR)}


@dataclass(frozen=True, slots=True)
class Slowdown:
    """Sign-in of an account waits until then; `place`: a network, "a known browser", "anywhere", or
    EVERYWHERE it was never signed in from."""

    kind: str
    place: str
    counted_by: str
    until: dt.datetime


def note(tenant_id: UUID, email: str, kind: str, place: str, counted_by: str, wait_s: int) -> bool:
    """An attempt came too soon. Answers whether that is news: the first within the hour."""
    until_us = clock.now_us() + wait_s * 1_000_000
    field = "\x00".join((kind, place, counted_by))
    key = _key(tenant_id, email)
    try:
        client = common_redis.client()
        if client.hexists(key, field) or client.hlen(key) < PLACES_MAX:
            client.hset(key, field, str(until_us))
            client.expire(key, KEEP_S)
        told = f"{key}.told.{hashlib.sha256(field.encode()).hexdigest()}"
        return bool(client.set(told, b"1", nx=True, ex=TOLD_EVERY_S))
    except redis.RedisError as error:
        raise Unavailable(_("attempts cannot be counted just now; try again")) from error


def of_account(account: Account) -> list[Slowdown]:
    """What slows an account's sign-in now, the longest first. Without Redis nobody can sign in, and nothing is known."""
    try:
        kept = common_redis.client().hgetall(_key(account.tenant_id, account.email))
    except redis.RedisError as error:
        raise Unavailable(_("attempts cannot be looked at just now; try again")) from error
    found = [_slowdown(field.decode(), int(until)) for field, until in kept.items()]
    now = clock.now()
    found = [one for one in found if one.until > now]
    return sorted(found, key=lambda one: one.until, reverse=True)


def _slowdown(field: str, until_us: int) -> Slowdown:
    kind, place, counted_by = field.split("\x00")
    return Slowdown(kind, place, counted_by, clock.from_us(until_us))


def lift(request: HttpRequest, actor: Actor, account: Account) -> int:
    """Let an account's sign-in go on at once, wherever it was slowed down; how many places that were."""
    people.lock_people(actor)
    found = of_account(account)
    tenant_id = str(account.tenant_id)
    for one in found:
        subject = str(account.pk) if one.kind == throttle.FACTOR.name else account.email
        parts = (tenant_id, subject) if one.place == EVERYWHERE else (tenant_id, subject, one.counted_by)
        KINDS[one.kind].succeeded(*parts)
    for model in (TotpDevice, RecoverySet):
        for device in model.objects.filter(user=account, throttling_failure_count__gt=0):
            device.throttle_reset()
    try:
        common_redis.client().delete(_key(account.tenant_id, account.email))
    except redis.RedisError as error:
        raise Unavailable(_("attempts cannot be counted just now; try again")) from error
    record_act(acts.SLOWDOWN_LIFTED, who(actor), what(account), request=request, count=len(found))
    return len(found)


def _key(tenant_id: UUID, email: str) -> str:
    return f"vsaas.slowed.{hashlib.sha256(f'{tenant_id}|{email}'.encode()).hexdigest()}"
