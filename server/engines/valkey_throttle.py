"""Attempts to sign in, counted over all nodes; by each node alone while Valkey is away."""

from __future__ import annotations

from collections.abc import Sequence

from server.auth.throttle import (
    ADDRESS_TURN_SECONDS,
    MANY,
    NAME_TURN_SECONDS,
    TOLD_SECONDS,
    WINDOW_SECONDS,
    Attempt,
    LoginThrottle,
    require_turn,
)
from server.clock import new_id
from server.engines.valkey_asking import ValkeyAsking

# The same rules as `auth/throttle.py` tells. The narrowest key comes first, then the name's and the address's; times
# are in milliseconds by Valkey's own clock. What it answers: until one may try again, until the next turn of all.
_BEGIN = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local window, attempts, many = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local besieged = {}
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  besieged[i] = redis.call('ZCARD', key) >= many
end
local most = besieged[2] and 1 or attempts
if redis.call('ZCARD', KEYS[1]) >= most then
  return {redis.call('ZRANGE', KEYS[1], -most, -most, 'WITHSCORES')[2] + window - now, 0}
end
local turn = 0
for i = 2, #KEYS do
  if besieged[i] then
    turn = math.max(turn, redis.call('ZRANGE', KEYS[i], -1, -1, 'WITHSCORES')[2] + ARGV[2 + i] - now)
  end
end
if turn > 0 then return {0, turn} end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now, ARGV[6])
  redis.call('PEXPIRE', key, window)
end
return {0, 0}
"""


class ValkeyThrottle:
    """A `SignInThrottle`. This node counts its own besides: so there is something to go by when Valkey is away."""

    def __init__(self, own: LoginThrottle, asking: ValkeyAsking, *, prefix: str) -> None:
        self._own = own
        self._asking = asking
        self._prefix = f"{prefix}sign-in:"

    @property
    def attempts(self) -> int:
        return self._own.attempts

    async def begin(self, attempt: Attempt) -> None:
        self._own.begin(attempt)
        keys = self._keys(attempt)
        seconds = (WINDOW_SECONDS, NAME_TURN_SECONDS, ADDRESS_TURN_SECONDS)
        window, name_turn, address_turn = (int(each * 1000) for each in seconds)
        arguments = (window, self.attempts, self.attempts * MANY, name_turn, address_turn, new_id())
        answers = await self._asking.ask([("EVAL", _BEGIN, len(keys), *keys, *arguments)])
        if answers is not None:
            wait_ms, turn_ms = answers[0]
            require_turn(wait_ms / 1000, turn_ms / 1000)

    async def succeeded(self, attempt: Attempt) -> None:
        self._own.succeeded(attempt)
        narrowest, *others = self._keys(attempt)
        await self._asking.ask([("DEL", narrowest), *(("ZPOPMAX", key) for key in others)])

    async def is_worth_telling(self, attempt: Attempt) -> bool:
        own = self._own.is_worth_telling(attempt)
        name = attempt.name_key[:64]
        answers = await self._asking.ask([("ZCARD", f"{self._prefix}name:{name}")])
        if answers is None:
            return own
        if answers[0] < self.attempts:
            return False
        once = ("SET", f"{self._prefix}told:{name}", 1, "NX", "EX", int(TOLD_SECONDS))
        answers = await self._asking.ask([once])
        return bool(answers and answers[0])

    def _keys(self, attempt: Attempt) -> Sequence[str]:
        return [f"{self._prefix}{key}" for key in attempt.keys]
