"""How many requests a caller may send: a token or a signed-in account so many a minute, evenly or in a burst.

The generic cell rate algorithm in Redis: one number per caller, decided and counted in one step. Replies tell what is left
(RateLimit fields, draft-ietf-httpapi-ratelimit-headers), and a refusal when to come back (Retry-After).
"""

from __future__ import annotations

import hashlib
import logging
import math
from dataclasses import dataclass

import redis
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor
from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.errors import TooMany

logger = logging.getLogger(__name__)

# KEYS[1] holds when the caller's allowance will be whole again (seconds). ARGV: now, seconds per request, requests of a
# whole allowance. Answers: let through (1 or 0), seconds until the next is, seconds until the allowance is whole again.
_TAKE = """
local now, each, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local whole = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now)
local after = whole + each
local wait = after - each * most - now
if wait > 0.000001 then
  return {0, string.format('%.6f', wait), string.format('%.6f', whole - now)}
end
redis.call('SET', KEYS[1], string.format('%.6f', after), 'EX', math.ceil(after - now) + 1)
return {1, '0', string.format('%.6f', after - now)}
"""


@dataclass(frozen=True, slots=True)
class Rate:
    """`requests` in `seconds`, at once or spread; `name` is told to callers."""

    name: str
    requests: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Taken:
    """What one request left of an allowance."""

    rate: Rate
    left: int
    whole_in_s: int

    def headers(self) -> dict[str, str]:
        """The RateLimit fields."""
        return {
            "RateLimit-Policy": f'"{self.rate.name}";q={self.rate.requests};w={self.rate.seconds}',
            "RateLimit": f'"{self.rate.name}";r={self.left};t={self.whole_in_s}',
        }


TOKEN = Rate("token", requests=settings.ENV.api_requests_per_minute, seconds=60)
# A browser showing many cameras asks often; this bounds a script gone wrong, not a person.
SESSION = Rate("session", requests=3000, seconds=60)


class TooFast(TooMany):
    """The caller's allowance is used up for the moment."""

    problem = "too-fast"
    title = _("Too many requests")


def take(rate: Rate, actor: Actor) -> Taken | None:
    """Count one request of the actor; raises TooFast. Without Redis everybody is let through (None): limits keep the
    service fair, they guard no right."""
    who = f"{rate.name}\x00{actor.token_id or actor.account_id}"
    key = f"vsaas.rate.{hashlib.sha256(who.encode()).hexdigest()}"
    each_s = rate.seconds / rate.requests
    try:
        answer = common_redis.client().eval(
            _TAKE, 1, key, f"{clock.now().timestamp():.6f}", f"{each_s:.9f}", str(rate.requests)
        )
    except redis.RedisError as error:
        logger.warning("requests are not counted: Redis does not answer: %s", error)
        return None
    allowed, wait_s, whole_s = int(answer[0]), float(answer[1]), float(answer[2])
    left = max(0, math.floor(rate.requests - whole_s / each_s + 1e-6))
    taken = Taken(rate, left if allowed else 0, math.ceil(whole_s))
    if not allowed:
        retry_s = max(1, math.ceil(wait_s))
        error = TooFast(
            _("%(requests)s requests in %(seconds)s s are allowed; try again in %(wait)s s")
            % {"requests": rate.requests, "seconds": rate.seconds, "wait": retry_s},
            retry_after_s=retry_s,
        )
        error.headers |= taken.headers()
        raise error
    return taken
