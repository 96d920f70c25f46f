"""Redis scripts that change a job atomically; the keys are described in `graph.delegation.jobs`."""

_IS_OPEN = """
local status = redis.call('HGET', KEYS[1], 'status')
if status ~= 'queued' and status ~= 'running' then return 0 end
"""
START = """
local job, open, all = KEYS[1], KEYS[2], KEYS[3]
local id, now, most, kept = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
if redis.call('EXISTS', job) == 1 then return 0 end
if redis.call('SCARD', open) >= most then return -1 end
for i = 5, #ARGV, 2 do redis.call('HSET', job, ARGV[i], ARGV[i + 1]) end
redis.call('SADD', open, id)
redis.call('ZADD', all, now, id)
redis.call('ZREMRANGEBYRANK', all, 0, -1 - kept)
return 1
"""
BEGIN = (
    _IS_OPEN
    + """
redis.call('HSET', KEYS[1], 'status', 'running')
return redis.call('HINCRBY', KEYS[1], 'begun', 1)
"""
)
UNDO_BEGIN = _IS_OPEN + "return redis.call('HINCRBY', KEYS[1], 'begun', -1)"
STOP = _IS_OPEN + "redis.call('HSET', KEYS[1], 'stop', 1) return 1"
BEAT = (
    _IS_OPEN
    + """
redis.call('HINCRBYFLOAT', KEYS[1], 'seconds', ARGV[1])
return 1 - redis.call('HEXISTS', KEYS[1], 'stop')
"""
)
NOTE = _IS_OPEN + "redis.call('HSET', KEYS[1], 'calls', ARGV[1], 'tools', ARGV[2]) return 1"
COUNT_FAILURE = _IS_OPEN + "return redis.call('HINCRBY', KEYS[1], 'tries', 1)"
ADD_PROGRESS = (
    _IS_OPEN
    + """
if redis.call('SADD', KEYS[3], ARGV[1]) == 0 then return 0 end
return redis.call('RPUSH', KEYS[2], ARGV[2])
"""
)
END = (
    _IS_OPEN
    + """
local id, kept = ARGV[1], ARGV[2]
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
for i = 1, 3 do redis.call('EXPIRE', KEYS[i], kept) end
redis.call('SREM', KEYS[4], id)
return 1
"""
)
