"""Redis scripts that change the access list atomically and note the outcome for a repeated update.

KEYS[1] is the note, kept for ARGV[1] seconds; 0 keeps none.
"""

_HEAD = """
local noted = ARGV[1] ~= '0' and redis.call('GET', KEYS[1])
if noted then return noted end
local outcome = 0
"""
_TAIL = """
if ARGV[1] ~= '0' then redis.call('SET', KEYS[1], outcome, 'EX', ARGV[1]) end
return outcome
"""
PEOPLE = (
    _HEAD
    + """
if ARGV[3] == '' then
  outcome = math.max(redis.call('HDEL', KEYS[2], ARGV[2]), redis.call('SADD', KEYS[3], ARGV[2]))
else
  outcome = redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
  redis.call('SREM', KEYS[3], ARGV[2])
end
"""
    + _TAIL
)
"""KEYS: note, people, denied. ARGV: seconds, person, role (empty: deny)."""
GROUPS = _HEAD + "outcome = redis.call(ARGV[3], KEYS[2], ARGV[2])" + _TAIL
"""KEYS: note, groups. ARGV: seconds, group, SADD or SREM."""
PAIR = (
    _HEAD
    + """
if tonumber(redis.call('GET', KEYS[5]) or '0') >= tonumber(ARGV[3]) then return 'too often' end
local role = redis.call('GET', KEYS[4])
if role then
  outcome = 'paired'
  redis.call('DEL', KEYS[4])
  redis.call('SREM', KEYS[3], ARGV[2])
  if redis.call('HGET', KEYS[2], ARGV[2]) ~= 'admin' then redis.call('HSET', KEYS[2], ARGV[2], role) end
else
  outcome = 'wrong'
  if redis.call('INCR', KEYS[5]) == 1 then redis.call('EXPIRE', KEYS[5], ARGV[4]) end
end
"""
    + _TAIL
)
"""KEYS: note, people, denied, code, wrong codes. ARGV: seconds, person, limit of wrong codes, its seconds."""
MIGRATE = """
if redis.call('SREM', KEYS[3], ARGV[1]) == 1 then redis.call('SADD', KEYS[3], ARGV[2]) end
if redis.call('SREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('SADD', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], ARGV[2], redis.call('HGET', KEYS[2], ARGV[1]) or ARGV[1])
return 1
"""
"""KEYS: groups, moved, listening. ARGV: the group's old id, its new id."""
TURN = """
local turn = redis.call('GET', KEYS[2])
if turn then return turn end
local sent, rate = tonumber(ARGV[1]), tonumber(ARGV[2])
local last = redis.call('HMGET', KEYS[1], 'minute', 'count')
local minute, count = tonumber(last[1] or 0), tonumber(last[2] or 0)
if sent > minute then minute, count = sent, 0
elseif count >= rate then minute, count = minute + 1, 0 end
redis.call('HSET', KEYS[1], 'minute', minute, 'count', count + 1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
redis.call('SET', KEYS[2], minute, 'EX', ARGV[3])
return minute
"""
"""KEYS: the latest minute and its messages, the minute of this message. ARGV: minute in which it was sent,
messages a minute, seconds."""
