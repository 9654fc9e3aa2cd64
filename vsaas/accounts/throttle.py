"""Slowing down guesses. Counts in Redis; keys are hashes, so Redis holds no addresses and no e-mail addresses."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass

import redis
from django.utils.translation import gettext_lazy as _

from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.errors import TooMany, Unavailable

FORGET_S = 24 * 3600

# KEYS[1] the counter; ARGV now, free attempts, cap (all in seconds or counts). Answers the seconds to wait, 0 to go on.
# Counting and deciding in one step: a hundred attempts sent at once count as a hundred.
_ATTEMPT = """
local until_s = tonumber(redis.call('HGET', KEYS[1], 'until') or '0')
local now = tonumber(ARGV[1])
if until_s > now then return tostring(until_s - now) end
local n = redis.call('HINCRBY', KEYS[1], 'n', 1)
local free = tonumber(ARGV[2])
if n >= free then
  local wait = math.min(2 ^ math.min(n - free, 30), tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], 'until', tostring(now + wait))
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
return '0'
"""

# KEYS[1] the counter; ARGV free attempts. Takes one attempt back, and the wait it brought.
_TAKE_BACK = """
local n = redis.call('HINCRBY', KEYS[1], 'n', -1)
if n < tonumber(ARGV[1]) then redis.call('HDEL', KEYS[1], 'until') end
if n <= 0 then redis.call('DEL', KEYS[1]) end
"""


@dataclass(frozen=True, slots=True)
class Throttle:
    """`free` attempts, then one after 1, 2, 4 … seconds, `cap_s` at most, until `succeeded` or a day without attempts."""

    name: str
    free: int
    cap_s: int

    def attempt(self, *parts: str) -> None:
        """Count an attempt at what `parts` name; raises TooMany when it comes too soon, Unavailable without Redis."""
        now = repr(clock.now().timestamp())
        try:
            client = common_redis.client()
            wait = float(client.eval(_ATTEMPT, 1, self._key(parts), now, self.free, self.cap_s, FORGET_S))
        except redis.RedisError as error:
            raise Unavailable(
                _("attempts cannot be counted just now, so none is let through; try again")
            ) from error
        if wait > 0:
            raise TooMany(retry_after_s=max(1, math.ceil(wait)))

    def succeeded(self, *parts: str) -> None:
        """Forget the attempts."""
        try:
            common_redis.client().delete(self._key(parts))
        except redis.RedisError as error:
            raise Unavailable(_("attempts cannot be counted just now; try again")) from error

    def take_back(self, *parts: str) -> None:
        """Uncount one attempt, which succeeded; the others stay counted: else who has one account here could guess at all
        the others for free."""
        try:
            common_redis.client().eval(_TAKE_BACK, 1, self._key(parts), self.free)
        except redis.RedisError as error:
            raise Unavailable(_("attempts cannot be counted just now; try again")) from error

    def _key(self, parts: tuple[str, ...]) -> str:
        joined = "\x00".join(parts).encode()
        return f"vsaas.throttle.{self.name}.{hashlib.sha256(joined).hexdigest()}"


PASSWORD = Throttle("password", free=5, cap_s=900)  # per tenant, account and network, or known browser
# Per tenant and account, of all places it was never signed in from together: many networks guessing at one account.
ACCOUNT = Throttle("account", free=30, cap_s=60)
NETWORK = Throttle(
    "network", free=40, cap_s=60
)  # per tenant and network: one password tried on many accounts
FACTOR = Throttle("factor", free=5, cap_s=900)  # per tenant, account and network
LINK = Throttle("link", free=10, cap_s=900)  # passwords tried at one link, from whatever network
SETUP = Throttle("setup", free=20, cap_s=300)  # unknown set-up links, per network
RESET_NETWORK = Throttle("reset-network", free=10, cap_s=900)  # messages asked for, per tenant and network
RESET_ADDRESS = Throttle("reset-address", free=3, cap_s=3600)  # the same, per tenant and address
GLASS = Throttle("glass", free=5, cap_s=900)  # break-glass codes tried, per tenant and account
NEW_ADDRESS = Throttle("new-address", free=5, cap_s=3600)  # addresses one account asks to have confirmed
SENT = Throttle("sent-code", free=5, cap_s=900)  # codes sent and none of them used, per tenant and account
LOST = Throttle(
    "lost-factor", free=5, cap_s=900
)  # a new second factor asked for at the door, per tenant and account
