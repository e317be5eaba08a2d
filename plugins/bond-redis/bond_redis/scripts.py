"""The scripts that run inside the server, each at once and whole.

KEYS are a log's stream and the hash beside it, which holds `epoch`, `writer` (who may write),
`term` (when it claimed that, in µs since 1970 or later, so that a later claim has a greater one
also where the server has lost the one before; a server that was started again with an older state
has a lower one than the writer of now, who then goes on), `head` (the id of the last entry, 0-0
before the first), `ts` (when that was appended), `oldest` (the first number that is stored),
`events` (how many are stored), `name` (the log's, without the prefix) and, after an orderly end,
`finished`.
"""

_LAST = """
local function last()
  local entries = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
  return entries[1] and entries[1][1] or '0-0'
end
local function events_of(id) return tonumber(string.match(id, '%-(%d+)$')) end
local function number_of(id) return tonumber(string.match(id, '^(%d+)')) end
"""

# A server that was started again may have come back with an older state than it had. Where it does
# not give its run id, no end counts as orderly.
_RUN = """
local function run()
  local info = redis.pcall('INFO', 'server')
  return type(info) == 'string' and string.match(info, 'run_id:(%x+)') or nil
end
"""

LOOK = (
  _LAST
  + _RUN
  + """
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'head', 'ts', 'oldest', 'finished', 'name')
local id, now = last(), run()
local in_order = now and meta[5] == id .. ':' .. now
return {meta[1] or '', meta[2] or '0-0', meta[3] or '0', meta[4] or '1', id, in_order and 1 or 0,
  meta[6] or ''}
"""
)
"""→ epoch (empty: none), head, ts, oldest, id of the last entry, 1 after an orderly end, the log's
name (empty: not noted)."""

CLAIM = (
  _LAST
  + _RUN
  + """
local epoch, writer, fresh, known, first = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local name, own = ARGV[6], tonumber(ARGV[7])
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'head', 'ts', 'oldest', 'finished', 'writer',
  'term')
local id, now = last(), run()
local before, time = tonumber(meta[7] or '0'), redis.call('TIME')
local term = string.format('%.0f', math.max(own, before + 1, time[1] * 1e6 + time[2]))
local gave_up = fresh == '1' and (meta[6] == writer or own > before)
if meta[1] and meta[6] ~= writer and own > 0 and own <= before then return {'writer'} end
if meta[1] and id ~= '0-0' and not gave_up then
  if fresh == '1' or meta[1] ~= epoch or number_of(meta[2]) >= first then return {'writer'} end
  redis.call('HSET', KEYS[2], 'writer', writer, 'name', name, 'term', term)
  redis.call('HDEL', KEYS[2], 'finished')
  local in_order = now and meta[5] == meta[2] .. ':' .. now
  return {'ok', meta[2], meta[3] or '0', meta[4] or '1', in_order and 1 or 0, term}
end
if fresh ~= '1' then return {'gone'} end
if id ~= '0-0' and id ~= known then return {'foreign'} end
redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[2], 'epoch', epoch, 'writer', writer, 'head', '0-0', 'events', 0,
  'name', name, 'term', term)
return {'ok', '0-0', '0', '1', 0, term}
"""
)
"""ARGV: epoch, writer, 1 to begin the epoch or 0 to go on with it, the last id known, the first
number to be written, the log's name, the term of this writer's last claim or 0. → ok, then the
head, ts, oldest and 1 after an orderly end, as they were, and its term now; writer: another process
writes; gone: nothing is stored any more; foreign: the stream is not one of Bond's. A writer may
begin another epoch in place of its own and of an older one."""

APPEND = (
  _LAST
  + """
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'writer', 'head', 'events', 'oldest', 'term')
if not meta[1] then return {'gone'} end
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] then
  if tonumber(meta[6] or '0') >= tonumber(ARGV[5]) then return {'writer'} end
  if meta[1] ~= ARGV[1] then return {'gone'} end
  redis.call('HSET', KEYS[2], 'writer', ARGV[2], 'term', ARGV[5])
end
if meta[3] ~= '0-0' and redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
if meta[3] ~= ARGV[3] then
  if meta[3] == '0-0' then return {'gone'} end
  return {'head', meta[3], meta[5]}
end
local events = tonumber(meta[4])
for i = 6, #ARGV, 3 do
  redis.call('XADD', KEYS[1], ARGV[i], 'data', ARGV[i + 2], 'ts', ARGV[i + 1])
  events = events + events_of(ARGV[i])
end
local over = events - tonumber(ARGV[4])
while over > 0 do
  local upto = nil
  for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', math.min(over, 100))) do
    local count = events_of(entry[1])
    if count > over then over = 0 break end
    over, events, upto = over - count, events - count, number_of(entry[1])
  end
  if not upto then break end
  redis.call('XTRIM', KEYS[1], 'MINID', string.format('%.0f', upto + 1))
end
local id = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1][1]
local oldest = string.format('%.0f', number_of(id) - events_of(id) + 1)
redis.call('HSET', KEYS[2], 'head', ARGV[#ARGV - 2], 'ts', ARGV[#ARGV - 1], 'events', events,
  'oldest', oldest)
return {'ok', oldest}
"""
)
"""ARGV: epoch, writer, the head as the writer knows it, how many events to keep, its term, then of
each entry its id, ts and data. → ok and the oldest number stored; gone, writer: as above; head,
what it is and the oldest number, where it is another than the writer knows. Nothing is written but
after ok."""

FINISH = (
  _RUN
  + """
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'writer', 'head')
local now = run()
if meta[1] == ARGV[1] and meta[2] == ARGV[2] and meta[3] == ARGV[3] and now then
  redis.call('HSET', KEYS[2], 'finished', ARGV[3] .. ':' .. now)
end
"""
)
"""ARGV: epoch, writer, head."""

REMOVE = "redis.call('DEL', KEYS[1], KEYS[2])"

FIND = (
  _LAST
  + """
local low, high = 1, number_of(last())
local found = ''
while low <= high do
  local middle = math.floor((low + high) / 2)
  local entry = redis.call('XRANGE', KEYS[1], string.format('%.0f-0', middle), '+', 'COUNT', 1)[1]
  local fields = {}
  for i = 1, #entry[2], 2 do fields[entry[2][i]] = entry[2][i + 1] end
  if tonumber(fields['ts']) >= tonumber(ARGV[1]) then
    found, high = entry[1], middle - 1
  else
    low = number_of(entry[1]) + 1
  end
end
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'head', 'oldest')
return {meta[1], meta[2], meta[3], found}
"""
)
"""ARGV: a time (epoch ms). → epoch, head, oldest (each null where there is none), and the id of the
first entry that was appended then or later, empty where there is none."""
