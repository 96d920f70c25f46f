"""Redis scripts that change lanes atomically; `bot.telegram.inbox.lanes` documents the keys."""

DEAD_KEPT = 1000

_RING = "redis.call('LPUSH', KEYS[1], 1) redis.call('LTRIM', KEYS[1], 0, 63) "
_NOW = "local t = redis.call('TIME') local now = t[1] * 1000 + math.floor(t[2] / 1000) "
_IF_MINE = "if redis.call('HGET', KEYS[4], ARGV[1]) ~= ARGV[2] then return 0 end "
_LET_GO = (
    """
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZREM', KEYS[3], ARGV[1])
redis.call('HDEL', KEYS[5], ARGV[1], ARGV[1] .. '|begun', ARGV[1] .. '|with')
if redis.call('LLEN', KEYS[7]) > 0 then redis.call('RPUSH', KEYS[2], ARGV[1]) """
    + _RING
    + """
else redis.call('SREM', KEYS[6], ARGV[1]) end
return 1
"""
)
PUT = (
    """
if redis.call('SETBIT', KEYS[5], ARGV[4], 1) == 1 then return 0 end
redis.call('EXPIRE', KEYS[5], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[2])
if redis.call('SADD', KEYS[3], ARGV[1]) == 1 then redis.call('RPUSH', KEYS[2], ARGV[1]) """
    + _RING
    + """ end
return 1
"""
)
CLAIM = (
    _NOW
    + """
local due = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now)
for _, lane in ipairs(due) do
  redis.call('ZREM', KEYS[3], lane)
  redis.call('HDEL', KEYS[4], lane)
  redis.call('RPUSH', KEYS[2], lane)
end
while true do
  local lane = redis.call('LPOP', KEYS[2])
  if not lane then return false end
  local update = redis.call('LINDEX', ARGV[3] .. lane, 0)
  if update then
    redis.call('ZADD', KEYS[3], now + ARGV[2], lane)
    redis.call('HSET', KEYS[4], lane, ARGV[1])
    if redis.call('LLEN', KEYS[2]) > 0 then """
    + _RING
    + """ end
    local first = redis.call('HSETNX', KEYS[5], lane .. '|begun', 1)
    return {lane, update, redis.call('HINCRBY', KEYS[5], lane, 1), first}
  end
  redis.call('SREM', KEYS[6], lane)
end
"""
)
RENEW = _NOW + _IF_MINE + "redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1]) return 1"
DONE = (
    _IF_MINE
    + "redis.call('LPOP', KEYS[7]) for i = 3, #ARGV do redis.call('LREM', KEYS[7], 1, ARGV[i]) end"
    + _LET_GO
)
BEHIND = (
    _IF_MINE
    + "return {redis.call('HGET', KEYS[5], ARGV[1] .. '|with'), redis.call('LRANGE', KEYS[7], 1, ARGV[3])}"
)
BIND = _IF_MINE + "redis.call('HSETNX', KEYS[5], ARGV[1] .. '|with', ARGV[3]) return 1"
BURY = (
    _IF_MINE
    + "redis.call('LPOP', KEYS[7]) redis.call('LPUSH', KEYS[8], ARGV[3]) "
    + (f"redis.call('LTRIM', KEYS[8], 0, {DEAD_KEPT - 1})" + _LET_GO)
)
PUT_OFF = (
    _NOW
    + _IF_MINE
    + """
redis.call('HDEL', KEYS[4], ARGV[1])
redis.call('ZADD', KEYS[3], now + ARGV[3], ARGV[1])
if ARGV[4] == '0' then redis.call('HINCRBY', KEYS[5], ARGV[1], -1) end
return 1
"""
)
