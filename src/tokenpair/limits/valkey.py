"""The counters of rate limits in Valkey or Redis.

Each method is one script, which the server runs as one atomic step. The times are the callers', as
in the other counters; only the expiry of keys is by the server's clock, and late.
"""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from tokenpair.core.limits import COUNTER_KEPT, Place, Refused, Taken
from tokenpair.errors import ConfigurationError, Unavailable
from tokenpair.reasons import reason_of
from tokenpair.valkey_url import UNREADABLE, normalised

_SECONDS = 2
"""Longest wait for a connection, and for an answer, in seconds. A log-in waits for both."""

_SCOPE_DIGITS = 16
"""Length of the part of a key that names its app."""

# Times are whole microseconds, which Lua's numbers hold exactly. They are passed and stored as
# text, because Lua would print them rounded.
_RESERVE = """
local now, places = tonumber(ARGV[1]), cjson.decode(ARGV[2])
local needed, refused = {}, nil
for index, place in ipairs(places) do
  local known = place.unless and redis.call('HGET', KEYS[place.unless], 'ends_at')
  if not (known and tonumber(known) > now) then
    local used, ends_at, closed = unpack(
      redis.call('HMGET', KEYS[index], 'used', 'ends_at', 'closed_until'))
    if not (ends_at and tonumber(ends_at) > now) then
      used, ends_at, closed = 0, nil, nil
    end
    if closed and closed ~= '' and tonumber(closed) > now then
      if not refused or tonumber(closed) > tonumber(refused[3]) then
        refused = {'refused', index, closed}
      end
    end
    table.insert(needed, {index, place, tonumber(used) + 1, ends_at})
  end
end
if refused then return refused end
local taken = {'taken'}
for _, each in ipairs(needed) do
  local index, place, used, ends_at = unpack(each, 1, 4)
  local closed = ''
  if #place.waits > 0 then
    ends_at = place.ends_at
    if used >= place.count then
      closed = place.waits[math.min(used - place.count + 1, #place.waits)]
    end
  else
    ends_at = ends_at or place.ends_at
    if used >= place.count then closed = ends_at end
  end
  redis.call('HSET', KEYS[index], 'used', used, 'ends_at', ends_at, 'closed_until', closed)
  if ends_at == place.ends_at then redis.call('PEXPIRE', KEYS[index], place.kept) end
  table.insert(taken, index)
  table.insert(taken, ends_at)
end
return taken
"""
_RELEASE = """
local now, given = tonumber(ARGV[1]), cjson.decode(ARGV[2])
for index, each in ipairs(given) do
  local key = KEYS[index]
  local used, ends_at = unpack(redis.call('HMGET', key, 'used', 'ends_at'))
  local live = ends_at and tonumber(ends_at) > now
  if each.what == 'clear' then
    redis.call('DEL', key)
  elseif each.what == 'known' then
    if not (live and tonumber(ends_at) > tonumber(each.ends_at)) then
      redis.call('HSET', key, 'used', 0, 'ends_at', each.ends_at, 'closed_until', '')
      redis.call('PEXPIRE', key, each.kept)
    end
  elseif live and tonumber(used) > 0 and (each.ends_at == '' or each.ends_at == ends_at) then
    redis.call('HSET', key, 'used', tonumber(used) - 1, 'closed_until', '')
  end
end
return #given
"""


class ValkeyLimits:
    """`ports.LimitCounters` in Valkey, shared by all workers of an app."""

    def __init__(self, url: str, *, scope: str = "") -> None:
        """`scope` tells apps on one Valkey apart, such as by their issuers.

        A success at one app must not clear the failures of another's account with the same address.

        Raises `ConfigurationError`, also when the client is not installed.
        """
        digest = hashlib.sha256(scope.encode()).hexdigest()[:_SCOPE_DIGITS]
        # With a hash tag: a cluster keeps all keys of a script at one place.
        self._prefix = f"{{tokenpair:limit:{digest}}}:"
        try:
            import redis.asyncio as redis  # noqa: PLC0415  An extra.
            from redis.asyncio.retry import Retry  # noqa: PLC0415
            from redis.backoff import NoBackoff  # noqa: PLC0415
        except ModuleNotFoundError as exc:
            raise ConfigurationError(
                "the Valkey client is not installed: pip install 'tokenpair[redis]'"
            ) from exc
        # All but the first two are for a server that answers with garbage.
        self._errors = (
            *(redis.RedisError, OSError, ValueError),
            *(TypeError, LookupError, AttributeError, RecursionError),
        )
        try:
            self._client = redis.Redis.from_url(
                normalised(url),
                decode_responses=True,
                socket_connect_timeout=_SECONDS,
                socket_timeout=_SECONDS,
                # One more try, for a connection that the server has closed.
                retry=Retry(NoBackoff(), 1),
            )
        except ValueError:  # Its text quotes a part of the URL, perhaps of the password.
            raise ConfigurationError(UNREADABLE) from None
        self._reserve = self._client.register_script(_RESERVE)
        self._release = self._client.register_script(_RELEASE)

    async def reserve(self, places: Sequence[Place], now: datetime) -> Sequence[Taken] | Refused:
        """Take each place, or none."""
        keys = [each.key for each in places]
        keys += dict.fromkeys(each.unless for each in places if each.unless)
        described = [_described(each, keys, now) for each in places]
        async with self._translated():
            result, *found = await self._reserve(
                keys=[self._name(key) for key in keys], args=[_text(now), json.dumps(described)]
            )
            pairs = list(zip(found[::2], map(_moment, found[1::2]), strict=True))
            if result == "refused":
                ((index, until),) = pairs
                return Refused(limit=places[index - 1].limit.name, until=until)
            return [_taken(places[index - 1], ends_at) for index, ends_at in pairs]

    async def release(
        self,
        taken: Sequence[Taken],
        now: datetime,
        *,
        clear: Sequence[bytes] = (),
        known: Mapping[bytes, datetime] | None = None,
    ) -> None:
        """Return places, forget counters, and remember keys."""
        given: dict[bytes, dict[str, Any]] = {
            each.key: {"what": "taken", "ends_at": _text(each.ends_at) if each.ends_at else ""}
            for each in taken
        }
        given |= {key: {"what": "clear"} for key in clear}
        given |= {
            key: {"what": "known", "ends_at": _text(until), "kept": _milliseconds(until - now)}
            for key, until in (known or {}).items()
        }
        if not given:
            return
        async with self._translated():
            done = await self._release(
                keys=[self._name(key) for key in given],
                args=[_text(now), json.dumps(list(given.values()))],
            )
            if done != len(given):
                raise ValueError("not the answer of our script")

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    def _name(self, key: bytes) -> str:
        return self._prefix + key.hex()

    @asynccontextmanager
    async def _translated(self) -> AsyncIterator[None]:
        try:
            yield
        except self._errors as exc:
            reason = reason_of(exc)[:200]
            raise Unavailable(f"Valkey, which counts attempts, cannot be used: {reason}") from exc


def _described(place: Place, keys: list[bytes], now: datetime) -> dict[str, Any]:
    limit = place.limit
    described: dict[str, Any] = {
        "count": limit.count,
        "ends_at": _text(now + limit.period),
        "kept": _milliseconds(limit.period),
        "waits": [_text(now + each) for each in limit.waits],
    }
    if place.unless:
        described["unless"] = keys.index(place.unless) + 1
    return described


def _taken(place: Place, ends_at: datetime) -> Taken:
    return Taken(key=place.key, ends_at=place.limit.period_of(ends_at))


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _text(moment: datetime) -> str:
    return str((moment - _EPOCH) // timedelta(microseconds=1))


def _moment(text: str) -> datetime:
    return _EPOCH + timedelta(microseconds=int(text))


def _milliseconds(span: timedelta) -> int:
    """Return for how long the server keeps a key that ends after `span`."""
    return (span + COUNTER_KEPT) // timedelta(milliseconds=1)
