"""What the server does in one go, in its own language.

Every script that writes first looks whether this is the store it was written for: a server that lost everything, or was
given another store, answers STRANGER and is left as it is, as is one that answers SPOILT: its count of writes cannot be
gone on with. Its first two keys are the store's life and the number of the last write, its first argument is the life
that is expected.
"""

from __future__ import annotations

from kunji._redis import LAST_NUMBER

STRANGER, SUPERSEDED, SPOILT = "STRANGER", "SUPERSEDED", "SPOILT"
"""How the answers of scripts that refuse begin."""

_OURS = f"""
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return redis.error_reply('{STRANGER} store') end
if (tonumber(redis.call('GET', KEYS[2]) or '0') or math.huge) >= {LAST_NUMBER} then
  return redis.error_reply('{SPOILT} count')
end
local function numbered(n, text) return string.format('%.0f', n) .. ' ' .. text end
"""
_NOW = "local t = redis.call('TIME'); local now = t[1] * 1000 + math.floor(t[2] / 1000)"
_NOT_SUPERSEDED = f"""
local function check_holder(holders, name, owner)
  local last = redis.call('HGET', holders, name)
  return owner == '' or not last or last == owner
end
local superseded = redis.error_reply('{SUPERSEDED} holder')
"""

# 3 token, 4 kept, 5 changed, 6 holders; account, owner of the account's lock or nothing, milliseconds the token has
# left, the sealed token, what is kept of it, the channel.
SAVE = (
    _OURS
    + _NOT_SUPERSEDED
    + """
if not check_holder(KEYS[6], ARGV[2], ARGV[3]) then return superseded end
local n = redis.call('INCR', KEYS[2])
if tonumber(ARGV[4]) > 0 then
  redis.call('SET', KEYS[3], numbered(n, ARGV[5]), 'PX', ARGV[4])
else
  redis.call('DEL', KEYS[3])
end
redis.call('HSET', KEYS[4], ARGV[2], numbered(n, ARGV[6]))
redis.call('ZADD', KEYS[5], n, ARGV[2])
redis.call('PUBLISH', ARGV[7], ARGV[2])
return n
"""
)

# As for SAVE, without what is saved.
DELETE = (
    _OURS
    + _NOT_SUPERSEDED
    + """
if not check_holder(KEYS[6], ARGV[2], ARGV[3]) then return superseded end
if redis.call('HDEL', KEYS[4], ARGV[2]) == 0 then return 0 end
redis.call('DEL', KEYS[3])
local n = redis.call('INCR', KEYS[2])
redis.call('ZADD', KEYS[5], n, ARGV[2])
redis.call('PUBLISH', ARGV[4], ARGV[2])
return n
"""
)

# 3 a hash, 4 holders; an account and the owner of its lock, or nothing; then for every record its id, what it was, and
# what it becomes. 0: somebody else came first.
CHANGE = (
    _OURS
    + _NOT_SUPERSEDED
    + """
if not check_holder(KEYS[4], ARGV[2], ARGV[3]) then return superseded end
for i = 4, #ARGV, 3 do
  if (redis.call('HGET', KEYS[3], ARGV[i]) or '') ~= ARGV[i + 1] then return 0 end
end
local n = redis.call('INCR', KEYS[2])
for i = 4, #ARGV, 3 do redis.call('HSET', KEYS[3], ARGV[i], numbered(n, ARGV[i + 2])) end
return n
"""
)

# How many numbers are wanted that no write had; the last of them.
NUMBERS = _OURS + "return redis.call('INCRBY', KEYS[2], ARGV[2])"

# 3 the outbox, 4 the marks of messages; whether one whose mark is known is left out, milliseconds a mark is kept, then
# for every message its number, itself sealed, and its mark or nothing.
QUEUE = (
    _OURS
    + _NOW
    + """
redis.call('INCR', KEYS[2])
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', now - ARGV[3])
for i = 4, #ARGV, 3 do
  local new = ARGV[i + 2] == '' or redis.call('ZADD', KEYS[4], 'NX', now, ARGV[i + 2]) == 1
  if new or ARGV[2] == '0' then redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1]) end
end
return 1
"""
)

# 3 the outbox; numbers and what takes the message's place, if anything.
SETTLE = (
    _OURS
    + """
redis.call('INCR', KEYS[2])
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '' then
    redis.call('HDEL', KEYS[3], ARGV[i])
  elseif redis.call('HEXISTS', KEYS[3], ARGV[i]) == 1 then
    redis.call('HSET', KEYS[3], ARGV[i], ARGV[i + 1])
  end
end
return 1
"""
)

# 3 an account's history; a row, and how many are kept. A row that comes twice in a row was sent again.
RECORD = (
    _OURS
    + """
if redis.call('LINDEX', KEYS[3], 0) == ARGV[2] then return 0 end
redis.call('INCR', KEYS[2])
redis.call('LPUSH', KEYS[3], ARGV[2])
redis.call('LTRIM', KEYS[3], 0, ARGV[3] - 1)
return 1
"""
)

# 3 an account's history; all its rows, newest first.
REWRITE = (
    _OURS
    + """
redis.call('INCR', KEYS[2])
redis.call('DEL', KEYS[3])
for i = 2, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
return 1
"""
)

# 3 where a record lies; its id in a hash or nothing, what it was, what it becomes.
RESEAL = (
    _OURS
    + """
if ARGV[2] ~= '' then
  if redis.call('HGET', KEYS[3], ARGV[2]) ~= ARGV[3] then return 0 end
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[4])
else
  if redis.call('GET', KEYS[3]) ~= ARGV[3] then return 0 end
  redis.call('SET', KEYS[3], ARGV[4], 'KEEPTTL')
end
return 1
"""
)

# As for RESEAL, in a list.
RESEAL_ROW = (
    _OURS
    + """
if redis.call('LINSERT', KEYS[3], 'BEFORE', ARGV[3], ARGV[4]) < 1 then return 0 end
return redis.call('LREM', KEYS[3], 1, ARGV[3])
"""
)

# 3 a lock, 4 holders, 5 settling; name, owner, milliseconds. Nobody takes anything while what was lost is put back.
TAKE = (
    _OURS
    + """
if redis.call('EXISTS', KEYS[5]) == 1 then return 0 end
local there = redis.call('GET', KEYS[3])
if there and there ~= ARGV[3] then return 0 end
redis.call('SET', KEYS[3], ARGV[3], 'PX', ARGV[4])
redis.call('HSET', KEYS[4], ARGV[2], ARGV[3])
return 1
"""
)

# 3 holders; milliseconds, then for every lock its key, name and owner. One that ended unrenewed goes on if nobody took
# it since.
RENEW = (
    _OURS
    + """
local kept = {}
for i = 3, #ARGV, 3 do
  local there, last = redis.call('GET', ARGV[i]), redis.call('HGET', KEYS[3], ARGV[i + 1])
  if there == ARGV[i + 2] or (not there and (not last or last == ARGV[i + 2])) then
    redis.call('SET', ARGV[i], ARGV[i + 2], 'PX', ARGV[2])
    redis.call('HSET', KEYS[3], ARGV[i + 1], ARGV[i + 2])
    kept[#kept + 1] = ARGV[i + 1]
  end
end
return kept
"""
)

# 1 a lock; owner.
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# 3 era, 4 settling; the era as it was known, a new one, the number of the last write known, milliseconds to settle.
# Gives the life and the era that there are now. Whoever first notices a loss begins a new era, whose writes have
# numbers that none of the lost ones had; by it all others notice, too.
RESUME = """
if not redis.call('GET', KEYS[1]) then redis.call('SET', KEYS[1], ARGV[1]) end
local era, writes = redis.call('GET', KEYS[3]), tonumber(redis.call('GET', KEYS[2]) or '0')
if not era or (era == ARGV[2] and writes < tonumber(ARGV[4])) then
  era = ARGV[3]
  redis.call('SET', KEYS[3], era)
  redis.call('SET', KEYS[2], string.format('%.0f', math.max(writes, tonumber(ARGV[4])) + 1000000))
end
redis.call('SET', KEYS[4], '1', 'PX', ARGV[5])
return {redis.call('GET', KEYS[1]), era}
"""

# 3 changed; whether only what is not there is put back, the channel; then for every record: its key, its id in a hash
# or nothing, its number, its sealed text or nothing if it was deleted, milliseconds it has left or nothing, the account
# whose token it is or nothing.
PUT_BACK = (
    _OURS
    + """
local put = 0
for i = 4, #ARGV, 6 do
  local key, id, n, text, left, account = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
  local there
  if id == '' then there = redis.call('GET', key) else there = redis.call('HGET', key, id) end
  local newer = tonumber(n) > tonumber(there and string.match(there, '^%d+') or '0')
  if ARGV[2] == '1' then newer = not there and text ~= '' end
  if newer then
    put = put + 1
    local whole = n .. ' ' .. text
    if id ~= '' then
      if text == '' then redis.call('HDEL', key, id) else redis.call('HSET', key, id, whole) end
    elseif text == '' then
      redis.call('DEL', key)
    else
      redis.call('SET', key, whole, 'PX', left)
    end
    if account ~= '' then
      redis.call('ZADD', KEYS[3], redis.call('INCR', KEYS[2]), account)
      redis.call('PUBLISH', ARGV[3], account)
    end
  end
end
return put
"""
)

# 1 the leader, 2 who is present; who asks, milliseconds, whether it would lead. Gives who leads and all who are there.
ATTEND = (
    _NOW
    + """
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], now + ARGV[2], ARGV[1])
local leader = redis.call('GET', KEYS[1])
if ARGV[3] == '1' and (not leader or leader == ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  leader = ARGV[1]
elseif leader == ARGV[1] then
  redis.call('DEL', KEYS[1])
  leader = false
end
return {leader or '', redis.call('ZRANGE', KEYS[2], 0, -1)}
"""
)

# 1 the leader, 2 who is present. Gives who leads and all who are there.
LOOK = _NOW + "return {redis.call('GET', KEYS[1]) or '', redis.call('ZRANGEBYSCORE', KEYS[2], now, '+inf')}"

# 1 the leader, 2 who is present, 3 what is due; who leaves, then what it claimed and did not finish.
LEAVE = (
    _NOW
    + """
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
redis.call('ZREM', KEYS[2], ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[3], 'XX', now, ARGV[i]) end
"""
)

# 1 what is due, by when it may be claimed; accounts.
OFFER = _NOW + "for _, account in ipairs(ARGV) do redis.call('ZADD', KEYS[1], 'NX', now, account) end"

# 1 what is due, by when it may be claimed; an account.
HAND_BACK = _NOW + "return redis.call('ZADD', KEYS[1], 'XX', now, ARGV[1])"

# 1 what is due; how many, and milliseconds until somebody else may claim it.
CLAIM = (
    _NOW
    + """
local claimed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
for _, account in ipairs(claimed) do redis.call('ZADD', KEYS[1], now + ARGV[2], account) end
return claimed
"""
)
